from pathlib import Path

import nbformat
import pytest
from tiny_notebook import write_notebook

from gan_lab.runner.course import NOTEBOOKS, PARAMETERS, find_notebook, find_parameters, lay_out, notebooks

OURS = NOTEBOOKS / "01_dcgan.ipynb"


@pytest.mark.parametrize("name", ["01_dcgan", "01_dcgan.ipynb"])
def test_a_bare_name_is_the_course_s_notebook_unless_one_is_here(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_notebook(name) == OURS
    write_notebook(tmp_path / "01_dcgan.ipynb")
    assert find_notebook(name) == Path("01_dcgan.ipynb")


@pytest.mark.parametrize("name", ["report_a", "report_a.yaml"])
def test_a_bare_name_is_the_course_s_file_of_parameters_unless_one_is_here(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_parameters(name) == PARAMETERS / "report_a.yaml"
    (tmp_path / "report_a.yaml").touch()
    assert find_parameters(name) == Path("report_a.yaml")


def test_a_file_is_taken_from_where_it_is_said_to_be(tmp_path: Path) -> None:
    assert find_notebook(write_notebook(tmp_path / "tiny.ipynb")) == tmp_path / "tiny.ipynb"
    assert find_notebook(tmp_path / "tiny") == tmp_path / "tiny.ipynb"
    (tmp_path / "mine.yml").touch()
    assert find_parameters(tmp_path / "mine.yml") == tmp_path / "mine.yml"
    with pytest.raises(FileNotFoundError, match=f"there is no notebook {tmp_path}/01_dcgan"):
        find_notebook(tmp_path / "01_dcgan")  # with a folder it is no bare name


def test_a_name_that_is_none_suggests_the_nearest() -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no notebook 01_dcgn: did you mean 01_dcgan\?"):
        find_notebook("01_dcgn")
    with pytest.raises(FileNotFoundError, match=r"there is no file of parameters zzz: the course has .*report_a"):
        find_parameters("zzz")


def test_the_course_is_laid_out_and_what_was_there_stays(tmp_path: Path) -> None:
    mine = tmp_path / "course" / "01_dcgan.ipynb"
    mine.parent.mkdir()
    mine.write_text("mine")
    written, left = lay_out(mine.parent)
    assert (left, mine.read_text()) == ([mine], "mine")
    ours = [*NOTEBOOKS.glob("*.ipynb"), *PARAMETERS.glob("*.yaml")]
    assert {file.relative_to(mine.parent) for file in written} == {f.relative_to(NOTEBOOKS) for f in ours if f != OURS}
    for file in PARAMETERS.glob("*.yaml"):
        assert (mine.parent / file.relative_to(NOTEBOOKS)).read_bytes() == file.read_bytes()
    assert sorted(file for file in mine.parent.rglob("*") if file.is_file()) == sorted([*written, mine])
    assert lay_out(mine.parent) == ([], sorted([*written, mine]))


def test_what_is_laid_out_is_the_course_not_yet_run(tmp_path: Path) -> None:
    lay_out(tmp_path)
    for ours in NOTEBOOKS.glob("*.ipynb"):
        page, copy = (nbformat.read(file, 4) for file in (ours, tmp_path / ours.name))
        nbformat.validate(copy)
        assert [cell.source for cell in copy.cells] == [cell.source for cell in page.cells]
        assert all(cell.outputs == [] and cell.execution_count is None for cell in copy.cells if "outputs" in cell)


def test_a_folder_without_notebooks_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"there is no notebook in {tmp_path}"):
        notebooks(tmp_path)
