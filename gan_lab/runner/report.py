"""One page that compares the runs below a folder: what they found, what they drew, how they went."""

import base64
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from gan_lab.files import whole
from gan_lab.measure.seeds import interval
from gan_lab.run_folder import DamagedFileError, epoch_of, epochs_played, executed
from gan_lab.runner.notebook_file import title
from gan_lab.runner.results import NOT_KEPT, VERSIONS, Result, inside, read_results, settings, why
from gan_lab.runner.spread import Look, curve, draw_spread

NAMES = {
    "d_loss": "D’s loss",
    "g_loss": "G’s loss",
    "d_real": "D’s loss on real",
    "d_fake": "D’s loss on fake",
    "acc_real": "D right on real",
    "acc_fake": "D right on fake",
    "kernel_distance": "kernel distance",
    "frechet_distance": "Fréchet distance",
    "fid": "FID",
    "kid": "KID",
}
FRAMES = 12  # sample grids of a run, evenly spread over its epochs
SEEDS = 3  # runs of a setting whose samples are shown
WIDTH = 640  # pixels; a wider sample grid is made smaller


def write_report(folder: str | Path, html: str | Path | None = None) -> Path:
    """Write a page that compares all runs below the folder, to folder/report.html if no file is named; return its path.

    For each setting, which is what was varied but the seed: the mean of each metric with its 95 % t interval,
    sample grids side by side through the training, and the curves with their spread. Above them, what did not finish
    and which files could not be read. The page opens without a network. Raises FileNotFoundError if the folder holds no
    run.
    """
    folder = Path(folder)
    html = Path(html) if html else folder / "report.html"
    top = folder.resolve()
    results = read_results(folder)
    groups = settings(results)
    looks = dict(zip(groups, styles(len(groups)), strict=True))
    not_done = unfinished(results, top)
    damaged = [damage for result in results for damage in result.damaged]  # and what is found to be so on the way
    drawn: list[dict[str, Any]] = [
        {"label": label, "look": looks[label], "runs": samples(runs, damaged)} for label, runs in groups.items()
    ]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("report.html").render(
        title=heading(top, results, damaged),
        lead=lead(groups, not_done, sum(result.state == "damaged" for result in results)),
        versions=list(versions(results)),
        unfinished=not_done,
        damaged=unread(damaged, top),
        settings=[{"label": label, "look": looks[label], "runs": runs} for label, runs in groups.items()],
        metrics=metrics(groups),
        caution=caution(groups),
        samples=[setting for setting in drawn if setting["runs"]],
        frames=max((len(run["frames"]) for setting in drawn for run in setting["runs"]), default=0),
        curves=curves(groups, looks),
        common=common(results),
    )
    with whole(html) as part:
        part.write_text(page, encoding="utf-8")
    return html


def heading(top: Path, results: Sequence[Result], damaged: list[DamagedFileError]) -> str:
    """The title of the notebook that was run, or the folder's name if it was none or several."""
    files = {executed(result.place, result.status.notebook) for result in results if result.status}
    titles = set()
    for file in filter(Path.exists, sorted(files)):
        try:
            titles.add(title(file))
        except (ValueError, OSError):
            damaged.append(DamagedFileError(file, "it is no notebook", "run it again; its trainings are kept"))
    return titles.pop() if len(titles) == 1 else top.name


def lead(groups: Mapping[str, Sequence[Result]], rows: Sequence[Mapping[str, str]], damaged: int) -> str:
    """How much there is to compare, and what is missing: "2 settings, 6 runs of 30 epochs, on cpu; 1 failed"."""
    runs = [run for group in groups.values() for run in group]
    epochs = sorted({len(run.epochs) for run in runs})
    length = " to ".join(str(number) for number in dict.fromkeys(epochs[:1] + epochs[-1:]))
    devices = ", ".join(sorted({run.device for run in runs if run.device}))
    there = f"{many(len(groups), 'setting')}, {many(len(runs), 'run')} of {length} epochs"
    there += f", on {devices}" if devices else ""
    missing = [outcome(state, [row for row in rows if row["state"] == state]) for state in by_state(rows)]
    missing += [f"{damaged} damaged"] if damaged else []
    return "; ".join(
        [there if runs else "There is no complete training to compare", *([", ".join(missing)] if missing else [])]
    )


