"""Files that appear whole or not at all, and what stands in the way of a new one, kept under another name."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

PATIENCE = 0.1  # seconds between two attempts


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """Write to the path this yields; at the end it takes the name of `file`, in one step.

    If writing fails, on a full disk say, what stood at `file` before stays as it was, and the OSError names it. Raises
    PermissionError if another program does not let go of it.
    """
    part = file.with_name(f".part-{file.name}")
    try:
        yield part
        replace(part, file)
    except OSError as error:
        if error.errno:
            error.filename = error.filename or str(file)
        raise
    finally:
        part.unlink(missing_ok=True)


def replace(part: Path, file: Path) -> None:
    """Give a file the name of another. Windows refuses while a program reads the other: wait for that, two seconds."""
    for _ in range(20):
        try:
            os.replace(part, file)
            return
        except PermissionError:
            time.sleep(PATIENCE)
    os.replace(part, file)


def put_aside(path: Path) -> None:
    """Give a run's folder, or a file in it, another name, "B1~1" or "rounds~1.csv": nothing of it is lost."""
    if path.exists():
        ending = path.suffix if path.is_file() else ""
        names = (path.with_name(f"{path.name.removesuffix(ending)}~{k}{ending}") for k in count(1))
        print(f"{path} is kept as {path.rename(next(name for name in names if not name.exists()))}")
