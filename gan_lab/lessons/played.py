"""What is kept of the reports' trainings that were played to their end: results/reports.

training = kept("A6")            # at full size; None if that was not played
training = kept("A1", NARROW)    # with a quarter of the channels
"""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from gan_lab.lessons.reports import TRAININGS
from gan_lab.shipped import RESULTS

FULL = ""
BF16 = "bf16-mixed"  # at full size, with products of 16 bits
NARROW = "width_0.25"  # with a quarter of the channels


class Played(NamedTuple):
    """kind: FULL, BF16 or NARROW.  curves: a row a seed and epoch, the means of its rounds.  measures: a row a seed and
    measured epoch, the judge's numbers.  grid: the first seed's samples after the last epoch, a PNG."""

    kind: str
    curves: pd.DataFrame
    measures: pd.DataFrame
    grid: Path


def kept(name: str, kind: str = FULL) -> Played | None:
    """This training, played so."""
    folder = RESULTS / "reports" / kind / name
    if not folder.exists():
        return None
    curves, measures = (pd.read_csv(folder / f"{table}.csv") for table in ("curves", "measures"))
    return Played(kind, curves, measures, max(folder.glob("*.png")))


def all_kept() -> dict[str, Played]:
    """Each training as near to the report's as it was played; some may be missing."""
    found = {name: kept(name) or kept(name, BF16) or kept(name, NARROW) for name in TRAININGS}
    return {name: training for name, training in found.items() if training}
