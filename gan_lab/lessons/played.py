"""What is kept of the reports' trainings that were played to their end: results/reports.

training = kept("A6")                # at full size; None if that was not played
training = kept("A1", width=0.25)    # with a quarter of the channels
"""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from gan_lab.lessons.reports import TRAININGS
from gan_lab.shipped import RESULTS

NARROW = 0.25


class Played(NamedTuple):
    """curves: a row a seed and epoch, the means of its rounds.  measures: a row a seed and measured epoch, the judge's
    numbers.  grid: the first seed's samples after the last epoch, a PNG."""

    width: float
    curves: pd.DataFrame
    measures: pd.DataFrame
    grid: Path


def kept(name: str, width: float = 1.0) -> Played | None:
    """This training with so many times the channels."""
    reports = RESULTS / "reports"
    folder = reports / name if width == 1 else reports / f"width_{width:g}" / name
    if not folder.exists():
        return None
    curves, measures = (pd.read_csv(folder / f"{table}.csv") for table in ("curves", "measures"))
    return Played(width, curves, measures, max(folder.glob("*.png")))


def all_kept() -> dict[str, Played]:
    """Each training at full size or, where that was not played, with a quarter of the channels; some may be missing."""
    found = {name: kept(name) or kept(name, NARROW) for name in TRAININGS}
    return {name: training for name, training in found.items() if training}
