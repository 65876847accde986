"""Grades what students handed in: a table, and a page for each of them.

    grade(Path("submissions"), Path("grades"))

Every notebook is graded in a process of its own, which has no network and sees neither the submissions nor the hidden
tests (on Linux, where user namespaces are allowed). What was graded before is left as it is, unless it was handed in
anew or the exercises have changed.
"""

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from nbformat import NotebookNode

from gan_lab.files import whole
from gan_lab.owner import owned
from gan_lab.runner.course import NOTEBOOKS
from gan_lab.runner.execution import kill_family
from gan_lab.runner.graded_folder import KEPT, NO_SAMPLES, SAMPLES, STUDENTS, TABLE, place, why_none
from gan_lab.runner.held import GRADE, GRADES, refuse_other_table, refuse_page
from gan_lab.runner.isolation import isolated
from gan_lab.runner.limits import BOARD_SECONDS, MEGABYTES, SECONDS, STARTING
from gan_lab.runner.pseudonyms import pseudonyms
from gan_lab.runner.release import sources
from gan_lab.runner.samples import draw_samples
from gan_lab.runner.some_at_a_time import some_at_a_time
from gan_lab.runner.submissions import Lesson, folders, grade_id, read, students
from gan_lab.runner.versions import code_version


@dataclass(frozen=True)
class Grade:
    """What one answer is worth. state: correct, wrong, not answered, missing, too long, crashed, or no notebook."""

    student: str
    notebook: str
    exercise: str
    points: int
    state: str
    hint: str = ""
    seconds: float = 0.0
    code: str = ""


LOST = {"state": "crashed", "hint": "it ended the process that grades", "seconds": 0.0}
COLUMNS = [field.name for field in fields(Grade) if field.name != "code"]


@dataclass(frozen=True)
class Terms:
    """What notebooks are graded by: the lessons, where the notebooks lie, the folders that no answer sees, where grades
    are kept, and limits."""

    lessons: Mapping[str, Lesson]
    submissions: Path
    hidden: list[Path]
    kept: Path
    seconds: float
    megabytes: int

    @cached_property
    def digest(self) -> bytes:
        """What a grade depends on beside the notebook: the course's sources, its code, and the limits."""
        ours = [*(lesson.source for lesson in self.lessons.values()), *sorted(Path(__file__).parent.glob("*.py"))]
        words = f"{code_version()} {self.seconds:g} {self.megabytes}"
        return hashlib.sha256(b"\0".join([words.encode(), *(one.read_bytes() for one in ours)])).digest()


def grade(
    submissions: str | Path,
    out: str | Path,
    *,
    jobs: int = 2,
    seconds: float = SECONDS,
    megabytes: int = MEGABYTES,
    board_seconds: float = BOARD_SECONDS,
) -> tuple[list[Grade], int]:
    """Grade all submissions into the folder `out`. Returns the grades, and how many notebooks were graded anew.

    jobs: how many notebooks at a time. seconds, megabytes: what one answer may take. board_seconds: what a notebook
    with a cell # board may take until it has drawn.
    Raises FileNotFoundError if there are no submissions or no sources; ValueError if `out` lies among them, or holds
    another file where a table or a page of the grades goes; BlockingIOError if another process grades into `out`.
    """
    submissions, out = Path(submissions).resolve(), Path(out).resolve()
    pages = out / STUDENTS
    if out == submissions or submissions in out.parents or submissions == pages or pages in submissions.parents:
        raise ValueError(f"{out} and the submissions would mix: choose another folder for the grades")
    if NOTEBOOKS.parent == out or out in NOTEBOOKS.parents:
        raise ValueError(f"{out} holds the course itself: choose a folder of its own for the grades")
    another = "choose another folder for the grades"
    refuse_page(out / "index.html", GRADES, "page of grades", another)
    refuse_other_table(out / TABLE, COLUMNS, "table of grades", another)
    handed_in, lessons = students(submissions), {source.stem: Lesson(source) for source in sources()}
    none = [student for student in folders(submissions) if student not in handed_in]
    if not (out / TABLE).exists():
        refuse_students_files([place(out, student) for student in (*handed_in, *none)], another)
    hidden = [submissions, out, NOTEBOOKS / "source"]
    terms = Terms(lessons, submissions, hidden, out / KEPT, seconds, megabytes)
    files = [(student, file) for student, files in handed_in.items() for file in files]
    with owned(out):
        found = some_at_a_time(lambda one: grades_of(*one, terms), files, jobs)
        grades = best([one for of_file, _ in found for one in of_file])
        grades += [without_notebook(student) for student in none]
        write_table(grades, out / TABLE)
        of_all = {**handed_in, **{student: [] for student in none}}  # what an earlier notebook drew leaves the board
        draw_samples(of_all, out, hidden, jobs=jobs, seconds=board_seconds, megabytes=megabytes)
        write_pages(grades, out)
    return grades, sum(anew for _, anew in found)


