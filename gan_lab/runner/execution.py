"""One notebook executed in a process of its own, which works in the notebook's folder as Jupyter does."""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from gan_lab.owner import owned
from gan_lab.run_folder import EPOCHS, LOG, RECIPE, Scalar
from gan_lab.runner.status import Failure, Status
from gan_lab.runner.surroundings import surroundings
from gan_lab.runner.versions import code_version, notebook_digest

STDERR = 2  # where a bar belongs; the standard output is for what came of it


def execute(
    notebook: Path,
    parameters: Mapping[str, Scalar],
    out: Path,
    *,
    attempt: int = 1,
    time_limit: float | None = None,
    threads: int | None = None,
    progress: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
    made_by: Status | None = None,
) -> Status:
    """Execute a notebook into the folder `out`: the executed copy, its HTML page, and its status.

    time_limit: seconds for the whole notebook.  threads: how many cores its kernel may use.  progress: draw a bar.
    cancelled: asked twice a second whether to stop.  made_by: what an older version left there; the folder stays its
    work unless something is trained now.
    A failure does not raise, it is in the status that returns; an interrupt stops the notebook with its kernel, then
    goes on to the caller. Raises BlockingIOError, before anything is written, if another process works in the folder.
    """
    notebook, out = notebook.resolve(), out.resolve()
    with owned(out):
        here = Status("running", notebook.stem, dict(parameters), attempt)
        here = replace(here, notebook_digest=notebook_digest(notebook), code=code_version())
        older = made_by or here
        before = trained(out) if made_by else {}
        replace(here, notebook_digest=older.notebook_digest, code=older.code).write(out)
        with tempfile.TemporaryDirectory(prefix="gan-lab-") as files:
            order = {"notebook": str(notebook), "out": str(out), "files": files, "time_limit": time_limit}
            status = play(order, notebook.parent, out, threads, progress, cancelled)
        if made_by and trained(out) != before:
            status = replace(status, notebook_digest=here.notebook_digest, code=here.code)
            status.write(out)
        return status


def trained(out: Path) -> dict[Path, bytes]:
    """What the runs in the folder have kept of their epochs."""
    return {file: file.read_bytes() for name in (RECIPE, EPOCHS) for file in out.rglob(name) if file.is_file()}


def play(
    order: Mapping[str, Any], place: Path, out: Path, threads: int | None, progress: bool, cancelled: Callable[[], bool]
) -> Status:
    """Do as the order says in a process of its own, which works in `place`, and see to a true status."""
    own_share = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    with open(out / LOG, "wb") as log:  # closed at once: Windows deletes no file that is open
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "gan_lab.runner.cells"],
            cwd=place,
            env=surroundings(**own_share),
            stdin=subprocess.PIPE,
            stdout=STDERR if progress else subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,  # Ctrl-C is the caller's to answer
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
        )
    interrupted = True
    try:
        interrupted = watch(child, order, cancelled)
    finally:
        if child.poll() is None:
            kill_family(child.pid)
        child.wait()
        status = concluded(out, "interrupted" if interrupted else "failed", child.returncode)
    return status


def concluded(out: Path, otherwise: str, exit_code: int) -> Status:
    """The status as the process left it or, if it had no time to say how it ended, the state `otherwise`.

    A failure that has nothing else to explain it gets the process's last words.
    """
    status = Status.kept(out)
    if status.state == "done":
        with contextlib.suppress(PermissionError):  # on Windows, while a process that the notebook left writes to it
            (out / LOG).unlink()
        return status
    if status.state == "running" or otherwise == "interrupted":  # who stops a job often stops its kernel first
        failure = Failure(f"its process ended with exit code {exit_code}") if otherwise == "failed" else None
        status = replace(status, state=otherwise, failure=failure)
    if status.failure and not status.failure.traceback:
        last_words = (out / LOG).read_text(errors="replace")[-2000:]
        status = replace(status, failure=replace(status.failure, traceback=last_words))
    status.write(out)
    return status


def watch(child: "subprocess.Popen[bytes]", order: Mapping[str, Any], cancelled: Callable[[], bool]) -> bool:
    """Tell the child what to do, and hold its pipe open until it is done or cancelled; whether it was cancelled."""
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError), child.stdin as pipe:
        pipe.write(json.dumps(order).encode() + b"\n")
        pipe.flush()
        while not cancelled():
            try:
                child.wait(0.5)
                return False
            except subprocess.TimeoutExpired:
                continue
        return True
    return False


def kill_family(pid: int, *, itself: bool = True) -> None:
    """Kill a process with all that it started; a kernel has a session of its own, and would outlive its group."""
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for _ in range(3):  # one of them may have started another meanwhile
            for process in parent.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        if itself:
            parent.kill()
