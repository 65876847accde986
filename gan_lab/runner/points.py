"""The values that a sweep tries, as people write them: a grid on the command line, or a table in a file."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

MOST = 10_000  # values of a range; more are a slip of the finger
RANGE = re.compile(r"([+-]?\d[^/\\]*|)\.\.([+-]?\d[^/\\]*|)")  # 0..9, and what is meant as one: 0.5..2 or ..9


def grids(words: Sequence[str]) -> dict[str, list[str]]:
    """["seed=0..2", "rate=0.1,0.2"] -> {"seed": ["0", "1", "2"], "rate": ["0.1", "0.2"]}.

    Raises ValueError for what is not so, and for a name given twice.
    """
    values: dict[str, list[str]] = {}
    for one in words:
        name, equals, listed = one.partition("=")
        if not equals or not listed or name in values:
            raise ValueError(f"--grid {one}: write a name and its values, once, as in --grid seed=0,1,2")
        values[name] = [value for part in listed.split(",") for value in spelled_out(part.strip(), one)]
    return values


def spelled_out(value: str, where: str) -> list[str]:
    """ "0..2" -> ["0", "1", "2"]; any other value stands for itself, a folder such as ../images too."""
    bounds = RANGE.fullmatch(value)
    if bounds is None or value == "..":
        return [value]
    try:
        first, last = int(bounds[1]), int(bounds[2])
    except ValueError:
        raise ValueError(f"--grid {where}: {value} is no range, which has an integer at both ends, as 0..9") from None
    if not 0 <= last - first < MOST:
        raise ValueError(f"--grid {where}: {value} has no value or too many; a range goes up, as 0..9")
    return [str(number) for number in range(first, last + 1)]


def read_points(file: Path) -> dict[str, dict[str, str]]:
    """The runs in a table, a line of names and then a run a line: {"a.csv, line 2": {"seed": "0"}}.

    Raises ValueError, naming the file and the line, for what is no such table; FileNotFoundError if there is none.
    """
    if not file.is_file():
        raise FileNotFoundError(f"there is no table of runs {file}")
    try:
        text = file.read_text(encoding="utf-8-sig")  # Excel begins with a mark
        lines = csv.reader(text.splitlines(keepends=True), strict=True)
        header = [name.strip() for name in next(lines, [])]
        if not all(header) or len({*header}) < len(header) or not header:
            raise ValueError(f"{file}, line 1 should name each parameter once, as in seed,real_target")
        points = {}
        for row in filter(None, lines):
            where = f"{file}, line {lines.line_num}"
            if len(row) != len(header):
                raise ValueError(f"{where} has {len(row)} values, and line 1 has {len(header)} names")
            points[where] = dict(zip(header, (value.strip() for value in row), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{file} is no table that can be read: {error}") from None
    if not points:
        raise ValueError(f"{file} has no run: write one a line below the names")
    return points
