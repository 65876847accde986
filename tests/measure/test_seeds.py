from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gan_lab.measure import seeds
from gan_lab.measure.seeds import against_truth, finding, holm, interval, p_value, paired, verdict


def test_one_value_has_no_interval() -> None:
    assert np.isnan(interval([3.0])).all()


def test_the_interval_of_two_values_reaches_far_beyond_them() -> None:
    """Student's t with one degree of freedom is Cauchy's distribution, whose 97.5 % quantile is tan(0.475 pi)."""
    reach = np.tan(0.475 * np.pi) * 1.5
    assert interval([2.0, 5.0]) == pytest.approx((3.5 - reach, 3.5 + reach))


def test_an_interval_of_a_higher_level_reaches_farther() -> None:
    """Of two values T is Cauchy's, whose quantiles are tangents."""
    for level in (0.5, 0.95, 0.995):
        reach = 1.5 * np.tan(np.pi * level / 2)
        assert interval([2.0, 5.0], level) == pytest.approx((3.5 - reach, 3.5 + reach))


def test_the_interval_of_equal_values_is_a_point_and_no_chance_remains() -> None:
    """Also where their mean cannot be computed exactly."""
    assert interval([0.1] * 3) == (0.1, 0.1)
    assert p_value([0.1] * 3) == 0
    assert p_value([0.0] * 3) == 1


def test_values_without_number_or_end_have_no_interval() -> None:
    for values in ([], [1, np.nan, 2], [1, 2, np.inf]):
        assert np.isnan([*interval(values), p_value(values)]).all()


def test_an_interval_moves_and_grows_with_its_values() -> None:
    values = np.random.default_rng(1).normal(size=20)
    low, high = interval(values)
    assert interval(3 * values + 7) == pytest.approx((3 * low + 7, 3 * high + 7))


SAMPLES = 4000
ERROR = 3 * np.sqrt(0.95 * 0.05 / SAMPLES)  # three standard errors of a share of the samples


def holds_the_mean(samples: np.ndarray, mean: float, of: Callable[[np.ndarray], tuple[float, float]]) -> float:
    """In which share of the samples the interval holds the true mean."""
    low, high = np.transpose([of(sample) for sample in samples])
    return float(np.mean((low <= mean) & (mean <= high)))


@pytest.mark.parametrize("n", [5, 10])
def test_the_interval_of_few_normal_values_holds_the_true_mean_in_95_percent(n: int) -> None:
    samples = np.random.default_rng(n).normal(3, 2, (SAMPLES, n))
    assert holds_the_mean(samples, 3, interval) == pytest.approx(0.95, abs=ERROR)


@pytest.mark.parametrize(("n", "share"), [(5, 0.88), (10, 0.90)])
def test_the_interval_of_skewed_values_holds_the_true_mean_as_often_as_its_docstring_says(n: int, share: float) -> None:
    samples = np.random.default_rng(n).exponential(size=(SAMPLES, n))
    assert holds_the_mean(samples, 1, interval) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("n", [5, 10])
def test_the_difference_of_two_skewed_values_is_symmetric_and_its_interval_holds_again(n: int) -> None:
    one, other = np.random.default_rng(n).exponential(size=(2, SAMPLES, n))
    assert holds_the_mean(one - other, 0, interval) > 0.95 - ERROR


def test_the_percentile_bootstrap_of_five_values_would_miss_the_truth_three_times_as_often_as_it_says() -> None:
    """Why `interval` is Student's: what is drawn from five values spreads too little, and has no quantile of t."""
    random = np.random.default_rng(5)

    def bootstrap(sample: np.ndarray) -> tuple[float, float]:
        return tuple(np.percentile(random.choice(sample, (500, len(sample))).mean(axis=1), [2.5, 97.5]))

    samples = random.normal(3, 2, (SAMPLES, 5))
    assert holds_the_mean(samples, 3, bootstrap) < 0.86


def test_an_interval_misses_0_exactly_where_p_is_below_5_percent() -> None:
    random = np.random.default_rng(6)
    samples = random.normal(size=(300, 6)) + random.normal(size=(300, 1))
    found = [verdict(*interval(sample)) != "no difference found" for sample in samples]
    assert found == [p_value(sample) < 0.05 for sample in samples]
    assert 100 < sum(found) < 200


