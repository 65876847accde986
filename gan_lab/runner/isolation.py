"""A process cut off from the network, from other processes, and from folders that it is not to see."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from gan_lab.runner.surroundings import surroundings

# The own folder stays reachable as "." when one above it is hidden, and is put back in its place.
HIDE = """cd "$1" || exit 97; own=$1; shift
while [ "$1" != -- ]; do mount -t tmpfs none "$1" || exit 97; shift; done; shift
mkdir -p "$own" && mount --no-canonicalize --bind . "$own" && cd "$own" || exit 97
exec unshare --user "$@"
"""
UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child"]
UNSHARE += ["sh", "-c", HIDE, "sh"]


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
        f"{why}, so answers could reach the network and your files. Grade on a machine with Linux that allows user "
        "namespaces (the command unshare is in the package util-linux), or say --trusted if you trust all who handed in"
    )


def isolated(module: str, place: Path, hidden: Sequence[Path], **streams: Any) -> "subprocess.Popen[str]":
    """A module of the package in a process of its own, which works in the folder `place`, with one thread, and finds
    the folders `hidden` empty but for `place`. streams: its stdin, stdout and stderr, which are text."""
    own = {name: str(place) for name in ("HOME", "TMPDIR", "IPYTHONDIR")}
    return subprocess.Popen(
        [*cut_off(place, hidden), sys.executable, "-P", "-m", module],
        cwd=place,
        env=surroundings(OMP_NUM_THREADS="1", MPLBACKEND="agg", GAN_LAB_RUNS="runs", **own),
        start_new_session=True,
        encoding="utf-8",
        errors="replace",
        **streams,
    )


def cut_off(place: Path, folders: Sequence[Path]) -> list[str]:
    """What to put before a command so that it has no network and no other processes, works in `place`, and finds these
    folders empty but for it; nothing where that is not possible."""
    there = [str(folder) for folder in folders if folder.is_dir()]
    return [*UNSHARE, str(place), *there, "--"] if namespaces() else []


@cache
def namespaces() -> bool:
    """Whether this machine lets a user cut a process off from the network, from other processes and from folders."""
    if not shutil.which("unshare"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "own"
        own.mkdir()
        tried = [*UNSHARE, str(own), folder, "--", "true"]
        return subprocess.run(tried, capture_output=True, check=False).returncode == 0
