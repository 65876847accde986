"""What is kept of the reports' trainings is of whole trainings."""

import pandas as pd
import pytest

from gan_lab.lessons.reports import TRAININGS
from gan_lab.lessons.reproduce import nearest_epoch
from gan_lab.shipped import RESULTS

REPORTS = RESULTS / "reports"
KEPT = sorted(str(table.parent.relative_to(REPORTS)) for table in REPORTS.rglob("curves.csv"))


@pytest.mark.parametrize("kept", KEPT)
def test_each_seed_was_played_to_the_report_s_end_and_every_grid_of_the_report_is_there(kept: str) -> None:
    folder = REPORTS / kept  # A4, bf16-mixed/A1, or width_0.25/A1
    training = TRAININGS[folder.name]
    curves, measures = (pd.read_csv(folder / table) for table in ("curves.csv", "measures.csv"))
    assert set(curves["seed"]) == set(measures["seed"])
    for seed in set(curves["seed"]):
        played, measured = (table.loc[table["seed"] == seed, "epoch"] for table in (curves, measures))
        assert list(played) == list(range(1, training.epochs + 1))
        assert measured.max() == training.epochs
    grids, nearest = {int(grid.stem) for grid in folder.glob("*.png")}, nearest_epoch(measures[measures["seed"] == 0])
    assert {*training.grids, training.epochs} <= grids <= {*training.grids, nearest, training.epochs}
    assert (folder / "film.mp4").stat().st_size > 10_000
