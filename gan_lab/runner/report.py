"""One page that compares the runs below a folder: what they found, what they drew, how they went."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from natsort import natsorted
from PIL import Image

from gan_lab.files import whole
from gan_lab.measure.seeds import interval
from gan_lab.run_folder import STATUS, epoch_of, epochs_played, executed
from gan_lab.runner.notebook_file import title
from gan_lab.runner.results import BESIDE, Result, read_results, settings
from gan_lab.runner.spread import Look, curve, draw_spread
from gan_lab.runner.status import Status

NAMES = {
    "d_loss": "D’s loss",
    "g_loss": "G’s loss",
    "d_real": "D’s loss on real",
    "d_fake": "D’s loss on fake",
    "acc_real": "D right on real",
    "acc_fake": "D right on fake",
    "fid": "FID",
    "kid": "KID",
}
FRAMES = 12  # sample grids of a run, evenly spread over its epochs
SEEDS = 3  # runs of a setting whose samples are shown
WIDTH = 640  # pixels; a wider sample grid is made smaller


def write_report(folder: str | Path, html: str | Path | None = None) -> Path:
    """Write a page that compares all runs below the folder, to folder/report.html if no file is named; return its path.

    For each setting, which is what was varied but the seed: the mean of each metric with its 95 % bootstrap interval,
    sample grids side by side through the training, and the curves with their spread. The page opens without a network.
    Raises FileNotFoundError if the folder holds no run.
    """
    folder = Path(folder)
    html = Path(html) if html else folder / "report.html"
    results = read_results(folder)
    groups = settings(results)
    looks = dict(zip(groups, styles(len(groups)), strict=True))
    drawn: list[dict[str, Any]] = [
        {"label": label, "look": looks[label], "runs": samples(runs)} for label, runs in groups.items()
    ]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("report.html").render(
        title=heading(folder, results),
        lead=lead(groups),
        settings=[{"label": label, "look": looks[label], "runs": runs} for label, runs in groups.items()],
        metrics=metrics(groups),
        caution=caution(groups),
        samples=[setting for setting in drawn if setting["runs"]],
        frames=max((len(run["frames"]) for setting in drawn for run in setting["runs"]), default=0),
        curves=curves(groups, looks),
        unfinished=unfinished(folder),
        common=common(results),
    )
    with whole(html) as part:
        part.write_text(page, encoding="utf-8")
    return html


def heading(folder: Path, results: Sequence[Result]) -> str:
    """The title of the notebook that was run, or the folder's name if it was none or several."""
    titles = {
        title(file)
        for result in results
        for place in (result.folder, *result.folder.parents)
        if result.status and (file := executed(place, result.status.notebook)).exists()
    }
    return titles.pop() if len(titles) == 1 else folder.resolve().name


def lead(groups: Mapping[str, Sequence[Result]]) -> str:
    """How much there is to compare: "2 settings, 6 runs of 30 epochs, on cpu"."""
    runs = [run for group in groups.values() for run in group]
    if not runs:
        return "There is no complete training to compare."
    epochs = sorted({len(run.epochs) for run in runs})
    length = f"{epochs[0]} to {epochs[-1]}" if len(epochs) > 1 else f"{epochs[0]}"
    devices = ", ".join(sorted({run.device for run in runs if run.device}))
    return f"{many(len(groups), 'setting')}, {many(len(runs), 'run')} of {length} epochs" + (
        devices and f", on {devices}"
    )


def many(number: int, noun: str) -> str:
    """ "1 run", "6 runs"."""
    return f"{number} {noun}{'s' if number != 1 else ''}"


def caution(groups: Mapping[str, Sequence[Result]]) -> str:
    """What to say of intervals that rest on few runs."""
    fewest = min(map(len, groups.values()), default=0)
    if fewest < 2:
        return "A single run has no interval: run it with more seeds before you believe a difference."
    return (
        "" if fewest >= 5 else f"An interval from {fewest} runs is narrower than it should be: more seeds, more trust."
    )


def unfinished(folder: Path) -> list[tuple[str, Status]]:
    """The notebooks that did not reach their end, by their place in the folder."""
    places = natsorted((file.parent for file in folder.rglob(STATUS)), key=str)
    statuses = [(str(place.relative_to(folder)), Status.read(place)) for place in places]
    return [(place, status) for place, status in statuses if status and status.state != "done"]


def common(results: Sequence[Result]) -> dict[str, object]:
    """The parameters that no run varied, and the versions that all ran with."""
    facts = [{**result.parameters, **result.recipe.get("environment", {})} for result in results]
    names = dict.fromkeys(name for fact in facts for name in fact)
    return {
        name: next(fact[name] for fact in facts if name in fact)
        for name in names
        if name not in BESIDE and len({str(fact[name]) for fact in facts if name in fact}) == 1
    }


