import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client
from processes import becomes_true, ended
from tiny_notebook import write_notebook

from gan_lab.runner.parameters import check
from gan_lab.runner.status import Failure, Status
from gan_lab.runner.worker import ATTEMPTS, run_one

HANG = """
import os, pathlib, time
pathlib.Path(run_dir, "pid").write_text(f"{os.getpid()} {os.environ['OMP_NUM_THREADS']}")
time.sleep(600)
"""


@pytest.fixture
def client() -> Iterator[Client]:
    """A Dask cluster of one worker inside this process."""
    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as client:
        yield client


def status_of(folder: Path) -> Status:
    status = Status.read(folder)
    assert status is not None
    return status


def test_a_run_that_nobody_waits_for_any_more_ends_with_its_kernel(tmp_path: Path, client: Client) -> None:
    """A cluster's workers live on when a sweep is interrupted; what they were doing must not."""
    notebook = write_notebook(tmp_path / "tiny.ipynb", HANG)
    Status("waiting", "tiny", check(notebook, {"run_dir": str(tmp_path)}), attempt=0).write(tmp_path)
    host = client.scheduler_info()["workers"].popitem()[1]["host"]
    future = client.submit(run_one, notebook, tmp_path, None, {host: 4 * (os.cpu_count() or 1)})
    pid = tmp_path / "pid"
    assert becomes_true(lambda: pid.exists() and pid.read_text() != "")
    kernel, threads = pid.read_text().split()
    assert threads == "1"  # its share of a machine that has four runs a core
    future.cancel()
    assert becomes_true(lambda: ended(int(kernel)))
    assert becomes_true(lambda: status_of(tmp_path).state == "interrupted")


@pytest.mark.parametrize("state", ["done", "failed"])
def test_what_has_ended_is_not_run_again(tmp_path: Path, state: str) -> None:
    """Dask repeats what a worker had finished if that worker dies: its result is gone, but not what it wrote."""
    Status(state, "tiny", {}).write(tmp_path)
    before = (tmp_path / "status.json").stat().st_mtime_ns
    run_one(tmp_path / "tiny.ipynb", tmp_path, None, {})
    assert (tmp_path / "status.json").stat().st_mtime_ns == before


def test_a_run_whose_workers_all_died_has_failed(tmp_path: Path) -> None:
    Status("running", "tiny", {}, attempt=ATTEMPTS).write(tmp_path)
    run_one(tmp_path / "tiny.ipynb", tmp_path, None, {})
    assert status_of(tmp_path).failure == Failure(f"its worker died {ATTEMPTS} times")
