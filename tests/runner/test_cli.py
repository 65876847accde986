import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import psutil
import pytest
from processes import becomes_true
from run_folders import write_execution
from tiny_notebook import write_notebook
from typer.testing import CliRunner, Result

from gan_lab.runner.cli import app, given, joined
from gan_lab.runner.doctor import Finding
from gan_lab.runner.parameters import check
from gan_lab.runner.status import Status
from gan_lab.runner.terminal import in_words


def gan_lab(*words: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(word) for word in words])


def test_help_names_every_command_and_its_options() -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert len(names) > 10 and names <= set(gan_lab("--help").output.split())
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
    assert values == {"epochs": "3", "rate": "0.2", "seed": "1"}


def test_list_shows_what_each_parameter_means_and_allows(tmp_path: Path) -> None:
    write_notebook(tmp_path / "tiny.ipynb")
    said = gan_lab("list", tmp_path).output
    assert "A tiny notebook  tiny.ipynb" in said
    assert "rate        float  0.5      step size [above 0, at most 1]" in said


def test_list_without_a_folder_shows_the_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "  01_dcgan.ipynb\n" in gan_lab("list").output


def test_the_version_is_the_package_s() -> None:
    assert gan_lab("--version").output.split() == ["gan-lab", version("gan-lab")]


def test_a_course_that_is_laid_out_names_its_files_and_keeps_those_that_were_there(tmp_path: Path) -> None:
    first, again = gan_lab("notebooks", tmp_path / "mine"), gan_lab("notebooks", tmp_path / "mine")
    assert f"new       {tmp_path / 'mine' / '01_dcgan.ipynb'}" in first.output.splitlines()
    assert f"was there {tmp_path / 'mine' / 'parameters' / 'report_a.yaml'}" in again.output.splitlines()
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert gan_lab("notebooks", tmp_path / "mine" / "01_dcgan.ipynb").exit_code == 2


