"""Sweeps with real workers and kernels: interrupted, killed, failing, and started again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from processes import becomes_true, ended
from tiny_notebook import write_notebook

from gan_lab.runner.status import Status
from gan_lab.runner.sweep import folder_name, planned, run_sweep, unfinished
from gan_lab.runner.versions import code_version, notebook_digest

TRAIN = """
import json, pathlib
run = pathlib.Path(run_dir, "B1")
run.mkdir(parents=True, exist_ok=True)
(run / "recipe.json").write_text(json.dumps({"parameters": {"rate": rate, "seed": seed}}))
(run / "epochs.csv").write_text(f"epoch,seconds,fid\\n1,0.5,{seed + 10 * rate}\\n")
"""
HANG_AT_FIRST = """
import os, pathlib, time
pid = pathlib.Path(run_dir, "pid")
if seed == 1 and not pid.exists():
    pid.write_text(str(os.getpid()))
    time.sleep(600)
"""
LOSE_THE_WORKER = """
import os, pathlib, psutil, signal
kernel = psutil.Process()
worker = kernel.parent().parent()
pathlib.Path(run_dir, f"{kernel.pid}.attempt").touch()
attempts = len(list(pathlib.Path(run_dir).glob("*.attempt")))
if seed == 2 or seed == 1 and attempts == 1:
    os.kill(worker.pid, signal.SIGKILL)
    while True: pass
