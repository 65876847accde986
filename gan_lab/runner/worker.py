"""What a worker of a sweep does with one run. It imports little, for every worker imports it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dask.system import CPU_COUNT
from distributed import get_worker

from gan_lab.owner import owned
from gan_lab.runner.execution import execute
from gan_lab.runner.status import Failure, Status

ATTEMPTS = 2  # a run whose worker dies is started once more


def run_one(notebook: Path, folder: Path, time_limit: float | None, slots: Mapping[str, int]) -> None:
    """One run, on a worker: with its share of the machine's cores, until it ends or nobody waits for it any more."""
    status = Status.kept(folder)
    if status.state in ("done", "failed"):
        return  # Dask repeats what a worker had done that then died
    if status.attempt == ATTEMPTS:
        conclude(folder, Failure(f"its worker died {ATTEMPTS} times"))
        return
    worker = get_worker()
    key = worker.get_current_task()

    def cancelled() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    execute(
        notebook,
        status.parameters,
        folder,
        attempt=status.attempt + 1,
        time_limit=time_limit,
        threads=max(1, CPU_COUNT // slots.get(worker.ip, worker.state.nthreads)),
        cancelled=cancelled,
    )


def conclude(folder: Path, failure: Failure) -> None:
    """Write what became of a run that had no time to, unless another process has gone on with it."""
    with suppress(BlockingIOError), owned(folder):
        status = Status.kept(folder)
        if status.state != "done":
            replace(status, state="failed", failure=failure).write(folder)
