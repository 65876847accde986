"""Real kernels: one that ends well, one that fails, one that dies, one that takes too long, and an orphan."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from bs4 import BeautifulSoup
from processes import becomes_true, ended
from tiny_notebook import write_notebook

from gan_lab.owner import LOCK
from gan_lab.runner.bounded import KEPT
from gan_lab.runner.cells import Cells, connection, mark
from gan_lab.runner.execution import execute
from gan_lab.runner.held import state
from gan_lab.runner.parameters import check
from gan_lab.runner.status import Failure, Status
from gan_lab.runner.terminal import in_words

HERE = os.getcwd()
SLEEP = "import os, pathlib, time\npathlib.Path(run_dir, 'pid').write_text(str(os.getpid()))\ntime.sleep(600)"
FORK = """
import os, pathlib, subprocess, sys, time
orphan = "import subprocess; print(subprocess.Popen(['sleep', '600'], stdout=-3, start_new_session=True).pid)"
pids = [subprocess.check_output([sys.executable, "-c", orphan], text=True).strip()]
pids += [str(subprocess.Popen(["sleep", "600"], start_new_session=True).pid)]
pathlib.Path(run_dir, "pids").write_text(" ".join(pids))
"""
NOTEBOOKS = {
    "good": ["import os\nprint(os.getcwd(), epochs, rate, os.environ['OMP_NUM_THREADS'])"],
    "fails": ["x = 1", "raise ValueError('unlucky')", "never = 1"],
    "dies": ["x = 1", "import os\nos._exit(3)", "never = 1"],
    "sleeps": ["import time\ntime.sleep(600)"],
    "rubbish": ["import os\nos.write(1, bytes(range(256)))\nprint('\\ud800 \\x00 \\x1b[31m')\nprint('well')"],
    "deaf": ["import time\nwhile True:\n    try:\n        time.sleep(1)\n    except BaseException:\n        pass"],
    "forks": [FORK + "time.sleep(600)"],
}
LATE = {"sleeps": 2, "deaf": 5, "forks": 15}  # seconds that they may take


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The folders that these notebooks were executed into, two at a time."""
    folder = tmp_path_factory.mktemp("executed")

    def execute_one(name: str) -> Path:
        notebook = write_notebook(folder / f"{name}.ipynb", *NOTEBOOKS[name])
        values = check(notebook, {"epochs": 7, "run_dir": str(folder / name)})
        execute(notebook, values, folder / name, time_limit=LATE.get(name), threads=1)
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
    assert notebook.cells[2].source.splitlines()[1] == "epochs = 7"
    assert "rate" not in notebook.cells[2].source  # what is as the notebook has it is not repeated
    assert os.getcwd() == HERE


def test_a_good_end_leaves_the_notebook_its_page_and_its_status(executed: Mapping[str, Path]) -> None:
    kept = [file.name for file in executed["good"].iterdir() if file.name != LOCK]
    assert sorted(kept) == ["good.html", "good.ipynb", "status.json"]
    status = status_of(executed["good"])
    assert (status.state, status.failure, status.parameters["epochs"]) == ("done", None, 7)
    assert f"{executed['good'].parent} 7 0.5 1" in page_of(executed["good"])


def test_a_reader_with_other_parameters_is_told_what_does_not_hold_and_the_cell_stays_folded(tmp_path: Path) -> None:
    says = "from gan_lab.lessons.claims import claim\nclaim('Three are enough.', epochs == 3)"
    notebook = write_notebook(tmp_path / "claims.ipynb", says)
    page = nbformat.read(notebook, 4)
    page.cells[-1].metadata = folded = {"tags": ["claims"], "jupyter": {"source_hidden": True}}
    nbformat.write(page, notebook)
    status = execute(notebook, check(notebook, {"epochs": 7}), tmp_path / "claims", threads=1)
    assert status.state == "done"
    cell = nbformat.read(tmp_path / "claims" / "claims.ipynb", 4).cells[-1]
    assert folded.items() <= cell.metadata.items()
    text = page_of(tmp_path / "claims")
    assert "Does not hold here: Three are enough." in text and "import claim" not in text


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


@pytest.mark.parametrize("name", LATE)
def test_a_time_limit_is_reported_as_that(executed: Mapping[str, Path], name: str) -> None:
    """Of a cell that ignores interrupts, too."""
    failure = status_of(executed[name]).failure
    assert failure is not None
    assert failure.what == f"the time limit of {LATE[name]} seconds was reached"
    assert f"The notebook stopped here: the time limit of {LATE[name]} seconds was reached." in page_of(executed[name])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt the orphans below it")
def test_a_time_limit_ends_what_a_cell_has_started(executed: Mapping[str, Path]) -> None:
    child, orphan = map(int, (executed["forks"] / "pids").read_text().split())
    assert becomes_true(lambda: ended(child) and ended(orphan))


def test_rubbish_is_kept_as_it_can_be(executed: Mapping[str, Path]) -> None:
    status = status_of(executed["rubbish"])
    assert (status.state, status.failure) == ("done", None)
    said = nbformat.read(executed["rubbish"] / "rubbish.ipynb", 4).cells[-1].outputs[0].text
    assert "? \x00 \x1b[31m\nwell\n" in said  # half a surrogate pair is no character
    page = page_of(executed["rubbish"])
    assert "well\n" in page.partition("print('well')")[2]


