"""What the runs below a folder found, read from the files that they keep: nothing is taken from printed text.

A file that is damaged stops its own run only, which then says so.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any

import pandas as pd
from natsort import natsorted

from gan_lab.owner import is_free
from gan_lab.run_folder import (
    EPOCHS,
    RECIPE,
    ROUNDS,
    STATUS,
    DamagedFileError,
    Scalar,
    name_of,
    pictures,
    read_table,
)
from gan_lab.runner.json_file import read_json
from gan_lab.runner.status import Status

VERSIONS = {"notebook_digest": "notebook", "code": "code"}  # of what made a training, in words
NOT_KEPT = "not recorded"


@dataclass(frozen=True)
class Recipe:
    """What was played, see `Run`."""

    parameters: dict[str, Scalar] = field(default_factory=dict)
    game: dict[str, Scalar] = field(default_factory=dict)  # its parts in words, with digits that stand for their code
    environment: dict[str, Scalar] = field(default_factory=dict)  # versions and device


@dataclass(frozen=True)
class Result:
    """One training, or a notebook that ended before it had trained, or what is left of one whose files are damaged."""

    folder: Path
    place: Path  # of the notebook that was executed, with its runs in it; the folder itself if there was none
    name: str = ""  # of the run, "B1"; "" if there is none
    status: Status | None = None  # of the notebook; None if no command of this package ran it
    recipe: Recipe = Recipe()
    rounds: pd.DataFrame = field(default_factory=pd.DataFrame)  # a row a generator step
    epochs: pd.DataFrame = field(default_factory=pd.DataFrame)  # a row an epoch
    pictures: list[Path] = field(default_factory=list)  # a sample grid an epoch, oldest first
    damaged: tuple[DamagedFileError, ...] = ()

    @property
    def state(self) -> str:
        """done, failed, diverged, interrupted, running or waiting, as its notebook's status says; else trained or, if
        it has no epoch, not trained; damaged if a file is."""
        if self.damaged:
            return "damaged"
        if self.status is None:
            return "trained" if len(self.epochs) else "not trained"
        return self.status.outcome

    @property
    def parameters(self) -> dict[str, Scalar]:
        """What the training says of itself and, if there was none, what its notebook was given; no machine's path."""
        given = self.status.parameters if self.status and not self.recipe.parameters else {}
        return {k: placeless(v) for k, v in {**given, **self.recipe.parameters}.items() if k != "run_dir"}

    @property
    def versions(self) -> dict[str, str]:
        """Of the notebook and of the package's code that made it; "" if they were not kept."""
        return {kind: getattr(self.status, kind) if self.status else "" for kind in VERSIONS}

    @property
    def complete(self) -> bool:
        """Whether there is something to compare: a training whose notebook, if it was run by a command, is done."""
        return len(self.epochs) > 0 and self.state in ("done", "trained")

    @property
    def device(self) -> str:
        """What it ran on."""
        return str(self.recipe.environment.get("device", ""))

    @property
    def found(self) -> dict[str, float]:
        """The last epoch's number and metrics, the means of its rounds, and the seconds of all epochs."""
        if self.epochs.empty:
            return {}
        last = self.epochs.iloc[-1].to_dict()
        rounds = self.rounds[self.rounds["epoch"] == last["epoch"]] if len(self.rounds) else self.rounds
        means = rounds.drop(columns=["epoch", "round"], errors="ignore").mean(numeric_only=True).to_dict()
        seconds = {"seconds": self.epochs["seconds"].sum()} if "seconds" in self.epochs else {}
        return {**last, **means, **seconds}


def placeless(value: Scalar) -> Scalar:
    """A folder of a machine by its own name, "/home/ann/fingers" as "fingers"; anything else as it is."""
    kinds: tuple[type[PurePath], ...] = (PurePosixPath, PureWindowsPath)
    paths = [kind(value) for kind in kinds if isinstance(value, str) and kind(value).is_absolute()]
    return paths[0].name if paths else value


