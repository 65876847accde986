from pathlib import Path

import jupytext
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from gan_lab.runner.refresh import for_students
from gan_lab.runner.solutions import has_solution, solved
from gan_lab.shipped import shipped

SOURCES = sorted((shipped("notebooks") / "source").glob("*.py"))
ANSWER = """\
class Answer:
    def first(self, x):
        ### BEGIN SOLUTION
        y = 2 * x
        return y
        ### END SOLUTION

    def second(self):
        ### BEGIN SOLUTION
        return 1
        ### END SOLUTION"""
CHECK = """\
exercises.check_answer(Answer())
### BEGIN HIDDEN TESTS
assert Answer().second() == 1
### END HIDDEN TESTS"""


def source():
    return new_notebook(cells=[new_markdown_cell("**1.** Double."), new_code_cell(ANSWER), new_code_cell(CHECK)])


def test_students_get_a_turn_for_each_solution_and_no_hidden_test():
    question, answer, check = for_students(source()).cells
    assert question.source == "**1.** Double."
    assert answer.source == (
        "class Answer:\n    def first(self, x):\n        pass  # your turn\n\n"
        "    def second(self):\n        pass  # your turn"
    )
    assert check.source == "exercises.check_answer(Answer())"


def test_the_solved_notebook_has_the_code_and_no_marker():
    _, answer, _ = solved(source()).cells
    assert answer.source == (
        "class Answer:\n    def first(self, x):\n        y = 2 * x\n        return y\n\n"
        "    def second(self):\n        return 1"
    )


def test_the_source_stays_as_it_is():
    one = source()
    for_students(one), solved(one)
    assert one.cells[1].source == ANSWER


@pytest.mark.parametrize("half", ["### BEGIN SOLUTION\nx = 1", "x = 1\n### END SOLUTION", "### BEGIN HIDDEN TESTS"])
def test_half_a_pair_of_markers_is_refused(half):
    with pytest.raises(ValueError, match="stands alone"):
        for_students(new_notebook(cells=[new_code_cell(half)]))


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.stem)
def test_each_check_of_the_course_has_a_cell_of_its_own_behind_its_answer(file: Path):
    cells = [cell for cell in jupytext.read(file, fmt="py:percent").cells if cell.cell_type == "code"]
    checks = [n for n, cell in enumerate(cells) if "exercises.check_" in cell.source]
    assert len(checks) >= 2
    for n in checks:
        assert has_solution(cells[n - 1]) and len(cells[n].source.splitlines()) == 1
    assert sum(map(has_solution, cells)) == len(checks)