def by_state(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """The states of these rows, once each."""
    return list(dict.fromkeys(row["state"] for row in rows))


def outcome(state: str, rows: Sequence[Mapping[str, str]]) -> str:
    """ "2 failed"; of a single one that was stopped also when: "1 interrupted after epoch 12 of 30"."""
    words = "diverged (a loss became infinite or NaN)" if state == "diverged" else state
    single = len(rows) == 1 and state in ("interrupted", "running") and rows[0]["epochs"]
    return f"{len(rows)} {words}" + (f" after epoch {rows[0]['epochs']}" if single else "")


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


def unfinished(results: Sequence[Result], top: Path) -> list[dict[str, str]]:
    """A row for each notebook that did not reach its end, and for each run outside a notebook that has no epoch yet."""
    rows = {
        result.place: {
            "run": inside(result.place, top),
            "state": result.status.outcome if result.status else result.state,
            "epochs": progress([other for other in results if other.place == result.place and other.name]),
            "why": why(replace(result, damaged=()), top),
        }
        for result in results
        if (result.status.state != "done" if result.status else result.state == "not trained")
    }
    return list(rows.values())


def progress(runs: Sequence[Result]) -> str:
    """How many epochs a notebook has trained: "12 of 30"; of several trainings each by its name; "" for none."""
    runs = [run for run in runs if not run.damaged]
    if len(runs) == 1:
        wanted = runs[0].status.parameters.get("epochs", "") if runs[0].status else ""
        return f"{len(runs[0].epochs)} of {wanted}" if wanted else f"{len(runs[0].epochs)}"
    return ", ".join(f"{run.name}: {len(run.epochs)}" for run in runs)


def unread(damaged: Sequence[DamagedFileError], top: Path) -> list[dict[str, str]]:
    """A row for each file that could not be read."""
    each = {one.file: one for one in damaged}
    return [{"file": inside(file, top), "why": one.why, "way_out": one.way_out} for file, one in each.items()]


def versions(results: Sequence[Result]) -> Iterator[str]:
    """What to say where the trainings of one name were made by several versions of their notebook, or of the code."""
    runs = [result for result in results if result.complete]
    for kind, what in VERSIONS.items():
        made = {name: {run.versions[kind] for run in runs if run.name == name} for name in {run.name for run in runs}}
        counts = Counter(run.versions[kind] or NOT_KEPT for run in runs if len(made[run.name]) > 1)
        if counts:
            listed = ", ".join(f"{version}: {many(number, 'run')}" for version, number in counts.items())
            yield f"These runs were made by {len(counts)} versions of the {what} ({listed}), each a setting of its own."


def common(results: Sequence[Result]) -> dict[str, object]:
    """The parameters that no run varied, and the versions that all ran with."""
    facts = [{**result.parameters, **result.recipe.environment} for result in results]
    names = dict.fromkeys(name for fact in facts for name in fact)
    return {
        name: next(fact[name] for fact in facts if name in fact)
        for name in names
        if name != "seed" and len({str(fact[name]) for fact in facts if name in fact}) == 1
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
    """The columns of the table: for each metric that is not zero throughout, what to show of each setting.

    A parameter is no finding, whoever logged it under its name.
    """
    found = {label: pd.DataFrame([run.found for run in runs]) for label, runs in groups.items()}
    every = pd.concat(found.values()) if found else pd.DataFrame()
    given = {"epoch", *(name for runs in groups.values() for run in runs for name in run.parameters)}
    shown = [name for name in every.columns if name not in given and every[name].abs().sum() > 0]
    empty = pd.Series(dtype=float)  # of a run that did not measure this
    shown.sort(key=lambda name: name == "seconds")  # the time comes last
    return [
        {
            "name": named(name),
            "cells": {
                label: cell(table.get(name, empty).dropna().to_numpy(), *ends(every[name]))
                for label, table in found.items()
            },
        }
        for name in shown
    ]


def ends(values: "pd.Series[float]") -> tuple[float, float]:
    """The smallest and the largest finite value; 0 if there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)


def cell(values: "np.ndarray[Any, np.dtype[np.float64]]", smallest: float, largest: float) -> dict[str, Any] | None:
    """Mean, interval and dots of one setting; places run from 0 at the smallest value of all settings to 100.

    What an interval has beyond these two is not drawn.
    """

    def place(value: float) -> float:
        return round(100 * (value - smallest) / (largest - smallest), 2) if largest > smallest else 50.0

    if not len(values):
        return None
    finite = values[np.isfinite(values)]
    low, high = interval(values) if len(finite) == len(values) else (np.nan, np.nan)
    known = not np.isnan(low)
    return {
        "mean": short(values.mean()),
        "interval": f"{short(low)} – {short(high)}" if known else "",
        "low": max(0.0, place(low)) if known else 0,
        "high": min(100.0, place(high)) if known else 0,
        "dots": [place(value) for value in finite],
    }


def short(value: float) -> str:
    """Three digits that matter: 0.0123, 1.23, 123, 12346."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def samples(runs: Sequence[Result], damaged: list[DamagedFileError]) -> list[dict[str, Any]]:
    """The sample grids of a setting's first runs, as pictures inside the page; one that cannot be read is left out."""
    shown = []
    for run in [run for run in runs if run.pictures][:SEEDS]:
        chosen = sorted({round(i) for i in np.linspace(0, len(run.pictures) - 1, FRAMES)})
        frames = []
        for file in (run.pictures[i] for i in chosen):
            try:
                frames.append({"epoch": epoch_of(file), "picture": embedded(file)})
            except DamagedFileError as damage:
                damaged.append(damage)
        label = f"seed {run.parameters['seed']}, " if "seed" in run.parameters else ""
        shown += [{"label": label, "frames": frames}] if frames else []
    return shown


def embedded(file: Path) -> str:
    """A picture as the address of its own bytes. Raises DamagedFileError if it is none, or not whole."""
    bytes_ = io.BytesIO()
    try:
        with Image.open(file) as picture:
            picture.thumbnail((WIDTH, 10 * WIDTH))
            picture.convert("RGB").save(bytes_, "WEBP", quality=85)
    except Exception:  # Pillow has many for bytes that make no picture
        raise DamagedFileError(file, "it is no picture, or not a whole one", "the page leaves it out") from None
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