def refuse_students_files(folders: Iterable[Path], way_out: str) -> None:
    """Raises ValueError if a page or samples would take the place of files that no grading has written."""
    for folder in folders:
        refuse_page(page := folder / "index.html", GRADE, "page of a student", way_out)
        beside = [folder / name for name in (SAMPLES, NO_SAMPLES) if os.path.lexists(folder / name)]
        if beside and not page.exists():
            raise ValueError(f"{beside[0]} is there already, and of no grading: {way_out}")


def without_notebook(student: str) -> Grade:
    """What to say of a folder in which there is none, but perhaps an archive."""
    return Grade(student, "", "", 0, "no notebook", "no notebook lies in this folder: unpack an archive, if it has one")


def best(grades: list[Grade]) -> list[Grade]:
    """One grade for each exercise of a student: of several copies of a notebook the best answer counts."""
    counted: dict[tuple[str, str, str], Grade] = {}
    for one in grades:
        key = (one.student, one.notebook, one.exercise)
        if key not in counted or one.points > counted[key].points:
            counted[key] = one
    return list(counted.values())


def grades_of(student: str, file: Path, terms: Terms) -> tuple[list[Grade], bool]:
    """The grades of one notebook, and whether it was graded anew; kept for the next time, if that would end alike."""
    if file.is_symlink():  # which is not even read
        return graded_anew(student, file, terms), True
    try:
        kept = terms.kept / f"{digest_of(file, terms)}.json"
    except OSError as error:
        return [Grade(student, file.stem, "", 0, "no notebook", f"{file.name} cannot be read: {error.strerror}")], True
    if (earlier := read_kept(kept)) is not None:
        return earlier, False
    grades = graded_anew(student, file, terms)
    if not {one.state for one in grades} & {"too long", "crashed"}:
        kept.parent.mkdir(exist_ok=True)
        with whole(kept) as part:
            part.write_text(json.dumps([asdict(one) for one in grades]), encoding="utf-8")
    return grades, True


def graded_anew(student: str, file: Path, terms: Terms) -> list[Grade]:
    """The grades of one notebook."""
    try:
        notebook = read(file)
        lesson = lesson_of(file, notebook, terms.lessons)
    except ValueError as error:
        return [Grade(student, file.stem, "", 0, "no notebook", str(error))]
    answers = lesson.answers(notebook)
    grades = {}
    for answer in answers:
        if not answer.code or answer.untouched:
            state, hint = ("not answered", "") if answer.code else ("missing", "no cell defines what is asked for")
            grades[answer.exercise.name] = Grade(student, lesson.source.stem, answer.exercise.name, 0, state, hint)
    asked = [answer for answer in answers if answer.exercise.name not in grades]
    order = {
        "context": lesson.context,
        "seconds": terms.seconds,
        "megabytes": terms.megabytes,
        "exercises": [
            {
                "answer": answer.code,
                "beside": list(answer.beside),
                "check": answer.exercise.check,
                "defines": sorted(answer.exercise.defines),
            }
            for answer in asked
        ],
    }
    results = played(order, terms.hidden, STARTING + len(asked) * (terms.seconds + 5)) if asked else []
    for answer, found in zip(asked, results, strict=True):
        points = int(found["state"] == "correct")
        about = (student, lesson.source.stem, answer.exercise.name, points, str(found["state"]), str(found["hint"]))
        grades[answer.exercise.name] = Grade(*about, float(found["seconds"]), answer.code)
    return [grades[answer.exercise.name] for answer in answers]


