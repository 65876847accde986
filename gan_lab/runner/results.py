"""What the runs below a folder found, read from the files that they keep: nothing is taken from printed text."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from natsort import natsorted

from gan_lab.measure.seeds import interval
from gan_lab.run_folder import EPOCHS, RECIPE, ROUNDS, STATUS, Scalar, name_of, pictures, read_table
from gan_lab.runner.status import Status

BESIDE = ("seed", "run_dir")  # parameters that make no other setting: repetitions of one, and where it is kept


@dataclass(frozen=True)
class Result:
    """One training, or a notebook that ended before it had trained."""

    folder: Path
    name: str  # of the run, "B1"; "" if there is none
    status: Status | None  # of the notebook; None if no command of this package ran it
    recipe: dict[str, Any]  # what was played, see `Run`
    rounds: pd.DataFrame  # a row a generator step
    epochs: pd.DataFrame  # a row an epoch
    pictures: list[Path]  # a sample grid an epoch, oldest first

    @property
    def parameters(self) -> dict[str, Scalar]:
        """What the training says of itself and, if there was none, what the notebook was given."""
        given = self.status.parameters if self.status and not self.recipe else {}
        return {**given, **self.recipe.get("parameters", {})}

    @property
    def game(self) -> dict[str, str]:
        """The parts of the game, each in words, with digits that stand for its code."""
        return dict(self.recipe.get("game", {}))

    @property
    def complete(self) -> bool:
        """Whether there is something to compare: a training whose notebook, if it was run by a command, is done."""
        return len(self.epochs) > 0 and (self.status is None or self.status.state == "done")

    @property
    def device(self) -> str:
        """What it ran on."""
        return str(self.recipe.get("environment", {}).get("device", ""))

    @property
    def found(self) -> dict[str, float]:
        """The last epoch's number and metrics, the means of its rounds, and the seconds of all epochs."""
        if self.epochs.empty:
            return {}
        last = self.epochs.iloc[-1].to_dict()
        rounds = self.rounds[self.rounds["epoch"] == last["epoch"]] if len(self.rounds) else self.rounds
        means = rounds.drop(columns=["epoch", "round"], errors="ignore").mean(numeric_only=True).to_dict()
        return {**last, **means, "seconds": self.epochs["seconds"].sum()}


def read_results(folder: str | Path) -> list[Result]:
    """Every training below the folder, and every notebook that was run there without one, in the order of their paths.

    Trainings of one name, recipe and length are one training: a notebook repeats those that the varied parameters do
    not touch, and they count once. Raises FileNotFoundError if there is nothing.
    """
    top = Path(folder).resolve()
    statuses = {file.parent: Status.read(file.parent) for file in top.rglob(STATUS)}
    found: dict[str, Result] = {}
    recipes = natsorted(top.rglob(RECIPE), key=str)
    for recipe in recipes:
        executed = next((parent for parent in recipe.parents if parent in statuses), None)
        run = read_run(recipe.parent, statuses[executed] if executed else None)
        found.setdefault(identity(run) if run.complete else str(run.folder), run)
    trained = {parent for recipe in recipes for parent in recipe.parents}
    for place in statuses.keys() - trained:
        found[str(place)] = Result(place, "", statuses[place], {}, pd.DataFrame(), pd.DataFrame(), [])
    if not found:
        raise FileNotFoundError(f"no run is kept in {folder}: give the folder that a run or a sweep wrote to")
    return natsorted(found.values(), key=lambda result: str(result.folder))


def read_run(folder: Path, status: Status | None) -> Result:
    """A run's folder as it stands, complete or not."""
    return Result(
        folder,
        name_of(folder),
        status,
        json.loads((folder / RECIPE).read_text()),
        pd.DataFrame(read_table(folder / ROUNDS)),
        pd.DataFrame(read_table(folder / EPOCHS)),
        pictures(folder),
    )


def identity(run: Result) -> str:
    """What two trainings share if they are the same."""
    same = {key: value for key, value in run.recipe.items() if key != "environment"}
    return json.dumps([run.name, same, len(run.epochs)], sort_keys=True)