def test_a_notebook_of_the_course_is_run_by_its_name_and_writes_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from a wheel: the course lies in the package, and the user in a folder of their own."""
    package, here = tmp_path / "package", tmp_path / "here"
    for folder in (package / "parameters", here):
        folder.mkdir(parents=True)
    write_notebook(package / "tiny.ipynb", "import pathlib\npathlib.Path(run_dir, 'B1').mkdir()\nprint(epochs, rate)")
    (package / "parameters" / "short.yaml").write_text("epochs: 1\nrate: 1e-3\n")
    before = sorted(package.rglob("*"))
    monkeypatch.setattr("gan_lab.runner.course.NOTEBOOKS", package)
    monkeypatch.setattr("gan_lab.runner.course.PARAMETERS", package / "parameters")
    monkeypatch.chdir(here)
    assert gan_lab("run", "tiny", "-f", "short").exit_code == 0
    assert sorted(package.rglob("*")) == before
    out = here / "runs" / "tiny,short"
    assert {"tiny.ipynb", "tiny.html", "B1"} <= {file.name for file in out.iterdir()}
    assert nbformat.read(out / "tiny.ipynb", 4).cells[-1].outputs[0].text == "1 0.001\n"
    assert gan_lab("sweep", "tiny", "--grid", "sed=0").stderr.startswith("tiny.ipynb has no parameter sed")


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


def test_a_sweep_answers_for_its_own_runs_and_not_for_others_in_its_folder(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", "assert seed != 5")
    failed = gan_lab("sweep", notebook, "--grid", "seed=5", "--out", tmp_path / "out", "--jobs", "1")
    assert failed.exit_code == 1 and "seed=5" in failed.output
    done = gan_lab("sweep", notebook, "--grid", "seed=0", "--out", tmp_path / "out", "--jobs", "1")
    assert done.exit_code == 0 and "seed=5" not in done.output


def test_a_parameter_without_a_value_is_told_how_to_write_it(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", "1")
    said = gan_lab("run", notebook, "--parameter=seed")
    assert said.exit_code != 0 and "-p seed: write a name and a value, as in -p seed 3" in said.output


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


def test_a_dry_run_shows_what_would_run_and_writes_nothing(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", "1")
    out = tmp_path / "out"
    shown = gan_lab("run", notebook, "-p", "seed", "4", "--out", out, "--dry-run")
    assert (shown.exit_code, out.exists()) == (0, False)
    assert "epochs = 3, rate = 0.5" in shown.output and "seed = 4" in shown.output
    assert f"{out}  new" in shown.output and "1 run, 0 done; nothing was started." in shown.output
    (tmp_path / "points.csv").write_text("rate,epochs\n0.1,2\n0.2,3\n")
    sweep = ("sweep", notebook, "--points", tmp_path / "points.csv", "--grid", "seed=0..1", "--out", out, "--dry-run")
    assert not out.exists()
    values = {"rate": 0.2, "epochs": 3, "seed": 1}
    folder = out / "rate=0.2,epochs=3,seed=1"
    Status("done", "tiny", check(notebook, values | {"run_dir": str(folder)}), code="0.0.1 00000000").write(folder)
    before = sorted(tmp_path.rglob("*"))
    shown = gan_lab(*sweep)
    assert [line.split() for line in shown.output.splitlines() if line.startswith(str(out))] == [
        [f"{out}/rate=0.1,epochs=2,seed=0", "new", "2", "0.1", "0"],
        [f"{out}/rate=0.1,epochs=2,seed=1", "new", "2", "0.1", "1"],
        [f"{out}/rate=0.2,epochs=3,seed=0", "new", "3", "0.2", "0"],
        [str(folder), *["done,", "by", "another", "version", "of", "gan-lab"], "3", "0.2", "1"],
    ]
    assert shown.output.splitlines()[-1] == "4 runs, 1 done; nothing was started."
    assert sorted(tmp_path.rglob("*")) == before
    assert gan_lab("run", notebook, "--out", tmp_path, "--dry-run").exit_code == 2  # as it would be without


def test_a_sweep_without_values_and_a_point_that_cannot_be_are_named(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    nothing = gan_lab("sweep", notebook)
    assert nothing.exit_code == 2
    assert nothing.stderr == "a sweep needs values to try: --grid seed=0,1,2 or --points FILE.csv\n"
    points = tmp_path / "points.csv"
    for text, grid, line, why in (
        ("sed\n0\n", (), 2, "has no parameter sed: did you mean seed?"),
        ("seed,rate\n0,0.1\n1,7\n", (), 3, "rate = '7' is not possible"),
        ("seed\n0\n1\n0\n", (), 4, "seed=0 is there twice"),
        ("seed\n0\n", ("--grid", "seed=1"), 2, "seed cannot have one value and a grid of values"),
    ):
        points.write_text(text)
        refused = gan_lab("sweep", notebook, "--points", points, *grid, "--out", tmp_path / "out")
        assert refused.exit_code == 2
        assert refused.stderr.startswith(f"{points}, line {line}: ") and why in refused.stderr
    assert not (tmp_path / "out").exists()


def test_what_the_system_refuses_is_a_sentence_with_the_file_and_the_way_out(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    long = gan_lab("run", notebook, "--out", tmp_path / ("x" * 300))
    assert long.exit_code == 2
    assert long.stderr == f"{tmp_path / ('x' * 300)}: File name too long; choose a shorter name\n"
    write_execution(tmp_path / "runs", {"seed": 0})
    page = gan_lab("report", tmp_path / "runs", "--html", tmp_path / "none" / "a.html")
    assert page.exit_code == 2
    assert page.stderr == f"{tmp_path / 'none' / 'a.html'}: No such file or directory\n"
    assert in_words(PermissionError(13, "Permission denied", "/runs")) == (
        "/runs: Permission denied; choose a place where you may write"
    )
    assert in_words(FileNotFoundError("there is no notebook a")) == "there is no notebook a"


def test_a_name_in_brackets_is_said_whole(tmp_path: Path) -> None:
    write_execution(tmp_path / "runs[ws24]", {"seed": 0})
    assert gan_lab("report", tmp_path / "runs[ws24]").stdout == f"{tmp_path}/runs[ws24]/report.html\n"
    assert f"{tmp_path}/[red]x" in gan_lab("report", tmp_path / "[red]x").stderr


@pytest.mark.skipif(os.name != "posix", reason="Windows starts a process below this one")
def test_reproduce_becomes_the_process_of_the_trainings(tmp_path: Path) -> None:
    """So that who ends the command leaves no training behind."""
    command = [sys.executable, "-m", "gan_lab.runner.cli", "reproduce", "--out", str(tmp_path), "--epochs", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            words = ["-m", "gan_lab.lessons.reproduce", "--out", str(tmp_path), "--epochs", "1"]
            assert becomes_true(lambda: psutil.Process(process.pid).cmdline()[1:] == words, within=60)
        finally:
            process.kill()


def test_a_report_names_its_page(tmp_path: Path) -> None:
    write_execution(tmp_path, {"seed": 0})
    outcome = gan_lab("report", tmp_path)
    assert outcome.output.strip() == str(tmp_path / "report.html")
    assert (tmp_path / "report.html").exists()


def test_a_table_holds_what_was_found_and_no_path(tmp_path: Path) -> None:
    write_execution(tmp_path / "seed=0", {"seed": 0, "setting": "plain"}, d_loss=1.5)
    write_execution(tmp_path / "seed=1", {"seed": 1, "setting": "plain"}, "failed")
    outcome = gan_lab("table", tmp_path, tmp_path / "found.csv")
    assert outcome.stdout.strip() == f"{tmp_path / 'found.csv'}: 1 rows"
    assert outcome.stderr.strip() == "1 run is not in it: seed=1 failed"
    header, row = (tmp_path / "found.csv").read_text().splitlines()
    assert header == "run,epochs,seed,setting,epoch,seconds,fid,d_loss,notebook_digest,code,device"
    assert row == "B1,2,0,plain,2.0,1.0,5.0,1.5,,,cpu"
    gan_lab("table", tmp_path, tmp_path / "each.csv", "--epochs")
    assert (tmp_path / "each.csv").read_text().splitlines()[1:] == [
        "B1,2,0,plain,1,0.5,10.0,,,cpu",
        "B1,2,0,plain,2,0.5,5.0,,,cpu",
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


SLOW = {
    "torch",
    "numpy",
    "pandas",
    "papermill",
    "nbformat",
    "nbconvert",
    "jupytext",
    "dask",
    "distributed",
}


@pytest.mark.parametrize(
    ("words", "exit_code", "not_loaded"),
    [
        ("--help", 0, SLOW | {"pydantic", "yaml", "psutil"}),
        ("--version", 0, SLOW | {"pydantic", "yaml", "psutil"}),
        ("sweep --help", 0, SLOW | {"yaml", "psutil"}),
        ("list", 0, SLOW | {"psutil"}),
        ("run 01_dcgan -f smoke -p epoch 3", 2, SLOW),
        ("run 01_dcgan -p epochs 0", 2, SLOW),
        ("sweep 01_dcgan --grid sed=0", 2, SLOW),
    ],
)
def test_an_answer_loads_only_what_it_needs(words: str, exit_code: int, not_loaded: set[str]) -> None:
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr))\n"
        "from gan_lab.runner.cli import app\n"
        "app()"
    )
    answer = subprocess.run([sys.executable, "-c", program, *words.split()], capture_output=True, text=True)
    assert answer.returncode == exit_code
    loaded = set(answer.stderr.splitlines()[-1].split())
    assert "typer" in loaded and loaded & not_loaded == set()


@pytest.mark.parametrize("words", ["--help", "run --help", "list"])
def test_a_console_that_has_no_greek_is_answered(words: str) -> None:
    command = [sys.executable, "-m", "gan_lab.runner.cli", *words.split()]
    answer = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (answer.returncode, answer.stderr) == (0, b"")


def test_doctor_has_plain_marks_where_there_are_no_others(tmp_path: Path) -> None:
    program = (
        "import pandas, gan_lab.runner.doctor as d\n"
        "from gan_lab.runner.cli import app\n"
        "d.examine = lambda s: pandas.DataFrame([d.Finding(state, 'é ö →', state) for state in ('good', 'broken')])\n"
        "app(['doctor'])"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment)
    assert answer.stdout.decode("cp1252").split() == ["+", "good", "é", "ö", "?", "x", "broken", "é", "ö", "?"]
    assert answer.returncode == 1


def test_a_time_limit_stops_a_run_and_the_runs_of_a_sweep_and_is_said(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", "import time\ntime.sleep(600)")
    limited = ("--time-limit", "3", "--out")
    one = gan_lab("run", notebook, *limited, tmp_path / "one")
    many = gan_lab("sweep", notebook, "--grid", "seed=0", "--jobs", "1", *limited, tmp_path / "many")
    assert (one.exit_code, many.exit_code) == (1, 1)
    assert "the time limit of 3 seconds was reached" in one.stderr
    for folder in (tmp_path / "one", tmp_path / "many" / "seed=0"):
        status = Status.read(folder)
        assert status and status.failure and status.failure.what == "the time limit of 3 seconds was reached"


def test_a_sweep_of_points_gives_each_run_its_line_the_file_and_the_command_line(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", "print(epochs, rate, batch_size, seed)")
    (tmp_path / "points.csv").write_text("rate,epochs\n0.1,2\n0.2,5\n")
    (tmp_path / "short.yaml").write_text("batch_size: 3\nseed: 1\n")
    words = ("--points", tmp_path / "points.csv", "-f", tmp_path / "short.yaml", "-p", "seed", "7", "--jobs", "1")
    assert gan_lab("sweep", notebook, *words, "--out", tmp_path / "out").exit_code == 0
    said = {
        folder.name: nbformat.read(folder / "tiny.ipynb", 4).cells[-1].outputs[0].text
        for folder in (tmp_path / "out").iterdir()
        if folder.is_dir()
    }
    assert said == {"rate=0.1,epochs=2": "2 0.1 3 7\n", "rate=0.2,epochs=5": "5 0.2 3 7\n"}


@pytest.mark.parametrize(
    ("words", "solved", "marked"),
    [
        (["release"], False, False),
        (["solutions"], True, False),
        (["solutions", "--markers"], True, True),
    ],
)
def test_a_notebook_is_handed_out_and_solved_by_the_command(
    tmp_path: Path, words: list[str], solved: bool, marked: bool
) -> None:
    command, *options = words
    answer = gan_lab(command, tmp_path / "out", "06_few_images", *options)
    assert answer.exit_code == 0 and answer.output.split() == [str(tmp_path / "out" / "06_few_images.ipynb")]
    text = "\n".join(cell.source for cell in nbformat.read(tmp_path / "out" / "06_few_images.ipynb", 4).cells)
    assert ("a = beta * a + (1 - beta) * w" in text) == solved
    assert ("### BEGIN SOLUTION" in text) == marked
    again = gan_lab(command, tmp_path / "out", "06_few_images", *options)
    assert again.exit_code == 2 and "is there already" in again.output


@pytest.mark.parametrize("seconds", ["0", "-5"])
def test_a_time_limit_of_no_time_is_refused(tmp_path: Path, seconds: str) -> None:
    write_notebook(tmp_path / "tiny.ipynb")
    refused = gan_lab("run", tmp_path / "tiny.ipynb", "--time-limit", seconds, "--out", tmp_path / "out")
    assert refused.exit_code == 2
    assert "Invalid value for '--time-limit'" in " ".join(refused.output.split())
    assert not (tmp_path / "out").exists()