def lesson_of(file: Path, notebook: NotebookNode, lessons: Mapping[str, Lesson]) -> Lesson:
    """Which notebook of the course this is: by the name of the file, else by nbgrader's names of its cells.

    Raises ValueError if it is none.
    """
    ids = [grade_id(cell) for cell in notebook.cells]
    cells = {stem: sum(one.startswith(f"{stem}-") for one in ids) for stem in lessons}
    named = next((stem for stem in lessons if stem in file.stem), max(cells, key=lambda stem: cells[stem]))
    if named not in file.stem and not cells[named]:
        raise ValueError(f"{file.name} is none of the course's notebooks: {', '.join(lessons)}")
    return lessons[named]


# The process


def played(order: Mapping[str, Any], hidden: list[Path], limit: float) -> list[dict[str, Any]]:
    """What the process of `gan_lab.runner.graded` says of each exercise.

    Raises ChildProcessError if it cannot begin: that is no student's fault.
    """
    with tempfile.TemporaryDirectory(prefix="gan-lab-", ignore_cleanup_errors=True) as own:
        pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
        child = isolated("gan_lab.runner.graded", Path(own), hidden, **pipes)
        try:
            said, failed = child.communicate(json.dumps(order) + "\n", timeout=limit)
        except subprocess.TimeoutExpired:
            kill_family(child.pid)
            try:
                said, failed = child.communicate(timeout=10)
            except subprocess.TimeoutExpired as late:  # what it left behind holds the pipe
                said, failed = (late.stdout or b"").decode(errors="replace"), "it did not end"
    ready, *lines = said.splitlines() or [""]
    if ready != json.dumps("ready"):
        raise ChildProcessError(f"grading could not begin: {failed.strip()[-1000:]}")
    asked = len(order["exercises"])
    return [answered(line) for line in [*lines, *[""] * asked][:asked]]


def answered(line: str) -> dict[str, Any]:
    """What the process says of an exercise; that it crashed, if it says anything else."""
    try:
        found = json.loads(line)
        return {"state": str(found["state"]), "hint": str(found["hint"]), "seconds": float(found["seconds"])}
    except (ValueError, KeyError, TypeError, RecursionError):
        return LOST


# What is kept, and what is written


def digest_of(file: Path, terms: Terms) -> str:
    """What a grade depends on: the notebook, whose it is and in which folder, and the terms. So no two are alike."""
    parts = [os.fsencode(file.relative_to(terms.submissions)), terms.digest, file.read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def read_kept(kept: Path) -> list[Grade] | None:
    """The grades of an earlier time, if there are any."""
    try:
        return [Grade(**one) for one in json.loads(kept.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def write_table(grades: list[Grade], file: Path) -> None:
    table = pd.DataFrame([asdict(one) for one in grades], dtype=object)
    table["hint"] = [one.hint.encode(errors="replace").decode() for one in grades]  # what a student's code said
    with whole(file) as part:
        table.to_csv(part, columns=COLUMNS, index=False, encoding="utf-8", errors="surrogateescape")


def write_pages(grades: list[Grade], out: Path) -> None:
    """index.html with a row a student, and students/NAME/index.html with what was right and the hints."""
    pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)
    names = list(dict.fromkeys(one.student for one in grades))
    notebooks = sorted({one.notebook for one in grades})
    rows = [
        (name, quote(os.fsencode(name)), dict(totals([one for one in grades if one.student == name]))) for name in names
    ]
    overview = pages.get_template("page/grades.html").render(rows=rows, notebooks=notebooks)
    written, shown_as = {out / "index.html": overview}, pseudonyms(names, out)
    for name in names:
        own = [one for one in grades if one.student == name]
        about = {"student": name, "shown_as": shown_as[name], "why_none": why_none(place(out, name))}
        written[place(out, name) / "index.html"] = pages.get_template("page/grade.html").render(grades=own, **about)
    for file, text in written.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file) as part:
            part.write_text(text, encoding="utf-8", errors="replace")


def totals(grades: list[Grade]) -> Iterator[tuple[str, tuple[int, int]]]:
    """The points and what could be had, for each notebook of a student."""
    for notebook in dict.fromkeys(one.notebook for one in grades):
        own = [one for one in grades if one.notebook == notebook]
        yield notebook, (sum(one.points for one in own), sum(bool(one.exercise) for one in own))
