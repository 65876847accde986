import numpy as np
import pandas as pd
import pytest

from gan_lab.measure import seeds
from gan_lab.measure.seeds import interval, paired, verdict


def test_one_value_has_no_interval() -> None:
    assert np.isnan(interval([3.0])).all()


def test_two_values_bound_their_own_interval() -> None:
    """Each is the mean of a quarter of all resamples, far more than 2.5 %."""
    assert interval([2.0, 5.0]) == (2.0, 5.0)


def test_an_interval_moves_and_grows_with_its_values() -> None:
    values = np.random.default_rng(1).normal(size=20)
    low, high = interval(values)
    assert interval(3 * values + 7) == pytest.approx((3 * low + 7, 3 * high + 7))


def test_an_interval_of_many_values_is_the_normal_one() -> None:
    values = np.random.default_rng(2).normal(size=1000)
    normal = 1.96 * values.std() / np.sqrt(1000)
    assert interval(values) == pytest.approx((values.mean() - normal, values.mean() + normal), abs=0.1 * normal)


def runs(effect: float, noise: float = 0.0) -> pd.DataFrame:
    """Six seeds that differ much from one another, and a setting that adds `effect` to each."""
    random = np.random.default_rng(3)
    level = 100 * random.normal(size=6)
    smooth = level + effect + noise * random.normal(size=6)
    return pd.DataFrame(
        [("plain", s, x) for s, x in enumerate(level)] + [("smooth", s, x) for s, x in enumerate(smooth)],
        columns=["setting", "seed", "kid"],
    )


def test_pairing_finds_what_the_spread_of_the_seeds_would_hide() -> None:
    table = runs(effect=0.5)
    plain, smooth = paired(table, "kid").itertuples(index=False)
    assert (smooth.difference, smooth.low, smooth.high) == pytest.approx((0.5, 0.5, 0.5))
    assert (plain.difference, plain.seeds) == (0, 6) and np.isnan(plain.low)
    alone = interval(table.query("setting == 'smooth'")["kid"])
    assert alone[1] - alone[0] > 50


def test_the_order_of_the_rows_does_not_matter() -> None:
    table = runs(effect=1.0, noise=2.0)
    shuffled = table.sample(frac=1, random_state=0).sort_values("setting", kind="stable")
    pd.testing.assert_frame_equal(paired(table, "kid"), paired(shuffled, "kid"))


def test_a_seed_that_one_setting_lacks_is_left_out_of_the_difference() -> None:
    table = runs(effect=1.0)
    table.loc[3, "kid"] = np.nan
    smooth = paired(table, "kid").set_index("setting").loc["smooth"]
    assert (smooth["seeds"], smooth["difference"]) == (5, pytest.approx(1.0))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda t: t.drop(columns="kid"), "no column 'kid'"),
        (lambda t: t.query("setting != 'plain'"), "no run has setting = 'plain'"),
        (lambda t: t.assign(seed=0), "seed 0 twice"),
    ],
)
def test_a_table_that_cannot_be_paired_is_refused(change, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        paired(change(runs(1.0)), "kid")


@pytest.mark.parametrize(
    ("low", "high", "says"), [(0.1, 0.2, "higher"), (-2, -1, "lower"), (-1, 1, "no difference found")]
)
def test_an_interval_that_holds_0_is_no_difference(low: float, high: float, says: str) -> None:
    assert verdict(low, high) == says


def test_a_table_that_is_not_there_names_those_that_are(tmp_path, monkeypatch) -> None:
    (tmp_path / "02_stability.csv").write_text("setting,seed\nplain,0\n")
    monkeypatch.setattr(seeds, "RESULTS", tmp_path)
    assert seeds.table("02_stability")["setting"].tolist() == ["plain"]
    with pytest.raises(FileNotFoundError, match="there are 02_stability"):
        seeds.table("02_stabilty")
