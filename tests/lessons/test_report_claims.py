"""The claims of the reports, and the verdicts on them."""

from math import inf, nan

import pandas as pd
import pytest

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


def test_every_number_is_a_mean_over_seeds_or_is_missing():
    found = claims.report_claims()
    assert set(found["seeds"]) & {1} == set()
    assert ((found["seeds"] == 0) == (found["verdict"] == "cannot be told")).all()
    told = found[found["seeds"] > 0]
    assert ((told["low"] < told["mean"]) & (told["mean"] < told["high"])).all()


def test_the_verdict_turns_where_the_table_says_the_opposite(monkeypatch):
    turned = {"WGAN": "WGAN-GP", "WGAN-GP": "WGAN"}
    monkeypatch.setattr(claims, "table", lambda name: seeds.table(name).replace({"setting": turned}))
    found = claims.report_claims().set_index("report")
    assert found.loc["A6", "verdict"] == "contradicted"


def test_looking_at_many_claims_makes_their_intervals_wider():
    found = claims.report_claims().set_index("report")
    alone = seeds.interval(claims.change(seeds.table("04_wgan"), "kernel_distance", "WGAN-GP", "WGAN"))
    assert found.loc["A6", "low"] < alone[0]
    assert found.loc["A6", "high"] > alone[1]


def test_a_training_at_full_size_is_read_around_the_epoch_of_the_claim(monkeypatch, tmp_path):
    monkeypatch.setattr(claims, "RESULTS", tmp_path)
    assert claims.near(190, "A1", "acc_real")().empty
    (tmp_path / "reports" / "A1").mkdir(parents=True)
    curves = pd.DataFrame({"seed": 0, "epoch": range(1, 201), "acc_real": 0.0})
    curves.loc[curves["epoch"].between(185, 195), "acc_real"] = 0.88
    pd.concat([curves, curves.assign(seed=1, acc_real=0.5)]).to_csv(tmp_path / "reports" / "A1" / "curves.csv")
    assert claims.near(190, "A1", "acc_real")().to_dict() == pytest.approx({0: 0.88, 1: 0.5})
