"""How long a notebook takes to read, counted from its words, its lines of code and its pictures."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from nbformat import NotebookNode

from gan_lab.runner.notebook_file import folding

WORDS, LINES, PICTURES = 130, 15, 3  # a minute, by a reader whose first language is another
STEP = 5  # minutes: what is stated is rounded to this
DEEPER = "(deeper)"  # how the heading ends of a section that the main line can do without
HEADING = re.compile(r"^(#{1,6}) (.*)$", re.MULTILINE)
FORMULA = re.compile(r"\$\$.*?\$\$", re.DOTALL)
STATED = re.compile(r"\*\*Time\.\*\* (\d+) minutes to read(?:, (\d+) more for what is marked as deeper)?")


class Minutes(NamedTuple):
    """To read the main line, and the sections that are marked as deeper; the exercises are not counted."""

    main: int
    deeper: int


def minutes(notebook: NotebookNode) -> Minutes:
    """How long an executed notebook takes. Folded code is not read; a displayed formula is read as five words."""
    spent = {"main": 0.0, "deeper": 0.0, "exercises": 0.0}
    part, depth = "main", 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            spent[part] += of_code(cell)
            continue
        for level, title, text in sections(cell.source):
            if title and (part == "main" or level <= depth):
                depth = level
                part = "deeper" if title.endswith(DEEPER) else "exercises" if title == "Exercises" else "main"
            spent[part] += len(f"{title} {FORMULA.sub('a formula of five words', text)}".split()) / WORDS
    return Minutes(*(STEP * max(1, round(spent[name] / STEP)) if spent[name] else 0 for name in ("main", "deeper")))


def of_code(cell: NotebookNode) -> float:
    tags = cell.metadata.get("tags", [])
    lines = 0 if folding(tags) else sum(bool(line.strip()) for line in cell.source.splitlines())
    return lines / LINES + sum("image/png" in output.get("data", {}) for output in cell.outputs) / PICTURES


def sections(text: str) -> Iterable[tuple[int, str, str]]:
    """The text of a cell by its headings: (level, title, what follows); level 0 before the first."""
    parts = HEADING.split(text)
    yield 0, "", parts[0]
    for marks, title, after in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        yield len(marks), title, after


def stated(notebook: NotebookNode) -> Minutes | None:
    """What the notebook itself says, "**Time.** 35 minutes to read, 10 more for what is marked as deeper"."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (found := STATED.search(" ".join(cell.source.split()))):
            return Minutes(int(found[1]), int(found[2] or 0))
    return None
