"""Grades what students handed in: a table, and a page for each of them.

    grade(Path("submissions"), Path("grades"))

Every notebook is graded in a process of its own, which has no network and sees neither the submissions nor the hidden
tests (on Linux, where user namespaces are allowed). What was graded before is left as it is, unless it was handed in
anew or the exercises have changed.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from nbformat import NotebookNode

from gan_lab.files import whole
from gan_lab.runner.course import NOTEBOOKS
from gan_lab.runner.execution import kill_family
from gan_lab.runner.release import sources
from gan_lab.runner.submissions import Lesson, read, students
from gan_lab.runner.surroundings import surroundings
from gan_lab.runner.versions import code_version

SECONDS, MEGABYTES = 60.0, 4000  # that one answer may take
STARTING = 120.0  # seconds, for what all answers of a notebook build on
TABLE, KEPT = "grades.csv", "graded.json"
ALONE = 'while [ "$1" != -- ]; do mount -t tmpfs none "$1" || exit 97; shift; done; shift; exec unshare --user "$@"'


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


def grade(
    submissions: str | Path, out: str | Path, *, jobs: int = 2, seconds: float = SECONDS, megabytes: int = MEGABYTES
) -> tuple[list[Grade], int]:
    """Grade all submissions into the folder `out`. Returns the grades, and how many notebooks were graded anew.

    jobs: how many notebooks at a time. seconds, megabytes: what one answer may take.
    Raises FileNotFoundError if there are no submissions or no sources; ValueError if `out` lies among them.
    """
    submissions, out = Path(submissions).resolve(), Path(out).resolve()
    if out == submissions or submissions in out.parents:
        raise ValueError(f"{out} lies among the submissions: choose another folder for the grades")
    handed_in, lessons = students(submissions), {source.stem: Lesson(source) for source in sources()}
    out.mkdir(parents=True, exist_ok=True)
    hidden = [submissions, out, NOTEBOOKS / "source"]
    graded: dict[Path, list[Grade]] = {}
    anew = 0
    with ThreadPoolExecutor(jobs) as pool:
        tasks = {}
        for student, files in handed_in.items():
            for file in files:
                digest = digest_of(file, lessons)
                kept = out / student / file.stem / KEPT
                if (found := read_kept(kept, digest)) is not None:
                    graded[file] = found
                else:
                    tasks[pool.submit(grades_of, student, file, lessons, hidden, seconds, megabytes)] = (
                        file,
                        kept,
                        digest,
                    )
        for task in as_completed(tasks):
            file, kept, digest = tasks[task]
            graded[file] = task.result()
            anew += 1
            kept.parent.mkdir(parents=True, exist_ok=True)
            with whole(kept) as part:
                part.write_text(json.dumps({"digest": digest, "grades": [asdict(one) for one in graded[file]]}))
    grades = [one for file in sorted(graded) for one in graded[file]]
    write_table(grades, out / TABLE)
    write_pages(grades, out)
    return grades, anew


def grades_of(
    student: str, file: Path, lessons: Mapping[str, Lesson], hidden: list[Path], seconds: float, megabytes: int
) -> list[Grade]:
    """The grades of one notebook."""
    try:
        notebook = read(file)
        lesson = lesson_of(file, notebook, lessons)
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
        "seconds": seconds,
        "megabytes": megabytes,
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
    results = played(order, hidden, STARTING + len(asked) * (seconds + 5)) if asked else []
    for answer, found in zip(asked, results, strict=True):
        points = int(found["state"] == "correct")
        about = (student, lesson.source.stem, answer.exercise.name, points, str(found["state"]), str(found["hint"]))
        grades[answer.exercise.name] = Grade(*about, float(found["seconds"]), answer.code)
    return [grades[answer.exercise.name] for answer in answers]


def lesson_of(file: Path, notebook: NotebookNode, lessons: Mapping[str, Lesson]) -> Lesson:
    """Which notebook of the course this is: by nbgrader's names, else by the name of the file.

    Raises ValueError if it is none.
    """
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id", "") for cell in notebook.cells]
    named = [stem for stem in lessons if any(one.startswith(f"{stem}-") for one in ids) or stem in file.stem]
    if not named:
        raise ValueError(f"{file.name} is none of the course's notebooks: {', '.join(lessons)}")
    return lessons[named[0]]


# The process


def played(order: Mapping[str, Any], hidden: list[Path], limit: float) -> list[dict[str, Any]]:
    """What the process of `gan_lab.runner.graded` says of each exercise.

    Raises RuntimeError if it cannot begin: that is no student's fault.
    """
    with tempfile.TemporaryDirectory(prefix="gan-lab-", ignore_cleanup_errors=True) as place:
        child = subprocess.Popen(
            [*alone(hidden), sys.executable, "-P", "-m", "gan_lab.runner.graded"],
            cwd=place,
            env=surroundings(OMP_NUM_THREADS="1", HOME=place, TMPDIR=place, MPLBACKEND="agg", IPYTHONDIR=place),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        try:
            said, failed = child.communicate(json.dumps(order) + "\n", timeout=limit)
        except subprocess.TimeoutExpired:
            said, failed = "", "it did not end"
        finally:
            kill_family(child.pid)
            child.communicate()
    found = [json.loads(line) for line in said.splitlines() if line.strip()]
    if not found:
        raise RuntimeError(f"grading could not begin: {failed.strip()[-1000:]}")
    lost = {"state": "crashed", "hint": "it ended the process that grades", "seconds": 0.0}
    return [*found, *[lost] * (len(order["exercises"]) - len(found))]


def alone(hidden: list[Path]) -> list[str]:
    """What to put before a command so that it has no network and finds these folders empty; nothing where that is not
    possible."""
    if not namespaces():
        return []
    there = [str(folder) for folder in hidden if folder.is_dir()]
    return ["unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c", ALONE, "sh", *there, "--"]


@cache
def namespaces() -> bool:
    """Whether this machine lets a user cut a process off from the network and from folders."""
    if not shutil.which("unshare"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        trial = [
            "unshare",
            "--user",
            "--map-root-user",
            "--net",
            "--mount",
            "sh",
            "-c",
            ALONE,
            "sh",
            folder,
            "--",
            "true",
        ]
        return subprocess.run(trial, capture_output=True, check=False).returncode == 0


# What is kept, and what is written


def digest_of(file: Path, lessons: Mapping[str, Lesson]) -> str:
    """What a grade depends on: the notebook, the course's sources, and the code of the checks."""
    parts = [file.read_bytes(), *(lesson.source.read_bytes() for lesson in lessons.values()), code_version().encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def read_kept(kept: Path, digest: str) -> list[Grade] | None:
    """The grades of an earlier time, if they are of the same."""
    try:
        found = json.loads(kept.read_text())
        return [Grade(**one) for one in found["grades"]] if found["digest"] == digest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_table(grades: list[Grade], file: Path) -> None:
    table = pd.DataFrame([asdict(one) for one in grades]).drop(columns="code")
    with whole(file) as part:
        table.to_csv(part, index=False)


def write_pages(grades: list[Grade], out: Path) -> None:
    """index.html with a row a student, and STUDENT/index.html with what was right and the hints."""
    pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)
    names = list(dict.fromkeys(one.student for one in grades))
    notebooks = sorted({one.notebook for one in grades})
    rows = [(name, dict(totals([one for one in grades if one.student == name]))) for name in names]
    with whole(out / "index.html") as part:
        part.write_text(pages.get_template("page/grades.html").render(rows=rows, notebooks=notebooks))
    for name in names:
        (out / name).mkdir(exist_ok=True)
        with whole(out / name / "index.html") as part:
            own = [one for one in grades if one.student == name]
            part.write_text(pages.get_template("page/grade.html").render(student=name, grades=own))


def totals(grades: list[Grade]) -> Iterator[tuple[str, tuple[int, int]]]:
    """The points and what could be had, for each notebook of a student."""
    for notebook in dict.fromkeys(one.notebook for one in grades):
        own = [one for one in grades if one.notebook == notebook]
        yield notebook, (sum(one.points for one in own), sum(bool(one.exercise) for one in own))
