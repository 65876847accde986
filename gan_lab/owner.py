"""One owner at a time: what a process writes into, no other process may write into, until it is done or ends."""

import contextlib
import errno
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from gan_lab.files import put_aside, whole

LOCK = ".lock"  # held by its owner; empty
OWNER = ".owner"  # who that is, in words
WAY_OUT = "wait for its end, stop it, or choose another folder"
PATIENCE = 1.0  # seconds; a process that only looks is done by then
_latest: dict[Path, object] = {}  # of those in this process who asked for a folder; it alone gives it back


@contextmanager
def owned(folder: Path, way_out: str = WAY_OUT) -> Iterator[None]:
    """In here the folder, which is made if it is not there, belongs to this process.

    A process that ends, even if it is killed, leaves nothing behind that would keep others out. Within one process the
    latest to ask has it: a cell that is run again goes on where the interrupted one stood.
    Raises BlockingIOError, naming the other process, if the folder belongs to one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = folder.resolve()
    lock = lock_of(folder)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise in_use(folder, way_out) from None
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


def in_use(folder: Path, way_out: str = WAY_OUT) -> BlockingIOError:
    """What to raise where a folder belongs to another process."""
    return BlockingIOError(f"{folder} is in use by {owner(folder)}: {way_out}")


def owner(folder: Path) -> str:
    """Who the folder belongs to, in words."""
    try:
        return (folder / OWNER).read_text()
    except OSError:
        return "another process"


def lock_of(folder: Path) -> BaseFileLock:
    """The lock of a folder, one in this process."""
    return FileLock(folder.resolve() / LOCK, is_singleton=True, thread_local=False)


def is_free(folder: Path) -> bool:
    """Whether the folder belongs to no process, this one included; see `owned`. Of one that only its own user may write
    into nobody else can tell: it counts as theirs."""
    lock = lock_of(folder)
    if lock.is_locked or not (folder / LOCK).exists():
        return not lock.is_locked
    try:
        with lock.acquire(timeout=0):
            return True
    except (Timeout, PermissionError):
        return False
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return True  # where nobody can write, nobody works


def begin_anew(folder: Path, way_out: str = WAY_OUT) -> None:
    """Put the folder aside, as "seed=0~1": nothing of it is lost. Raises BlockingIOError if a process works in it."""
    with owned(folder, way_out):
        pass  # given back before the folder moves: Windows moves none in which a file is open
    put_aside(folder)
