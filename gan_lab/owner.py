"""One owner at a time: what a process writes into, no other process may write into, until it is done or ends."""

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gan_lab.files import whole

LOCK = ".lock"  # held by its owner; empty
OWNER = ".owner"  # who that is, in words
PATIENCE = 1.0  # seconds; a process that only looks is done by then
_latest: dict[Path, object] = {}  # of those in this process who asked for a folder; it alone gives it back


@contextmanager
def owned(folder: Path, way_out: str = "wait for its end, stop it, or choose another folder") -> Iterator[None]:
    """In here the folder, which is made if it is not there, belongs to this process.

    A process that ends, even if it is killed, leaves nothing behind that would keep others out. Within one process the
    latest to ask has it: a cell that is run again goes on where the interrupted one stood.
    Raises BlockingIOError, naming the other process, if the folder belongs to one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = folder.resolve()
    lock = FileLock(place / LOCK, is_singleton=True, thread_local=False)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise BlockingIOError(f"{folder} is in use by {owner(folder)}: {way_out}") from None
    me = _latest[place] = object()
    with contextlib.suppress(OSError), whole(place / OWNER) as part:  # a full disk takes a lock, and no name
        part.write_text(f"process {os.getpid()} on {platform.node()}, since {time.strftime('%H:%M:%S')}")
    try:
        yield
    finally:
        if _latest.get(place) is me:
            del _latest[place]
            with contextlib.suppress(OSError):
                (place / OWNER).unlink()
            lock.release(force=True)


def owner(folder: Path) -> str:
    """Who the folder belongs to, in words."""
    try:
        return (folder / OWNER).read_text()
    except OSError:
        return "another process"