def styles(number: int) -> list[Look]:
    """A colour and a dash for each setting: those of the course's figures, or if they are too few an even scale."""
    with mpl.style.context("gan_lab.show.figures"):
        colors = [f"#{look['color'].lstrip('#')}" for look in mpl.rcParams["axes.prop_cycle"]]
    if number > len(colors):
        colors = [mpl.colors.to_hex(color) for color in mpl.colormaps["viridis"](np.linspace(0, 0.85, number))]
    dashes = ["", "10 4", "10 3 2 3", "3 3", "16 4"]
    return [{"color": color, "dashes": dashes[i % len(dashes)]} for i, color in enumerate(colors[:number])]


def metrics(groups: Mapping[str, Sequence[Result]]) -> list[dict[str, Any]]:
    """The columns of the table: for each metric that is not zero throughout, what to show of each setting."""
    found = {label: pd.DataFrame([run.found for run in runs]) for label, runs in groups.items()}
    every = pd.concat(found.values()) if found else pd.DataFrame()
    shown = [name for name in every.columns if name != "epoch" and every[name].abs().sum() > 0]
    empty = pd.Series(dtype=float)  # of a run that did not measure this
    shown.sort(key=lambda name: name == "seconds")  # the time comes last
    return [
        {
            "name": named(name),
            "cells": {
                label: cell(table.get(name, empty).dropna().to_numpy(), every[name].min(), every[name].max())
                for label, table in found.items()
            },
        }
        for name in shown
    ]


def cell(values: "np.ndarray[Any, np.dtype[np.float64]]", smallest: float, largest: float) -> dict[str, Any] | None:
    """Mean, interval and dots of one setting; places run from 0 at the smallest value of all settings to 100."""

    def place(value: float) -> float:
        return round(100 * (value - smallest) / (largest - smallest), 2) if largest > smallest else 50.0

    if not len(values):
        return None
    low, high = interval(values)
    known = not np.isnan(low)
    return {
        "mean": short(values.mean()),
        "interval": f"{short(low)} – {short(high)}" if known else "",
        "low": place(low) if known else 0,
        "high": place(high) if known else 0,
        "dots": [place(value) for value in values],
    }


def short(value: float) -> str:
    """Three digits that matter: 0.0123, 1.23, 123, 12346."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def samples(runs: Sequence[Result]) -> list[dict[str, Any]]:
    """The sample grids of a setting's first runs, as pictures inside the page."""
    shown = []
    for run in [run for run in runs if run.pictures][:SEEDS]:
        chosen = sorted({round(i) for i in np.linspace(0, len(run.pictures) - 1, FRAMES)})
        frames = [{"epoch": epoch_of(run.pictures[i]), "picture": embedded(run.pictures[i])} for i in chosen]
        label = f"seed {run.parameters['seed']}, " if "seed" in run.parameters else ""
        shown.append({"label": label, "frames": frames})
    return shown


def embedded(file: Path) -> str:
    """A picture as the address of its own bytes."""
    with Image.open(file) as picture:
        picture.thumbnail((WIDTH, 10 * WIDTH))
        bytes_ = io.BytesIO()
        picture.convert("RGB").save(bytes_, "WEBP", quality=85)
    return "data:image/webp;base64," + base64.b64encode(bytes_.getvalue()).decode()


def curves(groups: Mapping[str, Sequence[Result]], looks: Mapping[str, Look]) -> list[str]:
    """A figure for each quantity that was kept, of the rounds and then of the epochs, as SVG."""
    figures = []
    for tables in (
        {label: [run.rounds for run in runs if len(run.rounds)] for label, runs in groups.items()},
        {label: [run.epochs for run in runs] for label, runs in groups.items()},
    ):
        every = pd.concat([table for runs in tables.values() for table in runs] or [pd.DataFrame()])
        for name in every.select_dtypes("number").columns.difference(["epoch", "round", "seconds"], sort=False):
            lines = {
                label: [curve(epochs_played(table), table[name]) for table in runs if name in table]
                for label, runs in tables.items()
            }
            if every[name].any() and max(len(line) for runs in lines.values() for line in runs) > 1:
                figures.append(draw_spread(named(name), {label: runs for label, runs in lines.items() if runs}, looks))
    return figures


def named(metric: str) -> str:
    """A metric as a heading."""
    return NAMES.get(metric, metric.replace("_", " "))
