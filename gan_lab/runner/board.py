"""A class's board: one page to project, on which the samples of all students are judged alike.

    board(Path("grades"), Path("grades/board.html"))

Beside the page is a table, which has the students' names; the page has pseudonyms, but for students who are named in
a file. A place on a board is no grade, and a class sees it: whether a name stands beside it is for its owner to say.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gan_lab.files import whole
from gan_lab.owner import owned
from gan_lab.runner.graded_folder import SAMPLES, TABLE, place, why_none
from gan_lab.runner.held import BOARD, refuse_other_table, refuse_page
from gan_lab.runner.pseudonyms import pseudonyms
from gan_lab.runner.surroundings import surroundings

NUMBERS = ["kernel_distance", "low", "high", "coverage", "sure", "copying_pixels", "copying_features"]
COLUMNS = ["place", "shown_as", "student", "state", *NUMBERS, "points", "of", "reason"]


def board(graded: str | Path, page: str | Path | None = None, names: str | Path | None = None) -> pd.DataFrame:
    """Write the board of a folder of grades, by default to graded/board.html, and the table beside it, board.csv.

    names: a CSV file with the columns student and name, of students who want to be named. Returns the table, best
    first: ranked entries, then copies, then students who have no samples, each with the reason.
    Raises FileNotFoundError where nothing was graded; ValueError for names that cannot be read or are of nobody, or if
    another file is in the way; BlockingIOError if another process grades there.
    """
    graded = Path(graded)
    page = Path(page) if page else graded / "board.html"
    refuse_page(page, BOARD, "board")
    refuse_other_table(page.with_suffix(".csv"), COLUMNS, "table of a board")
    points = points_of(graded)
    with owned(graded):
        shown_as = pseudonyms(points, graded) | named(names, list(points))
        real, *found = judged({student: place(graded, student) / SAMPLES for student in drawn(graded, points)})
        by_student = {one["student"]: one for one in found}
        rows = []
        for student, (had, could) in points.items():
            why = why_none(place(graded, student)) or "no notebook has a cell # board"
            about = by_student.get(student) or {"why": why}
            fixed = {"shown_as": shown_as[student], "student": student, "points": had, "of": could}
            rows.append({**about, **fixed, "state": state(about), "reason": about.get("why") or about["copies"]})
        rows = placed(rows)
        table = pd.DataFrame(rows).reindex(columns=COLUMNS).astype({"place": "Int64"})
        with whole(page.with_suffix(".csv")) as part:
            table.to_csv(part, index=False, encoding="utf-8", errors="surrogateescape")
        with whole(page) as part:
            part.write_text(rendered(rows, real), encoding="utf-8", errors="replace")
    return table


def state(about: Mapping[str, Any]) -> str:
    """ranked, copies, or no samples."""
    if "why" in about:
        return "no samples"
    return "copies" if about["copies"] else "ranked"


def placed(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows in order, each with its place: one more than the number of entries that are certainly better.

    Certainly better is an entry whose whole interval lies below. So two entries whose intervals overlap have one place,
    unless a third is certainly better than one of them only. Copies share the last place; no samples have place None.
    """
    ranked = [row for row in rows if row["state"] == "ranked"]
    found = []
    for row in rows:
        place = None
        if row["state"] == "ranked":
            place = 1 + sum(other["high"] < row["low"] for other in ranked)
        elif row["state"] == "copies":
            place = 1 + len(ranked)
        found.append({**row, "place": place})
    order = ["ranked", "copies", "no samples"]
    return sorted(found, key=lambda row: (order.index(row["state"]), row.get("kernel_distance", 0), row["shown_as"]))


def points_of(graded: Path) -> dict[str, tuple[int, int]]:
    """The points of each student, and how many could be had. Raises FileNotFoundError if there are no grades."""
    file = graded / TABLE
    if not file.is_file():
        raise FileNotFoundError(f"{file} is not there: first gan-lab grade SUBMISSIONS --out {graded}")
    try:
        table = pd.read_csv(file, dtype=object, keep_default_na=False, encoding_errors="surrogateescape")
        points = table["points"].astype(int)
        asked = table["exercise"] != ""
        return {
            str(student): (int(points[own.index].sum()), int(asked[own.index].sum()))
            for student, own in table.groupby("student", sort=True)
        }
    except (ValueError, KeyError):
        raise ValueError(f"{file} is no table of grades: delete it, and grade again") from None


def named(names: str | Path | None, students: Sequence[str]) -> dict[str, str]:
    """The names in a file, of students who want them on the board; {} for no file."""
    if names is None:
        return {}
    try:
        table = pd.read_csv(names, dtype=str, keep_default_na=False)
        found = dict(zip(table["student"], table["name"], strict=True))
    except (ValueError, KeyError):
        raise ValueError(f"{names} is no table with the two columns student,name") from None
    if unknown := [student for student in found if student not in students]:
        raise ValueError(
            f"{names} names {', '.join(unknown)}, who handed in nothing: the students are {', '.join(students)}"
        )
    return found


def drawn(graded: Path, students: Mapping[str, Any]) -> list[str]:
    """The students for whom there is something to judge, or what stands in its place."""
    files = {student: place(graded, student) / SAMPLES for student in students}
    return [student for student, file in files.items() if file.exists() or file.is_symlink()]


def judged(files: Mapping[str, Path]) -> list[dict[str, Any]]:
    """What the judge says of real images, and then of each file, with the student whose it is; in a process of its own.

    Raises ChildProcessError if it does not come to its end.
    """
    done = subprocess.run(
        [sys.executable, "-P", "-m", "gan_lab.lessons.judged"],
        input=json.dumps({student: str(file.absolute()) for student, file in files.items()}) + "\n",
        capture_output=True,
        env=surroundings(),
        encoding="utf-8",
        check=False,
    )
    real, *found = [json.loads(line) for line in done.stdout.splitlines()] or [None]
    if real is None or len(found) < len(files):
        raise ChildProcessError(f"judging did not come to its end: {done.stderr.strip()[-1000:]}")
    return [real, *({**one, "student": student} for student, one in zip(files, found, strict=True))]


def rendered(rows: Sequence[Mapping[str, Any]], real: Mapping[str, Any]) -> str:
    """The page: nothing in it but what a class may see."""
    pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)
    seen = [{key: value for key, value in row.items() if key != "student"} for row in rows]
    shown = [row for row in seen if row["state"] != "no samples"]
    return pages.get_template("page/board.html").render(
        rows=shown, without=[row for row in seen if row["state"] == "no samples"], real=real
    )