def test_holm_multiplies_the_smallest_by_all_and_the_next_by_those_that_are_left() -> None:
    """By hand: 4 x 0.005, 3 x 0.01, 2 x 0.03, and 1 x 0.04, which may not be below the one before it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == pytest.approx([1, 1])
    assert holm([0.03]) == pytest.approx([0.03])


def test_what_was_not_tested_does_not_count_in_holm() -> None:
    assert holm([0.01, np.nan, 0.04]) == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)
    assert holm([]).tolist() == []


def test_holm_refuses_what_is_no_p_value() -> None:
    with pytest.raises(ValueError, match=r"these go from 0.5 to 1.5"):
        holm([0.5, 1.5])


@pytest.mark.parametrize(
    ("low", "high", "p_holm", "found"),
    [
        (0.1, 0.5, 0.04, "higher*"),
        (0.1, 0.5, 0.06, "higher"),
        (-0.5, -0.1, 0.04, "lower*"),
        (-0.5, -0.1, 0.05, "lower"),
        (-0.1, 0.5, 0.2, "no difference found"),
        (np.nan, np.nan, np.nan, "no difference found"),
    ],
)
def test_a_star_is_for_a_difference_that_is_left_after_holm(low: float, high: float, p_holm: float, found: str) -> None:
    assert finding(SimpleNamespace(low=low, high=high, p_holm=p_holm)) == found


def test_seven_settings_without_effect_yield_a_finding_in_one_family_of_twenty_after_holm() -> None:
    """All are compared with the same runs, as in `paired`. Without the correction it is one family of four."""
    families = 2000
    random = np.random.default_rng(7)
    differences = random.normal(size=(families, 7, 10)) - random.normal(size=(families, 1, 10))
    p = np.array([[p_value(setting) for setting in family] for family in differences])
    corrected = np.array([holm(family) for family in p])
    assert (p < 0.05).any(axis=1).mean() > 0.2
    assert (corrected < 0.05).any(axis=1).mean() < 0.05 + 3 * np.sqrt(0.95 * 0.05 / families)


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


def seven_settings(seed: int) -> pd.DataFrame:
    """Ten seeds of a reference and of seven settings, the last of which has one seed less."""
    random = np.random.default_rng(seed)
    values = {"plain": random.normal(size=10)}
    values |= {f"s{i}": i / 4 + 0.3 * (i - 3) * values["plain"] + random.normal(size=10) for i in range(7)}
    table = (
        pd.DataFrame(values).rename_axis(index="seed").melt(ignore_index=False, var_name="setting", value_name="kid")
    )
    return table.reset_index().iloc[:-1]


def test_interval_p_and_correlation_are_those_of_scipy() -> None:
    table = seven_settings(8)
    wide = table.pivot(index="seed", columns="setting", values="kid")
    found = paired(table, "kid").set_index("setting")
    for setting in (f"s{i}" for i in range(7)):
        both = wide[["plain", setting]].dropna()
        test = stats.ttest_rel(both[setting], both["plain"])
        row, between = found.loc[setting], test.confidence_interval(0.95)
        assert [row["low"], row["high"], row["p"]] == pytest.approx([between.low, between.high, test.pvalue])
        assert row["correlation"] == pytest.approx(stats.pearsonr(both[setting], both["plain"]).statistic)
    assert found.loc["s6", "seeds"] == 9


def test_holm_counts_the_settings_and_not_the_reference() -> None:
    found = paired(seven_settings(9), "kid").set_index("setting")
    assert found["p_holm"].drop("plain").tolist() == pytest.approx(holm(found["p"].drop("plain")))
    assert found.loc["plain", ["low", "high", "p", "p_holm", "correlation"]].isna().all()


def test_pairing_widens_the_interval_where_the_runs_of_a_seed_go_opposite_ways() -> None:
    """The deviation of a difference is sqrt(s² + s² - 2 r s s): twice s for r = -1, and sqrt(2) s of unpaired runs."""
    plain = np.array([-2.0, -1, 0, 1, 2])
    table = pd.DataFrame({"seed": [*range(5)] * 2, "setting": ["plain"] * 5 + ["opposite"] * 5})
    row = paired(table.assign(kid=[*plain, *-plain]), "kid").set_index("setting").loc["opposite"]
    assert row["correlation"] == pytest.approx(-1)
    unpaired = stats.ttest_ind(-plain, plain).confidence_interval(0.95)
    assert row["high"] > 1.4 * unpaired.high


def test_a_metric_that_never_moves_is_no_difference() -> None:
    """For example a count of collapses that is 0 in all runs."""
    table = runs(effect=0.0).assign(kid=0.1)
    smooth = paired(table, "kid").set_index("setting").loc["smooth"]
    assert [smooth["low"], smooth["high"], smooth["p"], smooth["p_holm"]] == [0, 0, 1, 1]
    assert np.isnan(smooth["correlation"])


def test_a_verdict_against_the_truth_does_not_ask_what_a_reference_run_found() -> None:
    """Two settings that agree are both wrong if the ratio should be 1."""
    ratio = [0.55, 0.6, 0.65, 0.6, 0.6]
    found = against_truth(ratio, 1)
    assert (found.seeds, found.mean, found.verdict) == (5, pytest.approx(0.6), "lower")
    assert (found.low, found.high) == interval(ratio)
    assert found.p == pytest.approx(stats.ttest_1samp(ratio, 1).pvalue)
    assert against_truth(ratio, 0.5).verdict == "higher"
    assert against_truth(ratio, 0.61).verdict == "no difference found"


def test_equal_values_are_the_truth_or_not() -> None:
    assert against_truth([0.1] * 4, 0.1) == (4, 0.1, 0.1, 0.1, 1, "no difference found")
    assert against_truth([0.1] * 4, 0.2) == (4, 0.1, 0.1, 0.1, 0, "lower")


def test_one_seed_differs_from_no_truth() -> None:
    found = against_truth([5.0], 1)
    assert (found.seeds, found.mean, found.verdict) == (1, 5, "no difference found")
    assert np.isnan([found.low, found.high, found.p]).all()


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
        (lambda t: t.assign(setting=range(len(t))), "no run has setting = 'plain' and a kid: choose one of 0, 1, 2"),
        (lambda t: t.assign(seed=0), "seed 0 twice"),
    ],
)
def test_a_table_that_cannot_be_paired_is_refused(change, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        paired(change(runs(1.0)), "kid")


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(0.1, 0.2, "higher"), (-2, -1, "lower"), (-1, 1, "no difference found"), (np.nan, np.nan, "no difference found")],
)
def test_an_interval_that_holds_0_is_no_difference(low: float, high: float, says: str) -> None:
    assert verdict(low, high) == says


def test_a_table_that_is_not_there_names_those_that_are(tmp_path, monkeypatch) -> None:
    (tmp_path / "02_stability.csv").write_text("setting,seed\nplain,0\n")
    monkeypatch.setattr(seeds, "RESULTS", tmp_path)
    assert seeds.table("02_stability")["setting"].tolist() == ["plain"]
    with pytest.raises(FileNotFoundError, match="there are 02_stability"):
        seeds.table("02_stabilty")