def results_table(folder: str | Path) -> pd.DataFrame:
    """One row a training: its folder, the notebook's state, the parameters, and what it found.

    A number found that has a parameter's name is called `found <name>`; the last sample grid's file is `picture`.
    """
    rows = []
    top = Path(folder).resolve()
    for result in read_results(folder):
        status = result.status
        state, failure = (status.state, str(status.failure or "")) if status else ("", "")
        found = {f"found {name}" if name in result.parameters else name: value for name, value in result.found.items()}
        picture = str(result.pictures[-1]) if result.pictures else ""
        about = {"folder": str(result.folder.relative_to(top)), "state": state, "failure": failure}
        rows.append({**about, **result.parameters, **found, "device": result.device, "picture": picture})
    return pd.DataFrame(rows)


def training_table(folder: str | Path, *, each_epoch: bool = False) -> pd.DataFrame:
    """One row a complete training, or with each_epoch one an epoch: the parameters and what was found, free of paths.

    That is what a table in the repository's folder `results` holds. Raises FileNotFoundError if none is complete.
    """
    complete = [result for result in read_results(folder) if result.complete]
    if not complete:
        raise FileNotFoundError(f"no training below {folder} is complete: let its notebook reach its end")
    tables = [run.epochs if each_epoch else pd.DataFrame([run.found]) for run in complete]
    for run, table in zip(complete, tables, strict=True):
        about = {"run": run.name, "epochs": len(run.epochs), **run.parameters, **run.game}
        for place, (key, value) in enumerate({k: v for k, v in about.items() if k not in table.columns}.items()):
            table.insert(place, key, value)
        table["device"] = run.device
    return pd.concat(tables, ignore_index=True)


def settings(results: Iterable[Result]) -> dict[str, list[Result]]:
    """The complete trainings by what was varied but the seed, "B1, real_target = 0.9"; numbers and seeds in order.

    Of runs of one name, it is the parameters that tell them apart; where these do not, the parts of the game.
    """
    complete = [result for result in results if result.complete]
    names = dict.fromkeys(result.name for result in complete)
    groups: dict[str, list[Result]] = {}
    for name in names:
        runs = [result for result in complete if result.name == name]
        facts = [run.parameters for run in runs]
        if len(set(map(str, map(but_the_seed, facts)))) < len({str(but_the_seed(run.game)) for run in runs}):
            facts = [{**run.parameters, **run.game} for run in runs]
        keys = dict.fromkeys(key for fact in facts for key in but_the_seed(fact))
        varied = [key for key in keys if len({str(fact.get(key, "")) for fact in facts}) > 1]
        for fact, run in sorted(zip(facts, runs, strict=True), key=lambda pair: in_order(pair[0], [*varied, "seed"])):
            words = [f"{key} = {fact.get(key, '')}" for key in varied]
            groups.setdefault(", ".join([name] * (len(names) > 1) + words) or name, []).append(run)
    return groups


def but_the_seed(facts: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """What makes a setting of its own: runs of other seeds repeat one."""
    return {key: value for key, value in facts.items() if key not in BESIDE}


def in_order(facts: Mapping[str, Scalar], keys: Iterable[str]) -> list[tuple[bool, float, str]]:
    """What sorts runs by these facts."""
    return [order(facts.get(key)) for key in keys]


def order(value: Scalar | None) -> tuple[bool, float, str]:
    """What sorts numbers by their size, and after them words."""
    number = float(value) if isinstance(value, int | float) else None
    return number is None, number or 0.0, str(value)


def comparison(folder: str | Path) -> pd.DataFrame:
    """One row a setting and metric: how many runs, their mean, and its 95 % interval, NaN for a single run."""
    rows = []
    for setting, runs in settings(read_results(folder)).items():
        found = pd.DataFrame([run.found for run in runs])
        for metric in found.columns:
            values = found[metric].dropna().to_numpy()
            rows.append((setting, metric, len(values), values.mean(), *interval(values)))
    return pd.DataFrame(rows, columns=["setting", "metric", "runs", "mean", "low", "high"])