def test_a_cell_that_prints_for_ever_meets_its_time_limit_and_fills_no_memory(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", "while True: print('x' * 1000)")
    peak, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    peak.append(process.memory_info().rss)

    looking = threading.Thread(target=look)
    looking.start()
    status = execute(notebook, check(notebook, {}), tmp_path / "out", time_limit=5)
    over.set()
    looking.join()
    assert status.failure is not None and status.failure.what == "the time limit of 5 seconds was reached"
    assert 50e6 < max(peak) < 1e9
    assert (tmp_path / "out" / "tiny.ipynb").stat().st_size < 2 * KEPT


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
    assert becomes_true(lambda: status_of(tmp_path / "out").state == "interrupted")


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals")
@pytest.mark.usefixtures("hangups_heard")
@pytest.mark.parametrize(
    ("number", "to_all"), [(signal.SIGTERM, True), (signal.SIGTERM, False), (signal.SIGHUP, False)]
)
def test_a_batch_system_or_a_closed_terminal_interrupts_a_run(tmp_path: Path, number: int, to_all: bool) -> None:
    """A batch system may tell every process of the job at once: that the kernel died then is no failure."""
    notebook = write_notebook(tmp_path / "tiny.ipynb", SLEEP)
    command = [sys.executable, "-m", "gan_lab.runner.cli", "run", str(notebook), "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        pid = tmp_path / "out" / "pid"
        assert becomes_true(lambda: pid.exists() and pid.read_text() != "")
        family = psutil.Process(process.pid).children(recursive=True) if to_all else []
        for each in [*reversed(family), process]:
            each.send_signal(number)
        said = process.communicate()[1].decode()
    assert process.returncode == 128 + number
    assert said == "Interrupted. The same command goes on from here.\n"
    assert status_of(tmp_path / "out").state == "interrupted" and status_of(tmp_path / "out").failure is None
    assert becomes_true(lambda: ended(int(pid.read_text())))


def test_a_full_disk_is_no_good_end(tmp_path: Path) -> None:
    """What the notebook has to say does not fit; what became of it is told, or is that nobody works there any more."""
    notebook = write_notebook(tmp_path / "tiny.ipynb", "print('x' * 10**6)")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        status = execute(notebook, check(notebook, {}), small / "out")
        assert (status.state, state(small / "out")) == ("failed", "failed")
        assert status.failure is not None and "No space left on device" in str(status.failure)
        with suppress(OSError), (small / "rest").open("wb", buffering=0) as rest:
            while True:
                rest.write(bytes(4096))
        with pytest.raises(OSError, match=r"No space left on device: .*status\.json") as refused:
            execute(notebook, check(notebook, {}), small / "out")
        assert in_words(refused.value).startswith(
            f"{small / 'out' / 'status.json'}: No space left on device; make room"
        )
        assert state(small / "out") == "failed"
    finally:
        subprocess.run(["umount", small], check=True)


def test_the_bar_tells_the_epoch_of_the_newest_training(tmp_path: Path) -> None:
    cells = Cells(tmp_path / "tiny.ipynb", tmp_path, tmp_path, Status("running", "tiny", {}), None)
    assert cells._epoch() == ""
    for name, epochs in (("A1", 2), ("B1", 7)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "epochs.csv").write_text(
            "epoch,seconds\n" + "".join(f"{epoch},0.1\n" for epoch in range(1, epochs + 1))
        )
        os.utime(tmp_path / name / "epochs.csv", (time.time() + epochs,) * 2)
    assert cells._epoch() == "B1: epoch 7"
    (tmp_path / "B1" / "epochs.csv").write_text("epoch,seconds\n1,0.")
    os.utime(tmp_path / "B1" / "epochs.csv", (time.time() + 9,) * 2)
    assert cells._epoch() == ""
    for epochs, words in ((30, "B1: epoch 7 of 30, 00:23 left"), (7, "B1: epoch 7"), (4, "B1: epoch 7")):
        cells.status = Status("running", "tiny", {"epochs": epochs})
        lines = [f"{epoch},{90 if epoch < 3 else 1}\n" for epoch in range(1, 8)]
        (tmp_path / "B1" / "epochs.csv").write_text("".join(["epoch,seconds\n", *lines]))
        os.utime(tmp_path / "B1" / "epochs.csv", (time.time() + 7,) * 2)
        assert cells._epoch() == words  # as fast as the last epochs, not as the first


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


def test_a_disk_that_fills_while_the_end_is_noted_leaves_the_executed_copy_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed = write_notebook(tmp_path / "tiny.ipynb", "1 / 0")
    before = executed.read_bytes()

    def full(notebook: object, file: Path) -> None:
        file.write_text('{"cells": [')
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gan_lab.runner.cells.nbformat.write", full)
    with pytest.raises(OSError):
        mark(executed, Failure("the kernel died", 1))
    assert executed.read_bytes() == before and list(tmp_path.iterdir()) == [executed]
