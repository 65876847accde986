"""Submissions of every kind, each graded as it deserves, and none stops the rest."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote_to_bytes

import nbformat
import numpy as np
import pandas as pd
import psutil
import pytest
from answering import answering
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_notebook
from processes import becomes_true, ended
from typer.testing import CliRunner

from gan_lab.runner import graded as grading
from gan_lab.runner.board import board, points_of
from gan_lab.runner.cli import app
from gan_lab.runner.grade import (
    Grade,
    Terms,
    answered,
    digest_of,
    grade,
    grades_of,
    played,
    read_kept,
    write_pages,
    write_table,
)
from gan_lab.runner.graded_folder import SAMPLES, TABLE, place
from gan_lab.runner.isolation import namespaces
from gan_lab.runner.release import release, solutions
from gan_lab.runner.status import Status
from gan_lab.runner.submissions import defined, folders, grade_id, in_no_folder, read, students

LESSON = "06_few_images"
NAMES = ["average", "leaks_at", "erase", "pairs"]
RIGHT = {
    "average": (
        "def average(weights, beta):\n    a = weights[0]\n    for w in weights[1:]:\n"
        "        a = beta * a + (1 - beta) * w\n    return a"
    ),
    "leaks_at": 'leaks_at = {"a mirror": 1 / 2, "1, 2 or 3 quarter turns": 3 / 4, "0 to 3 quarter turns": 1}',
    "erase": (
        "def erase(x):\n    row, column = torch.randint(25, (2, len(x), 1, 1, 1))\n    i = torch.arange(32)\n"
        "    return torch.where((i[:, None] - row) // 8 + 10 * ((i - column) // 8) == 0, -1.0, x)"
    ),
    "pairs": (
        "class Pairs:\n    def d_loss(self, real, fake, y):\n"
        "        return torch.nn.functional.softplus(fake - real).mean()\n\n"
        "    def g_loss(self, fake, y, real):\n        return torch.nn.functional.softplus(real - fake).mean()"
    ),
}

FIRST = "        return torch.nn.functional.softplus(fake"
CALLS = "        import socket; socket.create_connection(('127.0.0.1', *"


def hand_in(folder: Path, student: str, answers: dict[str, str], *, keep_marks: bool = True, own: str = "") -> Path:
    """The notebook that was handed out, with these answers in it."""
    file = folder / student / f"{LESSON}.ipynb"
    release(file.parent, [LESSON])
    notebook = nbformat.read(file, 4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "").removeprefix(f"{LESSON}-")
        cell.source = answers.get(name, cell.source)
    if not keep_marks:  # a notebook of one's own: the answers and nothing else, without names and without checks
        cells = [new_code_cell(answer) for answer in answers.values()]
        notebook = new_notebook(cells=[new_code_cell(own), *cells] if own else cells)
    nbformat.write(notebook, file)
    return file


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with answering() as port:
        yield port


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, port: int) -> tuple[Path, Path, pd.DataFrame]:
    top = tmp_path_factory.mktemp("class")
    submissions, out = top / "submissions", top / "grades"
    solutions(submissions / "ada", [LESSON])
    hand_in(submissions, "untouched", {})
    endless = {
        "average": "def average(weights, beta):\n    while True:\n        pass",
        "leaks_at": RIGHT["leaks_at"],
        "erase": "def erase(x):\n    return x\n\nexit()",
        "pairs": RIGHT["pairs"].replace(
            "        return torch.nn.functional.softplus(real",
            "        import os; os._exit(7)\n        return torch.nn.functional.softplus(real",
        ),
    }
    hand_in(submissions, "endless", endless)
    another = str(submissions / "ada" / f"{LESSON}.ipynb")
    cheat = {
        "average": (
            "class Yes:\n    correct = True\n\n"
            "exercises.check_average = exercises.few_images.check_average = lambda answer: Yes()\n"
            "def average(weights, beta):\n    return weights[0]"
        ),
        "check_average": 'print("Correct.")',
        "erase": RIGHT["erase"].replace("x):\n", f"x):\n    open({another!r})\n", 1),
        "pairs": RIGHT["pairs"].replace(FIRST, f"{CALLS}{(port,)}), 5)\n{FIRST}"),
    }
    hand_in(submissions, "cheat", cheat)
    own = "import torch\nimport torch.nn.functional as F\n\n"
    own += "def one_step(a, w, beta):\n    return beta * a + (1 - beta) * w"
    answers = {name: RIGHT[name] for name in ("pairs", "average", "erase")}  # in another order, and one is missing
    answers["average"] = answers["average"].replace("beta * a + (1 - beta) * w", "one_step(a, w, beta)")
    hand_in(submissions, "of her own", answers, keep_marks=False, own=own)
    hog = {"average": "def average(weights, beta):\n    return [0.0] * 10**10", "leaks_at": "leaks_at = ("}
    hand_in(submissions, "hog", hog)
    below = nbformat.read(hand_in(submissions, "below", {}), 4)  # the answer in a new cell, the one for it left alone
    below.cells.append(new_code_cell(RIGHT["average"] + "\n\nprint(average(what_is_not_there, 0.9))"))
    below.cells.append(new_code_cell("if True:\n    " + RIGHT["leaks_at"]))
    nbformat.write(below, submissions / "below" / f"{LESSON}.ipynb")
    hand_in(submissions, "copies", {"average": RIGHT["average"]})
    shutil.copytree(submissions / "copies", submissions / "copies" / "old")
    leaves = "import subprocess\nsubprocess.Popen(['sleep', '300'], start_new_session=True)\n" + RIGHT["leaks_at"]
    hand_in(submissions, "leaves a process", {"leaks_at": leaves, "average": "import os; os.write(2, b'\\xff' * 9**7)"})
    (submissions / "broken").mkdir()
    (submissions / "broken" / f"{LESSON}.ipynb").write_text("no notebook")
    nbformat.write(new_notebook(), submissions / "broken" / "diary.ipynb")
    _, anew = grade(submissions, out, seconds=8, megabytes=1500)
    assert anew == 12  # two copies, byte for byte, are graded one by one: neither waits for the other's grades
    return submissions, out, pd.read_csv(out / "grades.csv", keep_default_na=False)


def of(graded: tuple[Path, Path, pd.DataFrame], student: str) -> dict[str, tuple[str, str]]:
    """Of a student, what became of each exercise, and the hint."""
    rows = graded[2].query("student == @student")
    return {row.exercise.removeprefix(f"{LESSON}-"): (row.state, row.hint) for row in rows.itertuples()}


def test_the_solutions_get_all_points_and_the_untouched_notebook_none(graded) -> None:
    assert of(graded, "ada") == {name: ("correct", "") for name in NAMES}
    assert of(graded, "untouched") == {name: ("not answered", "") for name in NAMES}
    points = graded[2].groupby("student")["points"].sum()
    assert points["ada"] == 4 and points["untouched"] == 0


def test_a_loop_and_an_exit_cost_their_own_exercise_and_no_other(graded) -> None:
    found = of(graded, "endless")
    assert found["average"] == ("too long", "it did not end in 8 seconds")
    assert found["leaks_at"] == ("correct", "")
    assert found["erase"][0] == "wrong" and "SystemExit" in found["erase"][1]
    assert found["pairs"] == ("crashed", "it ended its process with code 7")


def test_a_check_that_is_edited_or_replaced_is_the_course_s_all_the_same(graded) -> None:
    state, hint = of(graded, "cheat")["average"]
    assert state == "wrong" and hint.startswith("for n = 2, beta = 0.75")


@pytest.mark.skipif(not namespaces(), reason="this machine cuts no process off")
def test_an_answer_reaches_neither_another_s_submission_nor_the_network(graded) -> None:
    found = of(graded, "cheat")
    assert found["erase"][0] == "wrong" and "FileNotFoundError" in found["erase"][1]
    assert found["pairs"][0] == "wrong"
    assert "[Errno 111]" in found["pairs"][1] or "[Errno 101]" in found["pairs"][1]  # refused, or unreachable


def test_answers_are_found_by_what_they_define_with_what_they_need(graded) -> None:
    found = of(graded, "of her own")
    assert found["leaks_at"] == ("missing", "no cell defines what is asked for")
    assert {name for name, (state, _) in found.items() if state == "correct"} == {"average", "erase", "pairs"}


def test_too_much_memory_and_half_a_cell_are_told(graded) -> None:
    found = of(graded, "hog")
    assert found["average"][0] == "wrong" and "MemoryError" in found["average"][1]
    assert found["leaks_at"][0] == "wrong" and "SyntaxError" in found["leaks_at"][1]


def test_an_answer_below_the_cell_for_it_counts_and_what_fails_behind_it_does_not(graded) -> None:
    found = of(graded, "below")
    assert found["average"] == found["leaks_at"] == ("correct", "")
    assert found["pairs"] == ("not answered", "")


def test_of_two_copies_of_a_notebook_each_answer_counts_once(graded) -> None:
    assert len(graded[2].query("student == 'copies'")) == 4
    assert graded[2].query("student == 'copies'")["points"].sum() == 1


def test_a_process_that_is_left_behind_holds_nobody_up(graded) -> None:
    found = of(graded, "leaves a process")
    assert found["leaks_at"] == ("correct", "")
    assert found["average"][0] == "wrong"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"cells": null, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
        '{"cells": [1], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
        '{"cells": [{"cell_type": "code"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
        "[" * 100_000,
        "\xff",
        "",
    ],
)
def test_a_file_that_is_no_notebook_is_named_whatever_is_in_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"a\.ipynb is no notebook"):
        read(tmp_path / "a.ipynb")


@pytest.mark.parametrize("mark", [None, "a", {"grade_id": None}, {}])
def test_a_mark_of_any_kind_is_read(mark: object) -> None:
    cell = new_code_cell("x = 1", metadata={"nbgrader": mark})
    assert grade_id(cell) in ("", "None")


def test_code_that_no_python_reads_defines_nothing() -> None:
    for code in ("x = (", "\ud800", "(" * 10_000, "x = 1\0"):
        assert defined(code) == set()
    assert defined("if True:\n    x = 1\nfor y in z:\n    import a.b as c\n\ndef f():\n    inside = 1") == {
        "x",
        "y",
        "c",
        "f",
    }


def test_what_is_no_notebook_of_the_course_is_named(graded) -> None:
    rows = graded[2].query("student == 'broken'").set_index("notebook")
    assert rows["state"].tolist() == ["no notebook"] * 2
    assert (
        "is no notebook" in rows.loc[LESSON, "hint"] and "none of the course's notebooks" in rows.loc["diary", "hint"]
    )


def order(*answers: str, context: tuple[str, ...] = ()) -> dict[str, object]:
    """To run some answers, of which nothing is asked."""
    exercises = [{"answer": answer, "beside": [], "check": "", "defines": []} for answer in answers]
    return {"context": context, "seconds": 20, "megabytes": 2000, "exercises": exercises}


@pytest.mark.skipif(sys.platform != "linux", reason="it has no /proc")
def test_an_answer_does_not_reach_the_results_by_way_of_the_process_that_grades() -> None:
    forged = json.dumps({"state": "correct", "hint": "forged", "seconds": 0.0}) + "\n"
    forges = """
