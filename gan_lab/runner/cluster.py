"""The processes that the runs of a sweep are handed to, by Dask: on this machine, or on a cluster."""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import cryptography  # noqa: F401  Dask makes the keys with it
import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, Security, as_completed, rpc

from gan_lab.owner import owned
from gan_lab.run_folder import Scalar
from gan_lab.runner.progress import left, shown
from gan_lab.runner.status import Failure, Status
from gan_lab.runner.worker import conclude, run_one

PATIENCE = 10  # seconds to wait for a scheduler's answer
Runs = Mapping[Path, dict[str, Scalar]]  # a run's parameters, by its folder


def run_all(
    notebook: Path, runs: Runs, jobs: int | None, scheduler: str, time_limit: float | None, progress: bool
) -> None:
    """Run a notebook into each folder with its parameters, as `sweep.run_sweep` says of these arguments."""
    with cluster(scheduler, jobs or min(CPU_COUNT, len(runs))) as client:
        run_on(client, notebook, runs, time_limit, progress)


@contextmanager
def cluster(scheduler: str, jobs: int) -> Iterator[Client]:
    """A client of the cluster at that address or, for "", of one of `jobs` processes, which ends with it.

    Raises ConnectionError if no cluster answers, or none of its workers does.
    """
    with ExitStack() as stack:
        if not scheduler:
            stack.enter_context(same_environment())
            private = TemporaryDirectory(prefix="gan-lab-", ignore_cleanup_errors=True)
            yield stack.enter_context(Client(stack.enter_context(local_cluster(jobs, stack.enter_context(private)))))
            return
        refuse_stranger(scheduler)
        try:
            client = stack.enter_context(Client(scheduler, timeout=PATIENCE))
            client.wait_for_workers(1, timeout=6 * PATIENCE)  # some have just been started, on a busy machine
        except (OSError, TimeoutError) as error:
            raise ConnectionError(f"no Dask worker answers at {scheduler}: {error}") from error
        yield client


def refuse_stranger(address: str) -> None:
    """Raises ConnectionError if what answers at that address is no Dask scheduler, or if nothing does in time.

    A Client would try for longer, in threads that outlive it.
    """

    async def ask() -> str:
        async with rpc(address, connection_args=Security().get_connection_args("client"), timeout=PATIENCE) as there:
            return str((await there.identity())["type"])

    async def ask_in_time() -> str:
        return await asyncio.wait_for(ask(), PATIENCE)

    before = logging.root.manager.disable
    logging.disable()  # of a stranger's words Dask prints a traceback
    try:
        with ThreadPoolExecutor(1) as own_thread:  # a notebook's has a loop that runs
            kind = own_thread.submit(asyncio.run, ask_in_time()).result()
        reason = "" if kind == "Scheduler" else f"it is a {kind}"
    except Exception as error:  # a stranger's words can fail in every way
        reason = str(error) or f"nothing is said within {PATIENCE:g} seconds"
    finally:
        logging.disable(before)
    if reason:
        raise ConnectionError(f"no Dask scheduler answers at {address}: {' '.join(reason.split())}")


@contextmanager
def same_environment() -> Iterator[None]:
    """What a block adds to the environment is gone after it: Dask sets OMP_NUM_THREADS=1 for its workers, and whatever
    is started later would train on one thread."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def local_cluster(jobs: int, files: str) -> LocalCluster:
    """That many processes, each for one run at a time. What a terminal sends to all, Ctrl-C say, is left to this one.

    They obey nobody but this process: they talk over TLS with keys that are made for them and never stored, and their
    pages for a browser are off. files: a folder for what they keep meanwhile.
    """
    main = threading.current_thread() is threading.main_thread()
    to_all = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if main and hasattr(signal, name)]
    before = {number: signal.signal(number, signal.SIG_IGN) for number in to_all}
    try:
        with dask.config.set(
            {
                "distributed.scheduler.worker-saturation": 1.0,  # no run waits at a worker that may die
                "distributed.scheduler.http.routes": [],
                "distributed.worker.http.routes": [],
            }
        ):
            return LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                memory_limit=None,
                host="127.0.0.1",
                security=Security.temporary(),
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                local_directory=files,
                silence_logs=logging.CRITICAL,
            )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_on(client: Client, notebook: Path, runs: Runs, time_limit: float | None, progress: bool) -> None:
    """Run them, as many at a time as the cluster has room for. However it ends, none of them runs any more."""
    for folder, values in runs.items():
        with owned(folder):  # and nobody runs something there
            Status("waiting", notebook.stem, values, attempt=0).write(folder)
    slots: Counter[str] = Counter()
    for worker in client.scheduler_info(n_workers=-1)["workers"].values():
        slots[worker["host"]] += worker["nthreads"]
    folders = {client.submit(run_one, notebook, folder, time_limit, slots, pure=False): folder for folder in runs}
    start = time.monotonic()

    def look() -> tuple[int, str]:
        done = sum(future.done() for future in folders)
        seconds = (time.monotonic() - start) / max(1, done) * (len(folders) - done)
        return done, left(seconds) if done else ""

    try:
        with shown(notebook.stem, len(folders), "runs", look, sys.stderr) if progress else nullcontext():
            for future in as_completed(folders):
                if future.status == "finished":
                    continue
                error = future.exception()
                if isinstance(error, BlockingIOError):  # somebody else has gone on with it
                    print(error, file=sys.stderr)
                else:
                    conclude(folders[future], Failure(f"its worker failed: {error}"))
    finally:
        client.cancel(list(folders))
