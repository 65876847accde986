"""Many runs of one notebook, one for each point of a grid of parameters, on processes that Dask hands the work to."""

import itertools
import logging
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dask
import pandas as pd
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, as_completed
from tqdm import tqdm

from gan_lab.run_folder import Scalar
from gan_lab.runner.parameters import check
from gan_lab.runner.results import results_table
from gan_lab.runner.run import folder_name, in_folder
from gan_lab.runner.status import Failure, Status
from gan_lab.runner.worker import conclude, run_one

PATIENCE = 10  # seconds to wait for a cluster's answer
Runs = dict[Path, dict[str, Scalar]]  # a run's parameters, by its folder


def run_sweep(
    notebook: str | Path,
    grid: Mapping[str, Sequence[object]],
    given: Mapping[str, object] | None = None,
    out: str | Path | None = None,
    *,
    jobs: int | None = None,
    scheduler: str = "",
    time_limit: float | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Run a notebook with every combination of the grid's values, each in its own folder of `out`, and tabulate them.

    grid: {"seed": [0, 1, 2], "real_target": [1.0, 0.9]} is six runs.  given: parameters that all of them share.
    out: runs/<notebook>-sweep if none is named.  jobs: how many at a time on this machine, by default one a core.
    scheduler: the address of a Dask cluster that sees the same files, "tcp://…"; it decides how many at a time.
    time_limit: seconds for each notebook.  Returns `results_table(out)`.

    Started again it goes on: runs that are done stay, the others run. A worker that dies loses its own run only, which
    is started once more. An interrupt stops the runs with their kernels.
    Raises ValueError before anything starts if a parameter does not suit the notebook, or if `out` holds other runs.
    """
    notebook = Path(notebook).resolve()
    out = (Path(out) if out else Path("runs", f"{notebook.stem}-sweep")).resolve()
    runs = unfinished(notebook, planned(notebook, grid, given or {}, out))
    if runs:
        with cluster(scheduler, jobs or min(CPU_COUNT, len(runs))) as client:
            run_all(client, notebook, runs, time_limit, progress)
    return results_table(out)


def planned(notebook: Path, grid: Mapping[str, Sequence[object]], given: Mapping[str, object], out: Path) -> Runs:
    """Every run of the grid. Raises ValueError if a parameter does not suit, or if two runs are the same."""
    if twice := sorted(grid.keys() & given.keys()):
        raise ValueError(f"{', '.join(twice)} cannot have one value and a grid of values")
    runs: Runs = {}
    for point in itertools.product(*grid.values()):
        values = check(notebook, {**given, **dict(zip(grid, point, strict=True))})
        setting = {name: values[name] for name in grid}
        folder = out / folder_name(setting)
        if folder in runs:
            raise ValueError(f"{folder.name} is in the grid twice")
        runs[folder] = in_folder(values, folder)
    return runs


def unfinished(notebook: Path, runs: Runs) -> Runs:
    """The runs still to do. Raises ValueError if a folder holds a run of another notebook or other parameters."""
    todo = {}
    for folder, values in runs.items():
        status = Status.read(folder)
        if status is None:
            todo[folder] = values
            continue
        there, here = {"notebook": status.notebook, **status.parameters}, {"notebook": notebook.stem, **values}
        differ = sorted(k for k in {*there, *here} - {"run_dir"} if there.get(k) != here.get(k))
        if differ:
            raise ValueError(
                f"{folder} holds another run:\n"
                + "\n".join(f"  {k}: {there.get(k, 'nothing')} there, {here.get(k, 'nothing')} here" for k in differ)
                + "\nChoose another folder for this sweep, or delete the runs that are there."
            )
        if status.state != "done":
            todo[folder] = values
    return todo


@contextmanager
def cluster(scheduler: str, jobs: int) -> Iterator[Client]:
    """A client of the cluster at that address or, for "", of one of `jobs` processes, which ends with it.

    Raises ConnectionError if no cluster answers, or none of its workers does.
    """
    with ExitStack() as stack:
        if not scheduler:
            yield stack.enter_context(Client(stack.enter_context(local_cluster(jobs))))
            return
        try:
            client = stack.enter_context(Client(scheduler, timeout=PATIENCE))
            client.wait_for_workers(1, timeout=PATIENCE)
        except (OSError, TimeoutError) as error:
            raise ConnectionError(f"no Dask worker answers at {scheduler}: {error}") from error
        yield client


def local_cluster(jobs: int) -> LocalCluster:
    """That many processes, each for one run at a time. Ctrl-C, which a terminal sends to all, is left to this one."""
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        with dask.config.set({"distributed.scheduler.worker-saturation": 1.0}):  # no run waits at a worker that may die
            return LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                memory_limit=None,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
    finally:
        if main:
            signal.signal(signal.SIGINT, before)


def run_all(client: Client, notebook: Path, runs: Runs, time_limit: float | None, progress: bool) -> None:
    """Run them, as many at a time as the cluster has room for. However it ends, none of them runs any more."""
    for folder, values in runs.items():
        Status("waiting", notebook.stem, values, attempt=0).write(folder)
    slots: Counter[str] = Counter()
    for worker in client.scheduler_info(n_workers=-1)["workers"].values():
        slots[worker["host"]] += worker["nthreads"]
    folders = {client.submit(run_one, notebook, folder, time_limit, slots, pure=False): folder for folder in runs}
    try:
        with tqdm(total=len(folders), desc=notebook.stem, unit="run", disable=None if progress else True) as bar:
            for future in as_completed(folders):
                if future.status != "finished":
                    conclude(folders[future], Failure(f"its worker failed: {future.exception()}"))
                bar.update()
    finally:
        client.cancel(list(folders))
