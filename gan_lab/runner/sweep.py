"""Many runs of one notebook, one for each point of a grid of parameters."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_lab.run_folder import Scalar
from gan_lab.runner.parameters import check
from gan_lab.runner.run import folder_name, in_folder
from gan_lab.runner.status import Status

if TYPE_CHECKING:
    import pandas as pd

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
) -> "pd.DataFrame":
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
    from gan_lab.runner.cluster import run_all  # slow to import: what does not suit is refused before
    from gan_lab.runner.results import results_table

    if runs:
        run_all(notebook, runs, jobs, scheduler, time_limit, progress)
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
