"""Files that appear whole or not at all."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 0.1  # seconds between two attempts


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """Write to the path this yields; at the end it takes the name of `file`, in one step.

    If writing fails, a full disk say, what stood at `file` before stays as it was, and the error names `file`. Raises
    PermissionError if another program does not let go of it.
    """
    part = file.with_name(f".part-{file.name}")
    try:
        yield part
        replace(part, file)
    except OSError as error:
        if error.filename is None and error.errno is not None:  # to write to an open file fails without its name
            raise type(error)(error.errno, error.strerror, str(file)) from error
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
