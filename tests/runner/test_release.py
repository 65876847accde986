from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from gan_lab.runner import release as ours
from gan_lab.runner.release import release, solutions
from gan_lab.runner.solutions import SOLUTION

SOURCES = ours.sources()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    handed_out, solved = (tmp_path_factory.mktemp(name) for name in ("students", "solved"))
    release(handed_out), solutions(solved)
    return handed_out, solved


def marks(file: Path) -> dict[str, nbformat.NotebookNode]:
    cells = nbformat.read(file, 4).cells
    return {cell.metadata.nbgrader.grade_id: cell for cell in cells if "nbgrader" in cell.metadata}


def test_every_notebook_is_handed_out_and_solved_and_is_a_valid_notebook(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        assert [file.stem for file in sorted(folder.iterdir())] == [source.stem for source in SOURCES]
        for file in folder.iterdir():
            notebook = nbformat.read(file, 4)
            nbformat.validate(notebook)
            assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
            assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_no_solution_is_in_the_whole_file_of_a_student_not_even_in_a_hint(
    source: Path, folders: tuple[Path, Path]
) -> None:
    file = (folders[0] / f"{source.stem}.ipynb").read_text()
    found = [solution for _, solution in SOLUTION.findall(source.read_text())]
    assert found and "SOLUTION" not in file and "A solution" not in file
    for solution in found:
        lines = [line.strip().replace('"', '\\"') for line in solution.splitlines() if line.strip()]
        assert not all(len(line) > 8 and line in file for line in lines), solution


def test_an_answer_and_its_check_are_marked_and_each_check_is_a_point(folders: tuple[Path, Path]) -> None:
    found = marks(folders[0] / "06_few_images.ipynb")
    assert list(found)[:2] == ["06_few_images-average", "06_few_images-check_average"]
    answer, check = (found[name].metadata.nbgrader for name in list(found)[:2])
    assert answer == {
        "schema_version": 3,
        "grade_id": "06_few_images-average",
        "grade": False,
        "locked": False,
        "solution": True,
        "task": False,
    }
    assert check == {
        **answer,
        "grade_id": "06_few_images-check_average",
        "grade": True,
        "locked": True,
        "solution": False,
        "points": 1,
    }
    assert found["06_few_images-average"].source.endswith("pass  # your turn\n    return a")


def test_the_solved_notebook_differs_in_its_answers_alone(folders: tuple[Path, Path]) -> None:
    for source in SOURCES:
        student, whole = (nbformat.read(folder / f"{source.stem}.ipynb", 4).cells for folder in folders)
        assert len(student) == len(whole)
        for one, other in zip(student, whole, strict=True):
            is_answer = one.metadata.get("nbgrader", {}).get("solution", False)
            assert (one.source != other.source) == is_answer and one.metadata == other.metadata


def test_with_nbgrader_s_markers_it_is_the_source_itself(tmp_path: Path) -> None:
    (file,) = solutions(tmp_path, ["06_few_images"], markers=True)
    answer = marks(file)["06_few_images-average"]
    assert "### BEGIN SOLUTION\n" in answer.source and answer.source.rstrip().endswith("return a")
    check = marks(file)["06_few_images-check_average"]
    call = "exercises.check_average(average)"
    assert check.source == f"{call}\n### BEGIN HIDDEN TESTS\n{call}.insist()\n### END HIDDEN TESTS"


def test_nbgrader_insists_on_the_check_whatever_stands_behind_it() -> None:
    tests = "### BEGIN HIDDEN TESTS\nassert f(2) == 4\n### END HIDDEN TESTS"
    cell = new_code_cell(f"exercises.check_f(\n    f,\n)\n{tests}", metadata={"nbgrader": {"grade": True}})
    (written,) = ours.for_nbgrader(new_notebook(cells=[cell])).cells
    insists = "### BEGIN HIDDEN TESTS\nexercises.check_f(f).insist()\n### END HIDDEN TESTS"
    assert written.source == f"exercises.check_f(\n    f,\n)\n{insists}\n{tests}"


def test_a_file_that_is_there_is_not_replaced_and_nothing_else_is_written(tmp_path: Path) -> None:
    (tmp_path / "03_acgan.ipynb").write_text("mine")
    with pytest.raises(FileExistsError, match=r"03_acgan\.ipynb is there already"):
        release(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["03_acgan.ipynb"]


def test_a_name_that_is_no_notebook_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no notebook 09_x: the course has 01_dcgan"):
        release(tmp_path, ["01_dcgan", "09_x"])


def test_where_there_are_no_sources_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "NOTEBOOKS", tmp_path)
    with pytest.raises(FileNotFoundError, match="only a clone"):
        solutions(tmp_path / "out")