parent = open("/proc/self/status").read().partition("PPid:")[2].split()[0]  # as the machine counts its processes
for n in range(100):
    try:
        open(f"/proc/{parent}/fd/{n}", "w").write(FORGED)
    except OSError:
        pass""".replace("FORGED", repr(forged))
    found = played(order(forges, "x = 1"), [], 100)
    assert len(found) == 2 and (found[1]["state"], found[1]["hint"]) == ("correct", "")


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such bounds")
def test_a_bound_that_the_machine_sets_already_fails_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to = {}
    monkeypatch.setattr(grading.resource, "getrlimit", lambda bound: (1000, 1000))
    monkeypatch.setattr(grading.resource, "setrlimit", set_to.__setitem__)
    grading.bounded(100, 60)
    assert set(set_to.values()) == {(1000, 1000), (121, 121)}  # the seconds are fewer


def test_what_an_answer_needs_and_the_machine_does_not_have_is_no_wrong_answer() -> None:
    nowhere = "import tempfile\ntempfile.mkdtemp = lambda **_: 1 / 0"
    found = played(order("x = 1", context=(nowhere,)), [], 100)
    assert [(one["state"], one["hint"]) for one in found] == [
        ("crashed", "it could not be begun, ZeroDivisionError: division by zero")
    ]


def test_an_answer_writes_no_grades() -> None:
    forged = json.dumps({"state": "correct", "hint": "forged", "seconds": 0.0}) + "\n"
    forges = f"import os\nfor n in range(3, 100):\n    try:\n        os.write(n, {forged!r}.encode())\n"
    forges += "    except OSError:\n        pass"
    found = played(order(forges, "x = 1"), [], 100)
    assert len(found) == 2 and (found[1]["state"], found[1]["hint"]) == ("correct", "")


@pytest.mark.parametrize("line", ["", "}", "7", '{"state": "correct"}', '{"state": 1, "hint": "", "seconds": "a"}'])
def test_a_line_that_is_no_result_is_a_crash(line: str) -> None:
    assert answered(line)["state"] == "crashed"


def test_grading_that_cannot_begin_is_said_in_words() -> None:
    with pytest.raises(OSError, match="a cell that the answers build on fails: 1 / 0"):
        played(order("x = 1", context=("1 / 0",)), [], 100)


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8")
def test_a_student_whose_name_is_not_utf_8_has_a_page_that_is_found_and_a_place_on_the_board(tmp_path: Path) -> None:
    student = os.fsdecode(b"jos\xe9 %")
    grades = [Grade(student, LESSON, "average", 1, "correct"), Grade("ada", LESSON, "average", 0, "wrong", "\ud800")]
    write_table(grades, tmp_path / TABLE)
    write_pages(grades, tmp_path)
    links = [link["href"] for link in BeautifulSoup((tmp_path / "index.html").read_text(), "html.parser")("a")]
    assert all((tmp_path / os.fsdecode(unquote_to_bytes(link))).is_file() for link in links) and len(links) == 2
    assert points_of(tmp_path) == {student: (1, 1), "ada": (0, 1)}


def test_a_late_submission_is_graded_alone(graded) -> None:
    submissions, out, before = graded
    hand_in_again = submissions / "untouched" / f"{LESSON}.ipynb"
    kept = hand_in_again.read_bytes()
    hand_in_again.unlink()
    hand_in(submissions, "untouched", {"leaks_at": RIGHT["leaks_at"]})
    try:
        grades, anew = grade(submissions, out, seconds=8, megabytes=1500)
        assert anew == 2  # this one, and the one that took too long
        points = sum(one.points for one in grades if one.student == "untouched")
        assert points == 1 and len(grades) == len(before)
    finally:
        hand_in_again.write_bytes(kept)


@pytest.mark.parametrize("text", ["", "3", "[3]", '[{"student": "ada"}]', "[" * 100_000])
def test_kept_grades_that_cannot_be_read_are_graded_anew(text: str, tmp_path: Path) -> None:
    (tmp_path / "kept.json").write_text(text)
    assert read_kept(tmp_path / "kept.json") is None


def test_the_pages_say_what_was_right_and_the_hints(graded) -> None:
    _, out, _ = graded
    overview, page = ((out / name).read_text() for name in ("index.html", "students/cheat/index.html"))
    assert "<td>4 of 4</td>" in overview and "students/of%20her%20own/index.html" in overview
    assert "for n = 2, beta = 0.75" in page and "exercises.check_average = " in page
    assert "<script" not in page + overview and "http" not in page + overview


def test_grades_among_the_submissions_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    with pytest.raises(FileNotFoundError, match="put each student's into a folder"):
        grade(tmp_path, tmp_path.parent / "grades")
    with pytest.raises(ValueError, match="choose another folder for the grades"):
        grade(tmp_path, tmp_path / "ada")


@pytest.mark.parametrize("place", ["students", "students/2026"])
def test_submissions_where_the_pages_would_go_are_refused_and_stay(tmp_path: Path, place: str) -> None:
    hand_in(tmp_path / place, "ada", RIGHT)
    (tmp_path / place / "ada" / "index.html").write_text("hers")
    with pytest.raises(ValueError, match="choose another folder for the grades"):
        grade(tmp_path / place, tmp_path)
    assert (tmp_path / place / "ada" / "index.html").read_text() == "hers"


def test_who_handed_in_no_notebook_is_in_the_table_with_the_way_out(tmp_path: Path) -> None:
    submissions = tmp_path / "in"
    hand_in(submissions, "ada", {})
    for student, file in (("bob", "hw.zip"), (".git", "config"), ("eve", "readme.txt")):
        (submissions / student).mkdir()
        (submissions / student / file).touch()
    grades, _ = grade(submissions, tmp_path / "grades")
    said = {one.student: (one.state, one.hint) for one in grades if one.student != "ada"}
    nothing = ("no notebook", "no notebook lies in this folder: unpack an archive, if it has one")
    assert said == {"bob": nothing, "eve": nothing}
    assert (tmp_path / "grades" / "students" / "bob" / "index.html").exists()


def test_a_link_is_no_notebook_of_its_student_wherever_it_leads(tmp_path: Path) -> None:
    theirs = hand_in(tmp_path / "in", "ada", RIGHT)
    for student, leads_to in (("bob", theirs), ("eve", tmp_path / "nowhere.ipynb")):
        (tmp_path / "in" / student).mkdir()
        (tmp_path / "in" / student / f"{LESSON}.ipynb").symlink_to(leads_to)
    (tmp_path / "in" / "bob" / "more").symlink_to(theirs.parent)
    files = students(tmp_path / "in")
    assert [len(files[student]) for student in ("ada", "bob", "eve")] == [1, 1, 1]
    terms = Terms({}, tmp_path / "in", [], tmp_path / "kept", 8, 1500)
    for student in ("bob", "eve"):
        ((one,), _) = grades_of(student, files[student][0], terms)
        assert (one.state, one.points) == ("no notebook", 0)
        assert one.hint == f"{LESSON}.ipynb is a link: hand in the file itself"


def test_the_executed_copy_in_a_run_that_is_handed_in_is_not_handed_in(tmp_path: Path) -> None:
    mine = hand_in(tmp_path, "ada", {})
    copy = tmp_path / "ada" / "runs" / LESSON / f"{LESSON}.ipynb"
    Status("done", LESSON, {}).write(copy.parent)
    shutil.copy(mine, copy)
    assert students(tmp_path) == {"ada": [mine]}
    mine.unlink()
    assert students(tmp_path) == {"ada": [copy]}  # who solved it there has handed it in


def test_a_link_to_the_folder_of_another_student_is_no_submission(tmp_path: Path) -> None:
    mine = tmp_path / "ada" / f"{LESSON}.ipynb"
    mine.parent.mkdir()
    mine.touch()
    (tmp_path / "eve").symlink_to(mine.parent)
    assert students(tmp_path) == {"ada": [mine]}


def test_a_first_grading_replaces_no_page_and_no_samples_of_somebody_else(graded, tmp_path: Path) -> None:
    submissions, _, _ = graded
    student = folders(submissions)[0]
    for name in ("index.html", SAMPLES):
        file = place(tmp_path / name, student) / name
        file.parent.mkdir(parents=True)
        file.write_text("mine")
        with pytest.raises(ValueError, match=r"is there already, and .* choose another folder for the grades"):
            grade(submissions, tmp_path / name)
        assert file.read_text() == "mine" and not (tmp_path / name / TABLE).exists()


def test_notebooks_and_archives_in_no_student_s_folder_are_named_each_with_its_way_out(tmp_path: Path) -> None:
    for name in ("04_wgan.ipynb", "ada.zip", "readme.txt", "grades.csv"):
        (tmp_path / name).touch()
    (tmp_path / "ada").mkdir()
    (tmp_path / "eve").symlink_to(tmp_path / "ada")
    assert in_no_folder(tmp_path).splitlines()[1:] == [
        "eve: it is a link to a folder; move the folder itself here",
        f"04_wgan.ipynb: move it to {tmp_path}/NAME/04_wgan.ipynb",
        f"ada.zip: unpack it into {tmp_path}/NAME",
    ]


def test_two_copies_of_a_notebook_in_two_folders_are_kept_apart(graded) -> None:
    submissions, out, _ = graded
    copies = [submissions / "copies" / name for name in (f"{LESSON}.ipynb", f"old/{LESSON}.ipynb")]
    terms = Terms({}, submissions, [], out, 8, 1500)
    assert copies[0].read_bytes() == copies[1].read_bytes()
    assert digest_of(copies[0], terms) != digest_of(copies[1], terms)


HOLD = "import sys; from pathlib import Path; from gan_lab.owner import owned\n"
HOLD += "with owned(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.read()"


def test_while_a_command_grades_into_a_folder_others_are_refused(graded) -> None:
    submissions, out, _ = graded
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLD, str(out)], **pipes) as other:
        assert other.stdout.readline() == b"mine\n"
        for work in (lambda: grade(submissions, out), lambda: board(out)):
            with pytest.raises(BlockingIOError, match=rf"{out} is in use by process {other.pid} on "):
                work()
        other.communicate(b"")


def test_what_a_notebook_draws_or_why_it_does_not_goes_to_its_student_and_leaves_when_it_is_taken_back(
    tmp_path: Path,
) -> None:
    submissions, out = tmp_path / "in", tmp_path / "out"

    def graded_with(*cells: str) -> str:
        file = hand_in(submissions, "ada", {})
        notebook = nbformat.read(file, 4)
        notebook.cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]  # nothing that trains
        notebook.cells += map(new_code_cell, cells)
        nbformat.write(notebook, file)
        grade(submissions, out)
        file.unlink()
        return (place(out, "ada") / "index.html").read_text()

    page = graded_with("import torch", "# board\nsamples = torch.full((9, 1, 4, 4), 0.5)")
    x = np.load(place(out, "ada") / SAMPLES, allow_pickle=False)
    assert x.shape == (9, 1, 4, 4) and (x == 0.5).all() and "cell # board" not in page
    page = graded_with("# board\nsamples = what_is_not_there")
    assert "its cell # board failed: NameError" in page and not (place(out, "ada") / SAMPLES).exists()
    graded_with("import torch", "# board\nsamples = torch.full((9, 1, 4, 4), 0.5)")
    page = graded_with()
    assert "cell # board" not in page and not (place(out, "ada") / SAMPLES).exists()


def test_a_kept_grade_is_for_the_same_exercises_the_same_code_and_the_same_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digest(text: str = "x = 1", seconds: float = 8, megabytes: int = 1500, code: str = "1") -> bytes:
        source = tmp_path / "06_few_images.py"
        source.write_text(text)
        monkeypatch.setattr("gan_lab.runner.grade.code_version", lambda: code)
        lessons = {LESSON: SimpleNamespace(source=source)}
        return Terms(lessons, tmp_path / "in", [], tmp_path / "kept", seconds, megabytes).digest

    others = [digest("x = 2"), digest(seconds=9), digest(megabytes=1600), digest(code="2")]
    assert digest() == digest() and len({digest(), *others}) == 5


def test_a_command_that_is_asked_to_end_ends_at_once_with_all_that_it_started(tmp_path: Path) -> None:
    hand_in(tmp_path / "in", "endless", {"average": "while True:\n    pass"})
    words = ["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--seconds", "3000", "--trusted"]
    with subprocess.Popen([sys.executable, "-m", "gan_lab.runner.cli", *words]) as command:
        below: list[psutil.Process] = []

        def answers() -> bool:
            below[:] = psutil.Process(command.pid).children(recursive=True)
            with suppress(psutil.NoSuchProcess):
                return any("gan_lab.runner.graded" in one.cmdline() for one in below)
            return False

        try:
            assert becomes_true(answers)
            command.terminate()
            assert command.wait(300) == 128 + signal.SIGTERM
        finally:
            command.kill()
    assert becomes_true(lambda: all(ended(one.pid) for one in below))


@pytest.mark.parametrize(
    ("name", "text"), [("index.html", "<title>My home page</title>"), ("grades.csv", "student,mark\nada,1\n")]
)
def test_grades_replace_no_file_of_somebody_else(tmp_path: Path, name: str, text: str) -> None:
    hand_in(tmp_path / "in", "bob", {})
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=rf"{name} is there already, .*: choose another folder for the grades"):
        grade(tmp_path / "in", tmp_path)
    assert (tmp_path / name).read_text() == text


def test_the_command_grades_and_says_how_much_was_new(tmp_path: Path) -> None:
    hand_in(tmp_path / "submissions", "bob", {})
    (tmp_path / "submissions" / "04_wgan.ipynb").write_text("nobody's")
    arguments = ["grade", str(tmp_path / "submissions"), "--out", str(tmp_path / "grades"), "--trusted"]
    for anew in (1, 0):
        ran = CliRunner().invoke(app, arguments)
        assert ran.exit_code == 0 and f"{anew} notebooks graded anew" in " ".join(ran.output.split())
        assert "it lies in no student's folder: 04_wgan.ipynb: move it to" in " ".join(ran.output.split())
    shutil.rmtree(tmp_path / "submissions")
    assert CliRunner().invoke(app, arguments).exit_code == 2
