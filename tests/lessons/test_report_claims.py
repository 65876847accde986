"""The claims of the reports, and the verdicts on them."""

import shutil
from math import inf, nan

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gan_lab.lessons import played
from gan_lab.lessons import report_claims as claims
from gan_lab.measure import seeds


@pytest.mark.parametrize(
    ("interval", "true_in", "said"),
    [
        ((0.1, 0.3), (0, inf), "confirmed"),
        ((-0.3, -0.1), (0, inf), "contradicted"),
        ((-0.1, 0.3), (0, inf), "not confirmed"),
        ((0.84, 0.92), (0.83, 0.93), "confirmed"),
        ((0.80, 0.92), (0.83, 0.93), "not confirmed"),
        ((0.80, 0.95), (0.83, 0.93), "not confirmed"),
        ((0.60, 0.70), (0.83, 0.93), "contradicted"),
        ((0.95, 0.99), (0.83, 0.93), "contradicted"),
        ((0, 0), (0, inf), "contradicted"),  # no change at all is no gain
        ((nan, nan), (0, inf), "cannot be told"),
    ],
)
def test_an_interval_confirms_a_claim_only_if_it_lies_where_the_claim_says(interval, true_in, said):
    assert claims.verdict(*interval, true_in) == said


def test_every_number_is_a_mean_over_seeds_or_cannot_be_told():
    found = claims.report_claims()
    assert ((found["seeds"] < 2) == (found["verdict"] == "cannot be told")).all()
    told = found[found["seeds"] > 1]
    assert len(told) >= 7
    assert ((told["low"] < told["mean"]) & (told["mean"] < told["high"])).all()


def test_the_verdict_turns_where_the_table_says_the_opposite(monkeypatch):
    turned = {"WGAN": "WGAN-GP", "WGAN-GP": "WGAN"}
    monkeypatch.setattr(claims, "table", lambda name: seeds.table(name).replace({"setting": turned}))
    found = claims.report_claims().set_index("report")
    assert found.loc["A6", "verdict"] == "contradicted"


def test_each_claim_of_m_has_student_s_interval_at_the_level_1_minus_5_percent_over_m():
    found = claims.report_claims().set_index("report")
    values = claims.change(seeds.table("04_wgan"), "kernel_distance", "WGAN-GP", "WGAN")
    level = 1 - 0.05 / len(found)
    expected = stats.t.interval(level, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    assert found.loc["A6", ["low", "high"]].tolist() == pytest.approx(list(expected))


@pytest.fixture
def reports(monkeypatch, tmp_path):
    """A1 with a quarter of the channels and A4 at full size, of two seeds."""
    monkeypatch.setattr(played, "RESULTS", tmp_path)
    for folder in ("width_0.25/A1", "A4"):
        place = tmp_path / "reports" / folder
        place.mkdir(parents=True)
        curves = pd.DataFrame({"seed": 0, "epoch": range(1, 201), "acc_real": 0.0})
        curves.loc[curves["epoch"].between(185, 194), "acc_real"] = 0.88
        pd.concat([curves, curves.assign(seed=1, acc_real=0.5)]).to_csv(place / "curves.csv")
        measures = {"seed": [1, 1, 0, 0], "epoch": [16, 8, 8, 16], "sure": [0.9, 0.1, 0.2, 0.8]}
        pd.DataFrame(measures).to_csv(place / "measures.csv")
        for epoch in (8, 16):
            (place / f"{epoch:04d}.png").touch()


@pytest.mark.usefixtures("reports")
def test_a_training_is_read_around_the_epoch_of_the_claim():
    assert claims.near(190, "A1", "acc_real", played.NARROW)().to_dict() == pytest.approx({0: 0.88, 1: 0.5})
    assert claims.near(190, "A1", "acc_real")().empty  # at full size it was not played


@pytest.mark.usefixtures("reports")
def test_at_the_end_is_the_last_measurement_of_each_seed():
    assert claims.at_the_end("A4", "sure")().to_dict() == {0: 0.8, 1: 0.9}
    assert claims.at_the_end("A1", "sure")().empty


@pytest.mark.usefixtures("reports")
def test_each_training_is_shown_as_near_to_the_report_s_as_it_was_played(tmp_path):
    def shown() -> dict[str, str]:
        return {name: training.kind for name, training in played.all_kept().items()}

    reports = tmp_path / "reports"
    assert shown() == {"A1": played.NARROW, "A4": played.FULL}
    shutil.copytree(reports / "width_0.25/A1", reports / "bf16-mixed/A1")
    assert shown() == {"A1": played.BF16, "A4": played.FULL}
    shutil.copytree(reports / "width_0.25/A1", reports / "A1")
    assert shown() == {"A1": played.FULL, "A4": played.FULL}


@pytest.mark.usefixtures("reports")
def test_the_grid_that_is_shown_is_the_last_one():
    assert played.all_kept()["A4"].grid.name == "0016.png"
