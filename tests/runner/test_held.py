"""What is in a folder already stays as it is, or is ours to replace."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import becomes_true
from run_folders import write_execution, write_run
from tiny_notebook import write_notebook
from typer.testing import CliRunner, Result

from gan_lab.owner import begin_anew, is_free, owned
from gan_lab.runner.cli import app
from gan_lab.runner.held import made_by_another_version, refuse_table, refuse_to_replace, state
from gan_lab.runner.run import planned
from gan_lab.runner.status import Status
from gan_lab.runner.sweep import run_sweep
from gan_lab.runner.versions import code_version, notebook_digest

RESULTS = Path(__file__).parents[2] / "results"


def gan_lab(*words: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(word) for word in words])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("spelled", [".", "../mine", "link", "inside/.."])
def test_a_notebook_is_never_replaced_by_its_executed_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelled: str
) -> None:
    mine = tmp_path / "mine"
    (mine / "inside").mkdir(parents=True)
    write_notebook(mine / "tiny.ipynb", "1")
    (mine / "link").symlink_to(mine)
    monkeypatch.chdir(mine)
    before = contents(mine)
    refused = gan_lab("run", "tiny", "--out", spelled)
    assert refused.exit_code == 2
    assert "would replace the notebook" in refused.stderr and "choose another folder" in refused.stderr
    assert contents(mine) == before


def test_a_link_to_the_notebook_is_the_notebook(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    for name, link in (("hard", os.link), ("soft", os.symlink)):
        (tmp_path / name).mkdir()
        link(notebook, tmp_path / name / "tiny.ipynb")
        with pytest.raises(ValueError, match="would replace the notebook"):
            refuse_to_replace(notebook, tmp_path / name)


@pytest.mark.parametrize("name", ["tiny.ipynb", "tiny.html", "log.txt", "status.json"])
def test_a_file_of_somebody_else_stays(tmp_path: Path, name: str) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.md").touch()
    refuse_to_replace(notebook, out)  # what we do not write is in nobody's way
    (out / name).touch()
    with pytest.raises(ValueError, match=rf"{name} is there already, and no run of gan-lab made it"):
        refuse_to_replace(notebook, out)
    Status("done", "tiny", {}).write(out)
    refuse_to_replace(notebook, out)


def test_a_status_of_another_program_makes_no_file_ours_and_a_damaged_one_of_ours_does(tmp_path: Path) -> None:
    notebook, out = write_notebook(tmp_path / "tiny.ipynb"), tmp_path / "out"
    out.mkdir()
    for name, text in {"status.json": '{"state": "up"}', "log.txt": "started"}.items():
        (out / name).write_text(text)
    with pytest.raises(ValueError, match=r"status\.json is there already, and no run of gan-lab made it"):
        refuse_to_replace(notebook, out)
    with owned(out):
        pass
    refuse_to_replace(notebook, out)


def test_a_link_among_our_files_leads_to_somebody_else_s(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    (tmp_path / "thesis").touch()
    Status("done", "tiny", {}).write(tmp_path / "out")
    (tmp_path / "out" / "tiny.ipynb").symlink_to(tmp_path / "thesis")
    with pytest.raises(ValueError, match=r"tiny\.ipynb is a link to another file"):
        refuse_to_replace(notebook, tmp_path / "out")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "deep" / "out"):
        for command in (("run", notebook), ("sweep", notebook, "--grid", "seed=0,1")):
            refused = gan_lab(*command, "--out", out)
            assert refused.exit_code == 2
            assert refused.stderr == f"{tmp_path / 'file'} is a file: choose a folder for what comes of tiny.ipynb\n"


def test_the_course_s_own_notebooks_are_no_place_for_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = tmp_path / "course"
    (course / "parameters").mkdir(parents=True)
    monkeypatch.setattr("gan_lab.runner.course.NOTEBOOKS", course)
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    (tmp_path / "link").symlink_to(course)
    for out in (
        course,
        course / "parameters",
        course / "new",
        tmp_path / "link" / "new",
        tmp_path / "new" / "../course",
    ):
        with pytest.raises(ValueError, match="belongs to the course's own notebooks"):
            refuse_to_replace(notebook, out)
    refuse_to_replace(notebook, course / "runs" / "tiny")  # of a command that is given there


def test_a_report_replaces_nothing_but_a_report(tmp_path: Path) -> None:
    write_execution(tmp_path / "runs", {"seed": 0})
    page = tmp_path / "runs" / "tiny.html"
    page.write_text("<html>an executed notebook</html>")
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    before = contents(tmp_path)
    for html in (notebook, page, tmp_path / "runs" / "B1" / "recipe.json", tmp_path / "runs" / "B1" / "epochs.csv"):
        refused = gan_lab("report", tmp_path / "runs", "--html", html)
        assert refused.exit_code == 2 and str(html) in refused.stderr
    assert contents(tmp_path) == before
    for _ in range(2):
        assert gan_lab("report", tmp_path / "runs").exit_code == 0


def test_a_table_replaces_nothing_but_a_table_and_none_of_a_run_s(tmp_path: Path) -> None:
    write_execution(tmp_path / "runs", {"seed": 0})
    run = tmp_path / "runs" / "B1"
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.csv").symlink_to(run / "rounds.csv")
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    before = contents(tmp_path)
    for csv in (notebook, run / "rounds.csv", run / "epochs.csv", run / "recipe.json", tmp_path / "folder.csv"):
        refused = gan_lab("table", tmp_path / "runs", csv)
        assert refused.exit_code == 2 and str(csv) in refused.stderr
    assert gan_lab("table", tmp_path / "runs", tmp_path / "link.csv").exit_code == 2
    assert contents(tmp_path) == before
    for each in ((), ("--epochs",)):
        assert gan_lab("table", tmp_path / "runs", tmp_path / "mine.csv", *each).exit_code == 0


@pytest.mark.parametrize("text", ["name,mark\nada,1\n", "seed,rate\n0,0.1\n", "run,epochs\nB1,2\n", ""])
def test_a_table_replaces_no_table_of_another_kind(tmp_path: Path, text: str) -> None:
    write_execution(tmp_path / "runs", {"seed": 0})
    (tmp_path / "marks.csv").write_text(text)
    refused = gan_lab("table", tmp_path / "runs", tmp_path / "marks.csv")
    assert refused.exit_code == 2
    assert refused.stderr == (
        f"{tmp_path / 'marks.csv'} is there already, and no table of what runs found: choose another name\n"
    )
    assert (tmp_path / "marks.csv").read_text() == text


@pytest.mark.parametrize("name", ["02_stability", "02_stability_epochs", "03_acgan", "04_wgan", "04_wgan_epochs"])
def test_the_course_s_own_tables_are_renewed_by_a_table(name: str) -> None:
    refuse_table(RESULTS / f"{name}.csv")


def test_run_refuses_a_folder_of_another_run_with_the_difference(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    out = tmp_path / "out"
    assert gan_lab("run", notebook, "-p", "rate", "0.25", "--out", out).exit_code == 0
    before = contents(out)
    refused = gan_lab("run", notebook, "-p", "seed", "7", "--out", out)
    assert refused.exit_code == 2
    assert refused.stderr.splitlines() == [
        f"{out} holds another run:",
        "  rate: 0.25 there, 0.5 here",
        "  seed: 0 there, 7 here",
        "Choose another folder, or delete what is there.",
    ]
    other = write_notebook(tmp_path / "other.ipynb")
    assert "notebook: tiny there, other here" in gan_lab("run", other, "-p", "rate", "0.25", "--out", out).stderr
    assert contents(out) == before
    assert gan_lab("run", notebook, "-p", "rate", "0.25", "-p", "epochs", "9", "--out", out).exit_code == 0


HOLD = "import sys\nfrom pathlib import Path\nfrom gan_lab.owner import owned\n"
HOLD += "with owned(Path(sys.argv[1])):\n    print('mine', flush=True)\n    sys.stdin.read()"


def test_a_second_run_or_sweep_is_refused_by_name_and_leaves_no_mark(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    out = tmp_path / "out"
    for folder, command in (
        (out, ("run", notebook, "--out", out)),
        (out, ("sweep", notebook, "--grid", "seed=0,1", "--out", out)),
        (out, ("run", notebook, "-p", "seed", "1", "--out", out / "seed=1")),  # a sweep's, which may have it waiting
        (out / "seed=1", ("sweep", notebook, "--grid", "seed=1", "--out", out)),
    ):
        Status("running", "tiny", {}).write(tmp_path / "unrelated")
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as other:
            assert other.stdout is not None and other.stdout.readline() == b"mine\n"
            refused = gan_lab(*command)
            other.communicate(b"")
        assert refused.exit_code == 2
        (said,) = refused.stderr.splitlines()
        assert f"is in use by process {other.pid} on " in said
        assert not list(out.rglob("status.json"))


def test_what_a_killed_process_was_doing_was_interrupted(tmp_path: Path) -> None:
    assert state(tmp_path) == "new"
    Status("running", "tiny", {}).write(tmp_path)
    assert state(tmp_path) == "interrupted"  # nobody ever owned it
    with owned(tmp_path):
        assert state(tmp_path) == "running" and not is_free(tmp_path)
    assert state(tmp_path) == "interrupted" and is_free(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"mine\n"
        assert state(tmp_path) == "running"
        other.kill()
    assert becomes_true(lambda: state(tmp_path) == "interrupted")


def test_a_run_whose_status_is_damaged_is_named_and_played_again_and_the_others_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", "print(seed)")
    run_sweep(notebook, {"seed": [0, 1]}, out=tmp_path / "out", progress=False)
    first, second = (tmp_path / "out" / f"seed={seed}" for seed in (0, 1))
    (second / "status.json").write_text('{"state": "do')
    done = (first / "status.json").read_bytes()
    capsys.readouterr()
    found = run_sweep(notebook, {"seed": [0, 1]}, out=tmp_path / "out", progress=False)
    assert list(found["state"]) == ["done", "done"]
    assert (first / "status.json").read_bytes() == done
    assert f"{second / 'status.json'} cannot be read, it is cut off" in capsys.readouterr().err


def test_a_folder_is_put_aside_under_the_next_free_name(tmp_path: Path) -> None:
    for k in (1, 2):
        write_run(tmp_path / "seed=0", {"seed": k})
        begin_anew(tmp_path / "seed=0")
        assert json.loads((tmp_path / f"seed=0~{k}" / "recipe.json").read_text())["parameters"] == {"seed": k}
    assert not (tmp_path / "seed=0").exists()


def test_a_run_tells_what_has_changed_since_it_was_made(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", "1")
    here = {"notebook_digest": notebook_digest(notebook), "code": code_version()}
    for made, changed in (
        (here, set()),
        ({}, set()),  # from before versions were kept: nobody knows
        (here | {"code": "0.0.1 00000000"}, {"gan-lab"}),
        (here | {"notebook_digest": "00000000"}, {"the notebook"}),
    ):
        Status("done", "tiny", {}, **made).write(tmp_path / "out")
        assert made_by_another_version(notebook, tmp_path / "out") == changed
    Status("failed", "tiny", {}, code="0.0.1 00000000").write(tmp_path / "out")
    assert made_by_another_version(notebook, tmp_path / "out") == set()


def test_again_plays_a_run_of_another_version_again_and_loses_nothing(tmp_path: Path) -> None:
    notebook, out = tmp_path / "tiny.ipynb", tmp_path / "out"
    assert gan_lab("run", write_notebook(notebook, "print(1)"), "--out", out).exit_code == 0
    write_notebook(notebook, "print(2)")
    kept = gan_lab("run", notebook, "--out", out)
    said = "was made by another version of the notebook; what it trained stays. --again plays it again"
    assert kept.stderr == f"{out} {said}\n"
    write_notebook(notebook, "print(3)")
    assert gan_lab("run", notebook, "--out", out, "--again").stdout.startswith(f"{out} is kept as {out}~1\n")
    assert '"print(2)"' in (tmp_path / "out~1" / "tiny.ipynb").read_text()
    assert '"print(3)"' in (out / "tiny.ipynb").read_text()
    assert "is kept as" not in gan_lab("run", notebook, "--out", out, "--again").output  # the same version goes on


def test_a_training_that_is_only_shown_stays_one_of_the_version_that_made_it(tmp_path: Path) -> None:
    """So that --again, which the command advises, still finds it."""
    notebook, out = tmp_path / "tiny.ipynb", tmp_path / "out"
    assert gan_lab("run", write_notebook(notebook, "print(1)"), "--out", out).exit_code == 0
    made = Status.read(out)
    write_run(out / "B1", {"seed": 0})
    write_notebook(notebook, "print(2)")
    assert "--again plays it again" in gan_lab("run", notebook, "--out", out).stderr
    assert Status.read(out).notebook_digest == made.notebook_digest
    assert gan_lab("run", notebook, "--out", out, "--again").stdout.startswith(f"{out} is kept as {out}~1\n")
    assert (tmp_path / "out~1" / "B1").is_dir() and not (out / "B1").exists()


def test_what_a_new_version_trains_in_the_same_folder_is_its_own(tmp_path: Path) -> None:
    notebook, out = tmp_path / "tiny.ipynb", tmp_path / "out"
    assert gan_lab("run", write_notebook(notebook, "print(1)"), "--out", out).exit_code == 0
    write_run(out / "B1", {"seed": 0})
    trains = f"import shutil; shutil.copytree({str(out / 'B1')!r}, {str(out / 'B2')!r})"
    assert gan_lab("run", write_notebook(notebook, trains), "--out", out).exit_code == 0
    assert Status.read(out).notebook_digest == notebook_digest(notebook)


def test_a_folder_that_a_command_starts_in_can_be_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook, out = tmp_path / "tiny.ipynb", tmp_path / "out"
    assert gan_lab("run", write_notebook(notebook, "print(1)"), "--out", out).exit_code == 0
    write_notebook(notebook, "print(2)")
    monkeypatch.chdir(out)
    assert f"{out} is kept as {out}~1" in gan_lab("run", notebook, "--out", ".", "--again").stdout
    assert '"print(2)"' in (out / "tiny.ipynb").read_text()


def test_a_run_dir_of_a_user_who_is_not_there_is_a_folder_of_that_name(tmp_path: Path) -> None:
    _, values = planned(write_notebook(tmp_path / "tiny.ipynb", "1"), {"run_dir": "~nobody-here/x"})
    assert values["run_dir"] == str(Path("~nobody-here/x").absolute())


def test_a_run_dir_that_is_no_text_is_refused_in_words(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", "1")
    with pytest.raises(ValueError, match=r"is no text in UTF-8: choose another name"):
        planned(notebook, {"run_dir": os.fsdecode(b"jos\xe9")})
