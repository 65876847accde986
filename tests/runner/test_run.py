from pathlib import Path

import pytest
from tiny_notebook import write_notebook

from gan_lab.runner.parameters import check, read_yaml
from gan_lab.runner.run import default_folder, in_folder, run_notebook


def test_runs_are_kept_with_the_execution_unless_the_user_says_where(tmp_path: Path) -> None:
    assert in_folder({"run_dir": ""}, tmp_path) == {"run_dir": str(tmp_path)}
    assert in_folder({"run_dir": "/mine"}, tmp_path) == {"run_dir": "/mine"}
    assert in_folder({"epochs": 3}, tmp_path) == {"epochs": 3}


def test_a_relative_run_dir_is_where_the_caller_means_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert in_folder({"run_dir": "mine"}, tmp_path / "out") == {"run_dir": str(tmp_path / "mine")}
    assert in_folder({"run_dir": "~/mine"}, tmp_path / "out") == {"run_dir": str(tmp_path / "home" / "mine")}


def test_what_does_not_suit_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="epochs = 0 is not possible"):
        run_notebook(write_notebook(tmp_path / "tiny.ipynb"), {"epochs": 0}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_folder_has_the_names_of_the_files_and_what_was_changed_beside_them(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    files = [tmp_path / "report_a.yaml", tmp_path / "quick.yaml"]
    files[0].write_text("rate: 0.01\nepochs: 9\n")
    files[1].write_text("quick: true\n")

    def named(given: dict[str, object], files: list[Path]) -> str:
        of_files = {name: value for file in files for name, value in read_yaml(file).items()}
        return str(default_folder(notebook, check(notebook, of_files | given), files))

    assert named({}, files[:1]) == "runs/tiny,report_a"
    assert named({"epochs": 99}, files[:1]) == "runs/tiny,report_a"
    assert named({"seed": 3}, files) == "runs/tiny,report_a,quick,seed=3"
    assert named({"seed": 3}, []) == "runs/tiny,seed=3"
    assert named({}, []) == "runs/tiny"
