"""Many runs of one notebook, one for each point of a grid of parameters."""

import itertools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_lab.owner import begin_anew, owned
from gan_lab.run_folder import Scalar
from gan_lab.runner.held import (
    by_another_version,
    damage,
    made_by_another_version,
    refuse_other_run,
    refuse_to_replace,
    state,
)
from gan_lab.runner.parameters import check
from gan_lab.runner.run import folder_name, in_folder

if TYPE_CHECKING:
    import pandas as pd

Runs = dict[Path, dict[str, Scalar]]  # a run's parameters, by its folder
Points = Mapping[str, Mapping[str, object]]  # some parameters of a run, by where they are written: "a.csv, line 2"


def run_sweep(
    notebook: str | Path,
    grid: Mapping[str, Sequence[object]],
    given: Mapping[str, object] | None = None,
    out: str | Path | None = None,
    *,
    points: Points | None = None,
    jobs: int | None = None,
    scheduler: str = "",
    time_limit: float | None = None,
    progress: bool = True,
    again: bool = False,
) -> "pd.DataFrame":
    """Run a notebook with every combination of the grid's values, each in its own folder of `out`, and tabulate them.

    grid: {"seed": [0, 1, 2], "real_target": [1.0, 0.9]} is six runs.  given: parameters that all of them share.
    points: combinations of other parameters, as `read_points` reads them; each is run with every one of the grid's.
    out: runs/<notebook>-sweep if none is named.  jobs: how many at a time on this machine, by default one a core.
    scheduler: the address of a Dask cluster that sees the same files, "tcp://…"; it decides how many at a time.
    time_limit: seconds for each notebook.  again: put the runs that another version of the notebook or of gan-lab has
    made aside, and run these points again.  Returns `results_table(out)`.

    Started again it goes on: runs that are done stay, the others run. A worker that dies loses its own run only, which
    is started once more. An interrupt stops the runs with their kernels.
    Raises ValueError before anything starts if a parameter does not suit the notebook, or if `out` holds other runs;
    BlockingIOError if another process works there.
    """
    notebook = Path(notebook).resolve()
    out = sweep_folder(notebook, out)
    runs = planned(notebook, grid, given or {}, out, points)
    unfinished(notebook, runs)  # may refuse, before there is a folder
    with owned(out):
        todo = unfinished(notebook, runs)
        for damaged in filter(None, map(damage, todo)):
            print(damaged, file=sys.stderr)
        if again:
            todo = {folder: runs[folder] for folder in runs if folder in todo or renewed(notebook, folder)}
        elif others := other_versions(notebook, runs):
            print(others, file=sys.stderr)
        from gan_lab.runner.cluster import run_all  # slow to import: what does not suit is refused before
        from gan_lab.runner.results import results_table

        if todo:
            run_all(notebook, todo, jobs, scheduler, time_limit, progress)
    return results_table(out)


def sweep_folder(notebook: Path, out: str | Path | None) -> Path:
    """Where a sweep of the notebook is kept."""
    return (Path(out) if out else Path("runs", f"{notebook.stem}-sweep")).resolve()


def planned(
    notebook: Path,
    grid: Mapping[str, Sequence[object]],
    given: Mapping[str, object],
    out: Path,
    points: Points | None = None,
) -> Runs:
    """Every run of the grid. Raises ValueError if a parameter does not suit, or if two runs are the same."""
    if not (grid or points) or not all(grid.values()):
        raise ValueError("a sweep needs values to try: --grid seed=0,1,2 or --points FILE.csv")
    runs: Runs = {}
    for where, point in (points or {"": {}}).items():
        if twice := sorted((grid.keys() & given.keys()) | (point.keys() & (grid.keys() | given.keys()))):
            said = f"{', '.join(twice)} cannot have one value and a grid of values"
            raise ValueError(f"{where}: {said}" if where else said)
        for combination in itertools.product(*grid.values()):
            setting = {**point, **dict(zip(grid, combination, strict=True))}
            try:
                folder, values = planned_run(notebook, setting, given, out)
                if folder in runs:
                    raise ValueError(f"{folder.name} is {'there' if where else 'in the grid'} twice")
            except ValueError as error:
                raise ValueError(f"{where}: {error}" if where else str(error)) from None
            runs[folder] = values
    return runs


def planned_run(
    notebook: Path, setting: Mapping[str, object], given: Mapping[str, object], out: Path
) -> tuple[Path, dict[str, Scalar]]:
    """The folder and the parameters of one run of a sweep."""
    values = check(notebook, {**given, **setting})
    folder = out / folder_name({name: values[name] for name in setting})
    return folder, in_folder(values, folder)


def unfinished(notebook: Path, runs: Runs) -> Runs:
    """The runs still to do. Raises ValueError if a folder holds other files, another notebook or other parameters."""
    for folder, values in runs.items():
        refuse_to_replace(notebook, folder)
        refuse_other_run(notebook, values, folder, free=("run_dir",))
    return {folder: values for folder, values in runs.items() if state(folder) != "done"}


def renewed(notebook: Path, folder: Path) -> bool:
    """Whether another version has made the run in the folder: then that is put aside."""
    changed = made_by_another_version(notebook, folder)
    if changed:
        begin_anew(folder)
    return bool(changed)


def other_versions(notebook: Path, runs: Runs) -> str:
    """A sentence about the runs that another version has made; "" if there are none."""
    changed = [what for folder in runs if (what := made_by_another_version(notebook, folder))]
    if not changed:
        return ""
    runs_were, they_stay = (
        ("1 run was", "it stays") if len(changed) == 1 else (f"{len(changed)} runs were", "they stay")
    )
    made = f"made {by_another_version(set().union(*changed))}"
    return f"{runs_were} {made}; {they_stay}. --again plays {'it' if len(changed) == 1 else 'them'} again"