def read_results(folder: str | Path) -> list[Result]:
    """Every training below the folder, and every notebook that was run there without one, in the order of their paths.

    Trainings of one name, recipe and length are one training: a notebook repeats those that the varied parameters do
    not touch, and they count once. A run that was put aside, as "seed=0~1" or "B1~1", does not count. One with a
    damaged file is there, and names it. Raises FileNotFoundError if there is nothing.
    """
    top = Path(folder).resolve()
    notebooks = {file.parent: read_execution(file.parent) for file in top.rglob(STATUS) if not put_aside(file, top)}
    runs = {file.parent for name in (RECIPE, ROUNDS, EPOCHS) for file in top.rglob(name) if not put_aside(file, top)}
    found: dict[str, Result] = {}
    for run in natsorted(runs, key=str):
        place = next((parent for parent in (run, *run.parents) if parent in notebooks), None)
        result = read_run(run, notebooks[place] if place else None)
        found.setdefault(identity(result) if result.complete else str(run), result)
    trained = {parent for run in runs for parent in (run, *run.parents)}
    found |= {str(place): notebooks[place] for place in notebooks.keys() - trained}
    if not found:
        raise FileNotFoundError(f"no run is kept in {folder}: give the folder that a run or a sweep wrote to")
    return natsorted(found.values(), key=lambda result: str(result.folder))


def put_aside(file: Path, top: Path) -> bool:
    """Whether a folder around the file, below the top, was given another name, see `gan_lab.files.put_aside`."""
    return any(re.search(r"~\d+$", part) for part in file.relative_to(top).parts[:-1])


def read_execution(folder: Path) -> Result:
    """The folder of a notebook that was executed, before one looks for its trainings.

    A process that was killed leaves "running" behind: if nobody has the folder, it was interrupted.
    """
    try:
        status = Status.read(folder)
        if status and status.state == "running" and is_free(folder):
            status = replace(status, state="interrupted")
        return Result(folder, folder, status=status)
    except DamagedFileError as damage:
        return Result(folder, folder, damaged=(damage,))


def read_run(folder: Path, notebook: Result | None) -> Result:
    """A run's folder as it stands, complete or not, in that of its notebook, if it has one."""
    run = replace(notebook or Result(folder, folder), folder=folder, name=name_of(folder), pictures=pictures(folder))
    damaged = list(run.damaged)

    def kept(read: Callable[[Path], Any], name: str) -> Any:
        try:
            return read(folder / name)
        except DamagedFileError as damage:
            damaged.append(damage)

    recipe = kept(read_recipe, RECIPE) or Recipe()
    rounds, epochs = (pd.DataFrame(kept(read_table, name)) for name in (ROUNDS, EPOCHS))
    return replace(run, recipe=recipe, rounds=rounds, epochs=epochs, damaged=tuple(damaged))


def read_recipe(file: Path) -> Recipe:
    """What the run's recipe says. Raises DamagedFileError if that cannot be read."""
    if not file.exists():
        raise DamagedFileError(file, "it is missing, and its tables are there")
    recipe = read_json(file, Recipe)
    if not recipe.parameters:
        raise DamagedFileError(file, "it names no parameters")
    return recipe


def identity(run: Result) -> str:
    """What two trainings share if they are the same."""
    same = {"parameters": run.recipe.parameters, "game": run.recipe.game}
    return json.dumps([run.name, same, len(run.epochs), run.versions], sort_keys=True)


def results_table(folder: str | Path) -> pd.DataFrame:
    """One row a training: its folder, its state and why, the parameters, and what it found; no path of a machine.

    A number found that has a parameter's name is called `found <name>`; the last sample grid's file is `picture`. The
    columns with what was found are listed in `.attrs["found"]`.
    """
    rows = []
    top = Path(folder).resolve()
    columns: dict[str, None] = {}
    for result in read_results(folder):
        found = {f"found {name}" if name in result.parameters else name: value for name, value in result.found.items()}
        columns |= dict.fromkeys(found)
        picture = inside(result.pictures[-1], top) if result.pictures else ""
        about = {"folder": inside(result.folder, top), "state": result.state, "failure": why(result, top)}
        end = {**result.versions, "device": result.device, "picture": picture}
        rows.append({**about, **result.parameters, **found, **end})
    table = pd.DataFrame(rows)
    table.attrs["found"] = list(columns)
    return table


def why(result: Result, top: Path) -> str:
    """Why a run is not complete, in a line or more; "" if there is nothing to say."""
    failure = result.status.failure if result.status else None
    damage = [f"{inside(one.file, top)} cannot be read, {one.why}: {one.way_out}" for one in result.damaged]
    return "; ".join([*damage, *([str(failure)] if failure else [])]).replace(f"{top}{os.sep}", "")


def inside(file: Path, top: Path) -> str:
    """A file's path from the folder that is looked at."""
    return str(file.relative_to(top))


