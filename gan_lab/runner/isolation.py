"""A process cut off from the network, from other processes, from folders that it is not to see, and from writing."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from gan_lab.runner.surroundings import surroundings

# The own folder stays reachable as "." when one above it is hidden, and is put back in its place. All else becomes
# read-only; a system may refuse that for a part of it, but not for where the package is, or the home folder. A mount
# keeps its flags, since who is not root may take none away. The shell must not hold a file open for writing meanwhile.
HIDE = r"""cd "$1" || exit 97; own=$1 package=$2 home=$3; shift 3
while [ "$1" != -- ]; do mount -t tmpfs none "$1" || exit 97; shift; done; shift
mkdir -p "$own" && mount --no-canonicalize --bind . "$own" && cd "$own" || exit 97
while read -r _ point _ flags _; do
    point=$(printf %b "$point") kept=
    for flag in nosuid nodev noexec noatime nodiratime relatime; do
        case ,$flags, in *,$flag,*) kept=$kept,$flag ;; esac
    done
    [ "$point" -ef . ] || mount -o "remount,bind,ro$kept" "$point" 2> /dev/null
done < /proc/self/mounts
! [ -w "$package" ] && ! [ -w "$home" ] || exit 97
mount -t tmpfs none /dev/shm  # what processes share memory by
exec unshare --user "$@"
"""
UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child"]
UNSHARE += ["sh", "-c", HIDE, "sh"]
PACKAGE = Path(__file__).parent
SHARED = ("/tmp", "/run")  # where programs of a machine meet: their sockets could be written to
PASSED_ON = re.compile(r"PATH|LANG|LANGUAGE|LC_\w+|TZ|VIRTUAL_ENV|PYTHON\w*|LD_LIBRARY_PATH|SYSTEMROOT")


def refuse_to_grade_here(*, trusted: bool = False) -> None:
    """Raises ValueError, with the way out, where no answers can be graded, or not cut off from the rest of the machine;
    the latter not if they are `trusted`."""
    if sys.platform == "win32":
        raise ValueError(
            "Windows cannot grade: each answer runs in a fork of one process, which Windows does not have. "
            "Give the same command in WSL (wsl --install), or on a machine with Linux"
        )
    if trusted or namespaces():
        return
    why = "this machine allows no user namespaces" if shutil.which("unshare") else "there is no command unshare"
    raise ValueError(
        f"{why}, so answers could reach the network and change your files. Grade on a machine with Linux that allows "
        "user namespaces (the command unshare is in the package util-linux), or say --trusted if you trust all who "
        "handed in"
    )


def isolated(module: str, place: Path, hidden: Sequence[Path], **streams: Any) -> "subprocess.Popen[str]":
    """A module of the package in a process of its own, which works in the folder `place`, with one thread, and finds
    the folders `hidden` empty but for `place`. Of the environment it gets what Python needs. streams: its stdin, stdout
    and stderr, which are text."""
    given = {name: value for name, value in surroundings().items() if PASSED_ON.fullmatch(name)}
    own = {name: str(place) for name in ("HOME", "TMPDIR", "IPYTHONDIR")}
    return subprocess.Popen(
        [*cut_off(place, hidden), sys.executable, "-P", "-m", module],
        cwd=place,
        env={**given, **own, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg", "GAN_LAB_RUNS": "runs"},
        start_new_session=True,
        encoding="utf-8",
        errors="replace",
        **streams,
    )


def cut_off(place: Path, folders: Sequence[Path]) -> list[str]:
    """What to put before a command so that it has no network and no other processes, works in `place`, may write there
    only, and finds these folders and those of SHARED empty but for it; nothing where that is not possible."""
    return hiding(place, [folder for folder in folders if folder.is_dir()]) if namespaces() else []


def hiding(place: Path, folders: Sequence[Path]) -> list[str]:
    """What `cut_off` says, for folders that are there. What programs share may hold the others: it is hidden last."""
    return [*UNSHARE, *map(str, (place, PACKAGE, Path.home(), *folders, *shared())), "--"]


def shared() -> list[Path]:
    """The folders that all programs share, but for one that holds what Python imports, or Python itself."""
    needed = [Path(path).resolve() for path in (*filter(None, sys.path), sys.prefix, sys.base_prefix)]
    places = {Path(place).resolve() for place in (*SHARED, tempfile.gettempdir()) if Path(place).is_dir()}
    return sorted(place for place in places if not any(path.is_relative_to(place) for path in needed))


@cache
def namespaces() -> bool:
    """Whether this machine lets a user cut a process off, as `cut_off` does."""
    if not shutil.which("unshare"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "own"
        own.mkdir()
        return subprocess.run([*hiding(own, [Path(folder)]), "true"], capture_output=True, check=False).returncode == 0
