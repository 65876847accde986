"""What the notebooks of a class draw for the board: each in a process of its own, as its student handed it in.

A cell whose first line is `# board` sets `samples`, images (N, 1, 32, 32) in [-1, 1]. The cells before it are run as
well, with all that was handed in beside the notebook in their folder: a run that is there is shown, not trained again.
"""

import base64
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from gan_lab.files import whole
from gan_lab.runner.execution import kill_family
from gan_lab.runner.graded_folder import KEPT, NO_SAMPLES, SAMPLES, place
from gan_lab.runner.isolation import isolated
from gan_lab.runner.limits import BESIDE, PATIENCE, STARTING
from gan_lab.runner.some_at_a_time import some_at_a_time
from gan_lab.runner.submissions import code_cells, read
from gan_lab.runner.versions import code_version

MARK = re.compile(r"\s*#\s*board\s*(\n|$)", re.IGNORECASE)


def draw_samples(
    handed_in: Mapping[str, Sequence[Path]],
    out: Path,
    hidden: Sequence[Path],
    *,
    jobs: int,
    seconds: float,
    megabytes: int,
) -> None:
    """Put what each student's notebook draws into that student's folder in `out`, or a line with the reason why not.

    handed_in: the notebooks of each student. A student without a cell # board gets neither. No line names a student.
    """

    def one(student: str) -> None:
        try:
            cells = cells_of(handed_in[student])
            found = drawn(student, *cells, all_own, hidden, out / KEPT, seconds, megabytes) if cells else None
        except ValueError as error:
            found = {"why": str(error)}
        except OSError as error:
            name = Path(str(error.filename or "")).name
            found = {"why": f"{name if name not in ('', student) else 'a file'} cannot be read: {error.strerror}"}
        keep(place(out, student), found)

    with tempfile.TemporaryDirectory(prefix="gan-lab-board-", ignore_cleanup_errors=True) as folder:
        all_own = Path(folder)
        some_at_a_time(one, handed_in, jobs)


def cells_of(files: Sequence[Path]) -> tuple[Path, list[str]] | None:
    """The notebook that draws and its cells up to the last one that is marked; None if there is none.

    Raises ValueError if there are two such notebooks.
    """
    found = {}
    for file in files:
        try:
            sources = [cell.source for cell in code_cells(read(file))]
        except ValueError:
            continue  # its grade says so
        if marked := [n for n, source in enumerate(sources) if MARK.match(source)]:
            found[file] = sources[: marked[-1] + 1]
    if len(found) > 1:
        top = os.path.commonpath([file.parent for file in found])  # what is said here is shown to a class
        names = ", ".join(str(file.relative_to(top)) for file in found)
        raise ValueError(f"{len(found)} notebooks have a cell # board ({names}): leave it in one")
    return next(iter(found.items()), None)


def drawn(
    student: str,
    notebook: Path,
    cells: list[str],
    all_own: Path,
    hidden: Sequence[Path],
    kept: Path,
    seconds: float,
    megabytes: int,
) -> dict[str, Any]:
    """What a student's notebook draws: {"shape": ..., "float32": ...} or {"why": ...}. What it drew before is kept, and
    so is a reason why not that would be the same again.

    all_own: in it each notebook works in a folder of its own, and sees no other. Raises ValueError, which names it, for
    a file beside the notebook that is a link or too large.
    """
    files = beside(notebook.parent)
    parts = [student, code_version(), *cells, *(str(file.relative_to(notebook.parent)) for file in files)]
    contents = [hashlib.sha256(file.read_bytes()).digest() for file in files]
    digest = hashlib.sha256(b"\0".join([*(part.encode(errors="replace") for part in parts), *contents])).hexdigest()
    earlier = kept / f"board-{digest}.json"
    if earlier.exists():
        return said(earlier.read_text(encoding="utf-8"))
    order = {"cells": cells, "seconds": seconds, "megabytes": megabytes}
    with tempfile.TemporaryDirectory(dir=all_own, ignore_cleanup_errors=True) as own:
        for file in files:
            copy = Path(own) / file.relative_to(notebook.parent)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        found = said(played(order, Path(own), [*hidden, all_own], seconds))
    if "why" not in found or "lasting" in found:
        kept.mkdir(parents=True, exist_ok=True)
        with whole(earlier) as part:
            part.write_text(json.dumps(found), encoding="utf-8")
    return found


def beside(folder: Path) -> list[Path]:
    """The files that were handed in with a notebook, without notebooks and hidden ones.

    Raises ValueError for a link, which may lead anywhere, and for more than BESIDE megabytes.
    """
    found, size = [], 0
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [*folders, *sorted(names)]:
            file = Path(top, name)
            if file.is_symlink():
                raise ValueError(f"{file.relative_to(folder)} is a link: hand in the file itself")
            if name in folders or name.startswith(".") or file.suffix == ".ipynb" or not file.is_file():
                continue
            size += file.stat().st_size
            if size > BESIDE * 10**6:
                raise ValueError(f"the files beside the notebook have more than {BESIDE} MB: hand in the run alone")
            found.append(file)
    return found


def played(order: Mapping[str, Any], own: Path, hidden: Sequence[Path], seconds: float) -> str:
    """What the process of `gan_lab.runner.drawing` answers; it goes to a file, whose size is bounded."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as answer:
        streams = {"stdin": subprocess.PIPE, "stdout": answer, "stderr": subprocess.DEVNULL}
        child = isolated("gan_lab.runner.drawing", own, hidden, **streams)
        try:
            child.communicate(json.dumps(order) + "\n", timeout=STARTING + PATIENCE * seconds)
        except subprocess.TimeoutExpired:
            kill_family(child.pid)
            with suppress(subprocess.TimeoutExpired):
                child.wait(10)
            return json.dumps({"why": f"it did not end in {PATIENCE * seconds:g} seconds"})
        answer.seek(0)
        return answer.read()


def said(line: str) -> dict[str, Any]:
    """An answer, which may hold anything, as what it must be."""
    try:
        found = json.loads(line.splitlines()[-1])
        if "why" in found:
            lasting = {"lasting": True} if found.get("lasting") is True else {}
            return {"why": " ".join(str(found["why"]).split())[:1000], **lasting}
        shape, numbers = [int(side) for side in found["shape"]], str(found["float32"])
        bytes_ = len(base64.b64decode(numbers, validate=True))
        if len(shape) == 4 and min(shape) > 0 and bytes_ == 4 * math.prod(shape):
            return {"shape": shape, "float32": numbers}
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError):
        pass
    return {"why": "it ended its process"}


def keep(folder: Path, found: Mapping[str, Any] | None) -> None:
    """Put an answer into the folder of a student, in the place of an earlier one."""
    folder.mkdir(parents=True, exist_ok=True)
    found = found or {}
    if "why" in found:
        with whole(folder / NO_SAMPLES) as part:
            part.write_text(found["why"], encoding="utf-8", errors="replace")
    elif found:
        x = np.frombuffer(base64.b64decode(found["float32"]), np.float32).reshape(found["shape"])
        with whole(folder / SAMPLES) as part, part.open("wb") as file:
            np.save(file, x, allow_pickle=False)
    for name, holds in ((SAMPLES, "float32"), (NO_SAMPLES, "why")):
        if holds not in found:
            (folder / name).unlink(missing_ok=True)