def training_table(folder: str | Path, *, each_epoch: bool = False) -> pd.DataFrame:
    """One row a complete training: its parameters, its game and what was found after its last epoch, free of paths.

    A parameter or a part of the game that has the name of a number found, as the penalty, is called `given <name>`.
    With each_epoch one row a measured epoch, and of the game only what is not the same in all of the trainings. That is
    what a table in the repository's folder `results` holds; `left_out` tells which runs are not in it. Raises
    FileNotFoundError if none is complete.
    """
    complete = [result for result in read_results(folder) if result.complete]
    if not complete:
        raise FileNotFoundError(
            f"no training below {folder} is complete: let its notebook reach its end ({left_out(folder)})"
        )
    games = [run.recipe.game for run in complete]
    alike = {key for key, value in games[0].items() if each_epoch and all(game.get(key) == value for game in games)}
    tables = []
    for run in complete:
        table = measured_epochs(run) if each_epoch else pd.DataFrame([run.found])
        game = {key: value for key, value in run.recipe.game.items() if key not in alike}
        about = {"run": run.name, "epochs": len(run.epochs), **run.parameters, **game}
        for place, (key, value) in enumerate(about.items()):
            table.insert(place, f"given {key}" if key in table.columns else key, value)
        for key, value in {**run.versions, "device": run.device}.items():
            table[key] = value
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def measured_epochs(run: Result) -> pd.DataFrame:
    """The epochs that have a number which not every epoch has; all of them if there is no such number."""
    now_and_then = run.epochs.columns[run.epochs.isna().any()]
    return (run.epochs.dropna(how="all", subset=now_and_then) if len(now_and_then) else run.epochs).copy()


def left_out(folder: str | Path) -> str:
    """The runs that are not complete, "2 runs are not in it: seed=1 diverged, seed=2/B1 damaged"; "" if all are."""
    top = Path(folder).resolve()
    others = [result for result in read_results(folder) if not result.complete]
    names = ", ".join(f"{inside(result.folder, top)} {result.state}" for result in others)
    return f"{len(others)} run{'s are' if len(others) > 1 else ' is'} not in it: {names}" if others else ""


def settings(results: Iterable[Result]) -> dict[str, list[Result]]:
    """The complete trainings by what was varied but the seed, "B1, real_target = 0.9"; numbers and seeds in order.

    Of runs of one name, it is the parameters and the epochs that tell them apart; where these do not, also the parts of
    the game. Runs that were made by several versions of a notebook or of the code are settings of their own, "B1,
    notebook 3f2a91c0".
    """
    complete = [result for result in results if result.complete]
    names = dict.fromkeys(result.name for result in complete)
    groups: dict[str, list[Result]] = {}
    for name in names:
        runs = [result for result in complete if result.name == name]
        facts: list[dict[str, Scalar]] = [{"epochs": len(run.epochs), **run.parameters} for run in runs]
        whole = [{**run.recipe.game, **fact} for fact, run in zip(facts, runs, strict=True)]
        told, different = ({str(but_the_seed(fact)) for fact in which} for which in (facts, whole))
        facts = whole if len(told) < len(different) else facts
        keys = dict.fromkeys(key for fact in facts for key in but_the_seed(fact))
        varied = [key for key in keys if len({str(fact.get(key, "")) for fact in facts}) > 1]
        mixed = [kind for kind in VERSIONS if len({run.versions[kind] for run in runs}) > 1]
        for fact, run in sorted(zip(facts, runs, strict=True), key=lambda pair: in_order(pair[0], [*varied, "seed"])):
            words = [f"{key} = {fact.get(key, '')}" for key in varied]
            words += [f"{VERSIONS[kind]} {run.versions[kind] or NOT_KEPT}" for kind in mixed]
            groups.setdefault(", ".join([name] * (len(names) > 1 or not varied) + words), []).append(run)
    return groups


def but_the_seed(facts: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """What makes a setting of its own: runs of other seeds repeat one."""
    return {key: value for key, value in facts.items() if key != "seed"}


def in_order(facts: Mapping[str, Scalar], keys: Iterable[str]) -> list[tuple[bool, float, str]]:
    """What sorts runs by these facts."""
    return [order(facts.get(key)) for key in keys]


def order(value: Scalar | None) -> tuple[bool, float, str]:
    """What sorts numbers by their size, and after them words."""
    number = float(value) if isinstance(value, int | float) else None
    return number is None, number or 0.0, str(value)
