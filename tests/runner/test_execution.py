"""Real kernels: one that ends well, one that fails, one that dies, one that takes too long, and an orphan."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from bs4 import BeautifulSoup
from processes import becomes_true, ended
from tiny_notebook import write_notebook

from gan_lab.owner import LOCK
from gan_lab.runner.cells import Cells, connection
from gan_lab.runner.execution import execute
from gan_lab.runner.parameters import check
from gan_lab.runner.status import Status

HERE = os.getcwd()
SLEEP = "import os, pathlib, time\npathlib.Path(run_dir, 'pid').write_text(str(os.getpid()))\ntime.sleep(600)"
NOTEBOOKS = {
    "good": ["import os\nprint(os.getcwd(), epochs, rate, os.environ['OMP_NUM_THREADS'])"],
    "fails": ["x = 1", "raise ValueError('unlucky')", "never = 1"],
    "dies": ["x = 1", "import os\nos._exit(3)", "never = 1"],
    "sleeps": ["import time\ntime.sleep(600)"],
}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The folders that the four notebooks were executed into, two at a time."""
    folder = tmp_path_factory.mktemp("executed")

    def execute_one(name: str) -> Path:
        notebook = write_notebook(folder / f"{name}.ipynb", *NOTEBOOKS[name])
        limit = 2 if name == "sleeps" else None
        execute(notebook, check(notebook, {"epochs": 7}), folder / name, time_limit=limit, threads=1)
        return folder / name

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(NOTEBOOKS, pool.map(execute_one, NOTEBOOKS), strict=True))


def status_of(folder: Path) -> Status:
    status = Status.read(folder)
    assert status is not None
    return status


def page_of(folder: Path) -> str:
    """The words of the page that was saved."""
    return BeautifulSoup((folder / f"{folder.name}.html").read_text(), "html.parser").get_text()


def test_a_notebook_is_executed_where_it_lies_with_what_it_was_given(executed: Mapping[str, Path]) -> None:
    notebook = nbformat.read(executed["good"] / "good.ipynb", 4)
    assert notebook.cells[-1].outputs[0].text == f"{executed['good'].parent} 7 0.5 1\n"
    assert notebook.cells[2].source.splitlines()[1:] == ["epochs = 7"]  # what is as the notebook has it is not repeated
    assert os.getcwd() == HERE


def test_a_good_end_leaves_the_notebook_its_page_and_its_status(executed: Mapping[str, Path]) -> None:
    kept = [file.name for file in executed["good"].iterdir() if file.name != LOCK]
    assert sorted(kept) == ["good.html", "good.ipynb", "status.json"]
    status = status_of(executed["good"])
    assert (status.state, status.failure, status.parameters["epochs"]) == ("done", None, 7)
    assert f"{executed['good'].parent} 7 0.5 1" in page_of(executed["good"])


def test_a_failing_cell_is_named_with_its_error(executed: Mapping[str, Path]) -> None:
    failure = status_of(executed["fails"]).failure
    assert failure is not None
    assert str(failure) == "cell [4]: ValueError: unlucky"
    assert failure.source == "raise ValueError('unlucky')"
    assert failure.traceback.endswith("unlucky")
    assert "ValueError: unlucky" in page_of(executed["fails"])
    assert nbformat.read(executed["fails"] / "fails.ipynb", 4).cells[-1].execution_count is None


def test_a_kernel_that_dies_is_reported_as_that(executed: Mapping[str, Path]) -> None:
    failure = status_of(executed["dies"]).failure
    assert failure is not None
    assert str(failure) == "cell [4]: the kernel died"
    assert failure.source == "import os\nos._exit(3)"
    assert "The notebook stopped here: the kernel died." in page_of(executed["dies"])


def test_a_time_limit_is_reported_as_that(executed: Mapping[str, Path]) -> None:
    failure = status_of(executed["sleeps"]).failure
    assert failure is not None
    assert failure.what == "the time limit of 2 seconds was reached"
    assert "The notebook stopped here: the time limit of 2 seconds was reached." in page_of(executed["sleeps"])


def test_a_kernel_does_not_outlive_who_ran_it(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", SLEEP)
    program = f"from gan_lab.runner import run; run.run_notebook({str(notebook)!r}, {{}}, {str(tmp_path / 'out')!r})"
    caller = subprocess.Popen([sys.executable, "-c", program])
    pid = tmp_path / "out" / "pid"
    assert becomes_true(lambda: pid.exists() and pid.read_text() != "")
    kernel = int(pid.read_text())
    assert not ended(kernel)
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    assert becomes_true(lambda: ended(kernel))
    assert status_of(tmp_path / "out").state == "running"  # it had no time to say more


def test_the_bar_tells_the_epoch_of_the_newest_training(tmp_path: Path) -> None:
    cells = Cells(tmp_path / "tiny.ipynb", tmp_path, tmp_path, Status("running", "tiny", {}), None)
    assert cells._epoch() == ""
    for name, epochs in (("A1", 2), ("B1", 7)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "epochs.csv").write_text("epoch,seconds\n" + "1,0.1\n" * epochs)
        os.utime(tmp_path / name / "epochs.csv", (time.time() + epochs,) * 2)
    assert cells._epoch() == "B1: epoch 7"


@pytest.mark.skipif(os.name != "posix", reason="elsewhere kernels talk over ports")
def test_kernels_that_start_together_share_no_port() -> None:
    assert connection(Path("/tmp/a")).KernelManager.transport == "ipc"
    for long in ("/" + 100 * "a", "/" + 45 * "ä"):  # a socket's name has room for about a hundred bytes
        assert connection(Path(long)).KernelManager.transport == "tcp"


def test_the_log_is_closed_when_it_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows deletes no file that is open."""
    start, unlink = subprocess.Popen, Path.unlink
    open_then = []

    def end_well(command: list[str], **how: Any) -> "subprocess.Popen[bytes]":
        Status("done", "tiny", {}).write(tmp_path / "out")
        return start([sys.executable, "-c", "pass"], **how)

    def look(file: Path, **how: bool) -> None:
        if file.name == "log.txt":
            open_then.append([one.path for one in psutil.Process().open_files()])
        unlink(file, **how)

    monkeypatch.setattr(subprocess, "Popen", end_well)
    monkeypatch.setattr(Path, "unlink", look)
    execute(write_notebook(tmp_path / "tiny.ipynb"), {}, tmp_path / "out")
    assert len(open_then) == 1
    assert str(tmp_path / "out" / "log.txt") not in open_then[0]
    assert not (tmp_path / "out" / "log.txt").exists()


def test_the_caller_s_matplotlib_backend_takes_no_picture_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clusters and editors set MPLBACKEND: then a notebook was "done" and had no picture."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = write_notebook(tmp_path / "tiny.ipynb", "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
    assert execute(notebook, check(notebook, {}), tmp_path / "out").state == "done"
    cells = nbformat.read(tmp_path / "out" / "tiny.ipynb", 4).cells
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell.get("outputs", []))
