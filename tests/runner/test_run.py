from pathlib import Path

import pytest
from tiny_notebook import PARAMETERS, write_notebook

from gan_lab.runner.run import in_folder, notebooks, run_notebook, title


def test_a_list_of_notebooks_has_a_row_a_parameter(tmp_path: Path) -> None:
    write_notebook(tmp_path / "b.ipynb", parameters="rate: float = 0.5  # step size [above 0]")
    write_notebook(tmp_path / "a.ipynb")
    table = notebooks(tmp_path)
    assert table["notebook"].tolist() == ["a.ipynb"] * len(PARAMETERS.splitlines()) + ["b.ipynb"]
    assert table.iloc[-1].to_dict() == {
        "notebook": "b.ipynb",
        "title": "A tiny notebook",
        "name": "rate",
        "type": "float",
        "default": 0.5,
        "meaning": "step size",
        "allowed": "above 0",
    }


def test_a_folder_without_notebooks_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"there is no notebook in {tmp_path}"):
        notebooks(tmp_path)


def test_a_notebook_without_a_heading_is_called_by_its_file(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    assert title(notebook) == "A tiny notebook"
    notebook.write_text(notebook.read_text().replace("# A tiny notebook", "A tiny notebook"))
    assert title(notebook) == "tiny"


def test_runs_are_kept_with_the_execution_unless_the_user_says_where(tmp_path: Path) -> None:
    assert in_folder({"run_dir": ""}, tmp_path) == {"run_dir": str(tmp_path)}
    assert in_folder({"run_dir": "/mine"}, tmp_path) == {"run_dir": "/mine"}
    assert in_folder({"epochs": 3}, tmp_path) == {"epochs": 3}


def test_what_does_not_suit_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="epochs = 0 is not possible"):
        run_notebook(write_notebook(tmp_path / "tiny.ipynb"), {"epochs": 0}, tmp_path / "out")
    assert not (tmp_path / "out").exists()