"""


def state(folder: Path) -> str:
    status = Status.read(folder)
    assert status is not None
    return status.state


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """A Dask scheduler and two workers with one thread each, started on their own as on a cluster."""
    address = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    options = ["--scheduler-file", str(address), "--no-dashboard"]
    commands = [[*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", *options]]
    commands += [[*dask, "worker", "--nthreads", "1", *options, "--local-directory", str(tmp_path / "dask")]] * 2
    with ExitStack() as stack:
        for command in commands:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            assert becomes_true(address.exists)
        yield json.loads(address.read_text())["address"]


def test_a_worker_that_dies_loses_only_its_run_which_is_tried_once_more(tmp_path: Path, scheduler: str) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", LOSE_THE_WORKER, TRAIN)
    out = tmp_path / "out"
    table = run_sweep(notebook, {"seed": [0, 1, 2]}, {"rate": 0.5}, out, scheduler=scheduler, progress=False)
    table = table.set_index("seed")
    assert table["state"].to_dict() == {0: "done", 1: "done", 2: "failed"}
    assert table["failure"].to_dict() == {0: "", 1: "", 2: "its worker died 2 times"}
    assert table.loc[[0, 1], "fid"].tolist() == [5.0, 6.0]
    assert [len(list((out / f"seed={seed}").glob("*.attempt"))) for seed in (0, 1, 2)] == [1, 2, 2]


def test_an_interrupted_sweep_leaves_no_kernel_and_goes_on_when_started_again(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", HANG_AT_FIRST, TRAIN)
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "gan_lab.runner.cli",
        "sweep",
        str(notebook),
        "--grid",
        "seed=0,1",
        "--out",
        str(out),
    ]
    with subprocess.Popen([*command, "--jobs", "2"], start_new_session=True, stderr=subprocess.PIPE) as process:
        pid = out / "seed=1" / "pid"
        assert becomes_true(lambda: pid.exists() and pid.read_text() != "" and state(out / "seed=0") == "done")
        kernel = int(pid.read_text())
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the command and to all that it started
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.decode().strip() == "Interrupted. The same command goes on from here."
    assert becomes_true(lambda: ended(kernel))
    assert state(out / "seed=1") in ("interrupted", "running")

    before = (out / "seed=0" / "status.json").stat().st_mtime_ns
    surroundings = dict(os.environ)
    table = run_sweep(notebook, {"seed": ["0", "1"]}, {}, out, jobs=1, progress=False)
    assert dict(os.environ) == surroundings  # Dask's OMP_NUM_THREADS=1 would have the next training run on one thread
    assert table["state"].tolist() == ["done", "done"]
    assert (out / "seed=0" / "status.json").stat().st_mtime_ns == before


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals")
@pytest.mark.usefixtures("hangups_heard")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_sweep_that_is_asked_to_end_leaves_true_states(tmp_path: Path, number: int) -> None:
    """A batch system tells the command, a terminal that closes tells all that were started in it."""
    notebook = write_notebook(tmp_path / "tiny.ipynb", HANG_AT_FIRST)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "gan_lab.runner.cli", "sweep", str(notebook), "--grid", "seed=1..2"]
    command += ["--out", str(out), "--jobs", "1"]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE) as process:
        pid = out / "seed=1" / "pid"
        assert becomes_true(lambda: pid.exists() and pid.read_text() != "")
        (os.kill if number == signal.SIGTERM else os.killpg)(process.pid, number)
        _, said = process.communicate()
    assert process.returncode == 128 + number
    assert said.decode() == "Interrupted. The same command goes on from here.\n"
    assert becomes_true(lambda: ended(int(pid.read_text())))
    assert becomes_true(lambda: state(out / "seed=1") == "interrupted")
    assert state(out / "seed=2") == "waiting"


def test_a_sweep_is_the_product_of_its_grids(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    runs = planned(notebook, {"seed": ["0", "1", "2"], "rate": [1.0, 0.5]}, {"epochs": 4}, tmp_path)
    assert [folder.name for folder in runs] == [f"seed={seed},rate={rate}" for seed in (0, 1, 2) for rate in (1.0, 0.5)]
    for folder, values in runs.items():
        assert folder.name == f"seed={values['seed']},rate={values['rate']}"
        assert (values["run_dir"], values["epochs"]) == (str(folder), 4)


@pytest.mark.parametrize(
    ("grid", "given", "why"),
    [
        ({"seed": [0]}, {"seed": 1}, "seed cannot have one value and a grid of values"),
        ({"rate": ["0.5", "0.50"]}, {}, "rate=0.5 is in the grid twice"),
        ({"sed": [0]}, {}, "no parameter sed: did you mean seed"),
        ({"epochs": [1, -1]}, {}, "epochs = -1 is not possible"),
    ],
)
def test_a_sweep_that_cannot_be_meant_does_not_start(
    tmp_path: Path, grid: dict[str, list[object]], given: dict[str, object], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        run_sweep(write_notebook(tmp_path / "tiny.ipynb"), grid, given, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_other_runs_is_refused_with_the_difference(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    runs = planned(notebook, {"seed": [0, 1]}, {}, tmp_path / "out")
    for folder, values in runs.items():
        Status("done", "tiny", values).write(folder)
    assert unfinished(notebook, runs) == {}
    with pytest.raises(ValueError, match=r"seed=0 holds another run:\n  epochs: 3 there, 4 here\n"):
        unfinished(notebook, planned(notebook, {"seed": [0, 1]}, {"epochs": 4}, tmp_path / "out"))


@pytest.mark.parametrize("left", ["waiting", "running", "failed", "interrupted"])
def test_what_is_not_done_is_run_again(tmp_path: Path, left: str) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    runs = planned(notebook, {"seed": [0, 1]}, {}, tmp_path / "out")
    first, second = runs
    Status("done", "tiny", runs[first]).write(first)
    Status(left, "tiny", runs[second]).write(second)
    assert unfinished(notebook, runs) == {second: runs[second]}


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_lab.runner.cluster.PATIENCE", 0.2)
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    with pytest.raises(ConnectionError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        run_sweep(notebook, {"seed": [0]}, {}, tmp_path / "out", scheduler="tcp://127.0.0.1:9", progress=False)


def test_a_folder_s_name_suits_every_file_system() -> None:
    assert folder_name({"seed": 0, "rate": 1e-05, "quick": True}) == "seed=0,rate=1e-05,quick=True"
    names = [folder_name({"data_dir": value}) for value in ("/a/b", "/a/c", "a b", "a.", "ä", "", "x" * 300, "y" * 300)]
    assert len(set(names)) == len(names)
    for name in [*names, folder_name({f"parameter{i}": i for i in range(50)})]:
        assert len(name) <= 120 and set(name) <= set("abcdefghijklmnopqrstuvwxyz_0123456789=")


def test_runs_of_another_version_are_named_and_again_plays_them_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", TRAIN)
    runs = planned(notebook, {"seed": [0, 1, 2]}, {}, tmp_path / "out")
    now = {"notebook_digest": notebook_digest(notebook), "code": code_version()}
    for folder, made in zip(
        runs, (now, now | {"code": "0.0.1 00000000"}, {"notebook_digest": "00000000"}), strict=True
    ):
        Status("done", "tiny", runs[folder], **made).write(folder)
    run_sweep(notebook, {"seed": [0, 1, 2]}, {}, tmp_path / "out", progress=False)
    said = "2 runs were made by another version of the notebook and of gan-lab; they stay. --again plays them again\n"
    assert capfd.readouterr().err == said
    run_sweep(notebook, {"seed": [0, 1, 2]}, {}, tmp_path / "out", progress=False, again=True)
    assert {file.name for file in (tmp_path / "out").glob("seed*")} == {
        *("seed=0", "seed=1", "seed=1~1", "seed=2", "seed=2~1")
    }
    statuses = [Status.read(folder) for folder in runs]
    assert [(status.state, status.notebook_digest, status.code) for status in statuses if status] == [
        ("done", now["notebook_digest"], now["code"])
    ] * 3
