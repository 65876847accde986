from pathlib import Path

import pytest
from run_folders import write_execution
from tiny_notebook import write_notebook
from typer.testing import CliRunner, Result

from gan_lab.runner.cli import app, given, grids, joined
from gan_lab.runner.doctor import Finding


def gan_lab(*words: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(word) for word in words])


def test_help_names_every_command_and_its_options() -> None:
    assert all(command in gan_lab("--help").output for command in ("list", "run", "sweep", "report", "table", "doctor"))
    assert "NAME VALUE" in gan_lab("run", "--help").output
    assert "tcp://HOST:PORT" in gan_lab("sweep", "--help").output


def test_p_takes_a_name_and_a_value_as_papermill_does() -> None:
    assert joined(["run", "nb", "-p", "epochs", "3", "-p", "rate", "-1"]) == [
        "run",
        "nb",
        "-p",
        "epochs=3",
        "-p",
        "rate=-1",
    ]
    assert joined(["--parameter", "data_dir", "a=b", "--out", "x"]) == ["--parameter", "data_dir=a=b", "--out", "x"]
    assert joined(["-p", "epochs=3", "nb"]) == ["-p", "epochs=3", "nb"]


def test_the_command_line_goes_before_files_and_later_files_before_earlier(tmp_path: Path) -> None:
    for name, text in (("a.yaml", "epochs: 1\nrate: 0.1\nseed: 1"), ("b.yaml", "epochs: 2\nrate: 0.2")):
        (tmp_path / name).write_text(text)
    values = given(["epochs=3"], [tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert values == {"epochs": "3", "rate": 0.2, "seed": 1}


def test_a_grid_is_a_name_and_its_values() -> None:
    assert grids(["seed=0,1", "data_dir=a, b"]) == {"seed": ["0", "1"], "data_dir": ["a", "b"]}
    for wrong in (["seed"], ["seed="], ["seed=0", "seed=1"]):
        with pytest.raises(ValueError, match="write a name and its values, once"):
            grids(wrong)


def test_list_shows_what_each_parameter_means_and_allows(tmp_path: Path) -> None:
    write_notebook(tmp_path / "tiny.ipynb")
    said = gan_lab("list", tmp_path).output
    assert "A tiny notebook  tiny.ipynb" in said
    assert "rate        float  0.5      step size [above 0, at most 1]" in said


def test_a_mistake_is_said_in_its_own_words(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    outcome = gan_lab("run", notebook, "-p", "epoch", "3", "-p", "rate", "-1")
    assert outcome.exit_code == 2
    assert outcome.stderr.splitlines() == [
        "tiny.ipynb has no parameter epoch: did you mean epochs?",
        "rate = '-1' is not possible: it takes a float, above 0, at most 1 (step size)",
    ]
    assert gan_lab("run", tmp_path / "none.ipynb").exit_code == 2
    assert gan_lab("report", tmp_path).exit_code == 2
    assert gan_lab("sweep", notebook, "--grid", "sed=0").exit_code == 2


def test_a_run_names_its_notebook_its_page_and_its_newest_samples(tmp_path: Path) -> None:
    pictures = "pathlib.Path(run_dir, 'B1', 'pictures')"
    draw = (
        f"import pathlib\n{pictures}.mkdir(parents=True)\nfor i in (1, 2):\n    ({pictures} / f'000{{i}}.png').touch()"
    )
    notebook = write_notebook(tmp_path / "tiny.ipynb", draw)
    outcome = gan_lab("run", notebook, "-p", "epochs", "2", "--out", tmp_path / "out")
    assert outcome.exit_code == 0
    assert [line.split() for line in outcome.output.splitlines()] == [
        ["notebook", str(tmp_path / "out" / "tiny.ipynb")],
        ["page", str(tmp_path / "out" / "tiny.html")],
        ["samples", str(tmp_path / "out" / "B1" / "pictures" / "0002.png")],
    ]


def test_a_failing_cell_is_shown_without_colours_for_a_file(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", "x = 1\nraise ValueError('unlucky')")
    outcome = gan_lab("run", notebook, "--out", tmp_path / "out")
    assert outcome.exit_code == 1
    assert outcome.stderr.startswith("tiny.ipynb, cell [3]: ValueError: unlucky\n")
    assert "----> 2 raise ValueError('unlucky')" in outcome.stderr
    assert "\x1b" not in outcome.output
    assert str(tmp_path / "out" / "tiny.html") in outcome.output


def test_a_report_names_its_page(tmp_path: Path) -> None:
    write_execution(tmp_path, {"seed": 0})
    outcome = gan_lab("report", tmp_path)
    assert outcome.output.strip() == str(tmp_path / "report.html")
    assert (tmp_path / "report.html").exists()


def test_a_table_holds_what_was_found_and_no_path(tmp_path: Path) -> None:
    write_execution(tmp_path / "seed=0", {"seed": 0, "setting": "plain"}, d_loss=1.5)
    write_execution(tmp_path / "seed=1", {"seed": 1, "setting": "plain"}, "failed")
    outcome = gan_lab("table", tmp_path, tmp_path / "found.csv")
    assert outcome.output.strip() == f"{tmp_path / 'found.csv'}: 1 rows"
    header, row = (tmp_path / "found.csv").read_text().splitlines()
    assert header == "run,seed,setting,epoch,seconds,fid,d_loss,device"
    assert row == "B1,0,plain,2.0,1.0,5.0,1.5,cpu"
    gan_lab("table", tmp_path, tmp_path / "each.csv", "--epochs")
    assert (tmp_path / "each.csv").read_text().splitlines()[1:] == [
        "B1,0,plain,1,0.5,10.0,cpu",
        "B1,0,plain,2,0.5,5.0,cpu",
    ]


def test_a_table_of_nothing_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    write_execution(tmp_path / "seed=0", {"seed": 0}, "failed")
    assert gan_lab("table", tmp_path, tmp_path / "found.csv").exit_code == 2
    assert not (tmp_path / "found.csv").exists()


@pytest.mark.parametrize(("state", "code"), [("good", 0), ("note", 0), ("broken", 1)])
def test_doctor_says_what_to_do_and_fails_if_something_is_broken(
    monkeypatch: pytest.MonkeyPatch, state: str, code: int
) -> None:
    import pandas as pd

    found = pd.DataFrame([Finding("disk", "0.1 GB free", state, "Free some space.")])
    monkeypatch.setattr("gan_lab.runner.doctor.examine", lambda seconds: found)
    outcome = gan_lab("doctor")
    assert outcome.exit_code == code
    assert "disk" in outcome.output and "0.1 GB free" in outcome.output and "Free some space." in outcome.output
