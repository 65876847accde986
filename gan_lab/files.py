"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """Write to the path this yields; at the end it takes the name of `file`, in one step.

    If writing fails, a full disk say, what stood at `file` before stays as it was.
    """
    part = file.with_name(f".part-{file.name}")
    try:
        yield part
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
