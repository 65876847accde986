"""What several seeds say together: the tables in `results/`, and intervals for means and for paired differences.

One run proves nothing: the next seed may say the opposite. So every claim of this course about a training is a mean
over seeds with an interval, and where the interval of a difference holds 0, the claim is "no difference found".
Of 20 such intervals one misses the truth by chance alone. Who looks at many needs `holm`.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gan_lab.shipped import RESULTS

Array = np.ndarray[Any, np.dtype[np.float64]]


def table(name: str) -> pd.DataFrame:
    """The table results/<name>.csv, one row a training. Raises FileNotFoundError if there is none of that name."""
    file = RESULTS / f"{name}.csv"
    if not file.exists():
        there = ", ".join(sorted(other.stem for other in RESULTS.glob("*.csv"))) or "none"
        raise FileNotFoundError(f"no table {file}: the tables there are {there}")
    return pd.read_csv(file)


def interval(values: Iterable[float], level: float = 0.95) -> tuple[float, float]:
    """Student's interval of the mean of n values: its 95 % interval, or that of another level.

        mean ± q s / sqrt(n),   s² = sum (value - mean)² / (n - 1),   q the (1 + level) / 2 quantile of T

    T has Student's distribution with n - 1 degrees of freedom. For independent normal values the interval holds the
    true mean in 95 % of all samples, however small n is. For skewed values it does so less often: if they are
    exponentially distributed, in 88 % of the samples of five and in 90 % of those of ten.
    NaN for fewer than two values, or where one is not finite. Source: Student 1908.
    """
    from scipy.special import stdtrit  # scipy.stats takes seconds to import

    n, mean, error = _mean(values)
    reach = stdtrit(n - 1, (1 + level) / 2) * error
    return float(mean - reach), float(mean + reach)


def p_value(values: Iterable[float]) -> float:
    """How often a mean would be at least this many standard errors from 0, on either side, if the true one were 0.

        p = 2 P(T < -|t|),   t = mean / (s / sqrt(n)),   T and s as in `interval`

    It is below 0.05 exactly where `interval` misses 0, and assumes the same. Values that are all equal have p = 0, or
    1 if they are all 0. NaN where the interval is.
    """
    from scipy.special import stdtr

    n, mean, error = _mean(values)
    if error == 0:
        return float(mean == 0)
    return float(2 * stdtr(n - 1, -abs(mean) / error))


def holm(p_values: Iterable[float]) -> Array:
    """Holm's correction of m p-values: the chance of even one false finding among all m stays at most 5 %.

        sorted p_1 <= ... <= p_m:   corrected_i = min(1, max over j <= i of (m - j + 1) p_j)

    A finding is what is then still below 0.05. It holds whatever the dependence between the m tests. NaN was not
    tested: it stays NaN and does not count. To correct over several metrics at once, put them into one table first:

        changes = pd.concat([paired(table, metric).assign(metric=metric) for metric in metrics])
        changes["p_holm"] = holm(changes["p"])

    Raises ValueError for a value outside [0, 1]. Source: Holm 1979.
    """
    p = np.asarray(list(p_values), dtype=np.float64)
    if ((p < 0) | (p > 1)).any():
        raise ValueError(f"a p-value lies between 0 and 1, and these go from {np.nanmin(p):g} to {np.nanmax(p):g}")
    order = np.argsort(p)  # NaN last
    m = np.count_nonzero(~np.isnan(p))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(1, np.maximum.accumulate((m - np.arange(len(p))) * p[order]))
    return corrected


def paired(table: pd.DataFrame, metric: str, *, by: str = "setting", against: str = "plain") -> pd.DataFrame:
    """What each setting changes of a metric, seed by seed.

        difference = mean over the seeds s of  metric(setting, s) - metric(against, s)

    Two runs of one seed share the weights at the start and the order of the images, and the noise z where both draw the
    same random numbers. As far as that moves both the same way, it cancels.
    table: one row a training, with the columns `by`, "seed" and `metric`; rows without a value are left out.
    Returns a row a setting, in the table's order:
        seeds        how many are paired
        mean         over all the seeds that the setting has
        difference   over the paired seeds
        low, high    `interval` of the paired differences: it takes independent seeds and roughly normal differences
        p            the `p_value` of these differences, a paired t test
        correlation  Pearson's, over the paired seeds, of metric(setting, s) and metric(against, s): what pairing lives
                     on. Where it is negative, the interval is wider than unpaired runs' would be. NaN if one of the
                     two never changes.
        p_holm       the p after `holm` over the settings of this table
    For `against` itself the difference is 0, and what follows it is NaN.
    Raises ValueError if a column or the setting `against` is missing, or a setting has one seed twice.
    """
    if missing := [column for column in (by, "seed", metric) if column not in table]:
        raise ValueError(f"the table has no column {missing[0]!r}; it has {', '.join(table.columns)}")
    table = table.dropna(subset=[metric])
    if against not in set(table[by]):
        there = ", ".join(map(str, dict.fromkeys(table[by])))
        raise ValueError(f"no run has {by} = {against!r} and a {metric}: choose one of {there}")
    if table.duplicated([by, "seed"]).any():
        twice = table[table.duplicated([by, "seed"])].iloc[0]
        raise ValueError(f"{by} = {twice[by]!r} has seed {twice['seed']} twice: keep one of the runs")
    wide = table.pivot(index="seed", columns=by, values=metric)
    rows = []
    for setting in dict.fromkeys(table[by]):
        difference = (wide[setting] - wide[against]).dropna()
        tested = (np.nan,) * 4
        if setting != against:
            moving = wide.loc[difference.index, [setting, against]].nunique().min() > 1
            correlation = wide[setting].corr(wide[against]) if moving else np.nan
            tested = (*interval(difference), p_value(difference), correlation)
        rows.append((setting, len(difference), wide[setting].mean(), difference.mean(), *tested))
    found = pd.DataFrame(rows, columns=[by, "seeds", "mean", "difference", "low", "high", "p", "correlation"])
    found["p_holm"] = holm(found["p"])
    return found


class Estimate(NamedTuple):
    """A mean over seeds beside the value that it should have; several of them make a pd.DataFrame."""

    seeds: int
    mean: float
    low: float
    high: float
    p: float
    verdict: str


def against_truth(values: Iterable[float], truth: float) -> Estimate:
    """Whether the mean of the values, one for each seed, differs from a value that is known, such as a ratio of 1.

    low, high: `interval` of the mean; p: `p_value` of (values - truth); verdict: of the mean against the truth.
    For fewer than two values, or where one is not finite, low, high and p are NaN and no difference is found.
    """
    values = np.asarray(list(values), dtype=np.float64)
    low, high = interval(values)
    n, mean, _ = _mean(values)
    return Estimate(n, mean, low, high, p_value(values - truth), verdict(low - truth, high - truth))


def verdict(low: float, high: float) -> str:
    """What the interval of a difference allows to say: "higher", "lower", or "no difference found", as NaN does."""
    if low > 0:
        return "higher"
    return "lower" if high < 0 else "no difference found"


def finding(row: Any) -> str:
    """The verdict on a row of `paired`, with a star where the difference is left after Holm's correction."""
    return verdict(row.low, row.high) + ("*" if row.p_holm < 0.05 else "")


def _mean(values: Iterable[float]) -> tuple[int, float, float]:
    """How many values, their mean and its standard error s / sqrt(n), exactly 0 if all are equal."""
    values = np.asarray(list(values), dtype=np.float64)
    n = len(values)
    if n < 2 or not np.isfinite(values).all():
        return n, float(values.mean()) if n else float("nan"), float("nan")
    apart = values - values[0]  # the mean of three times 0.1 is not 0.1, but that of three times 0 is 0
    return n, float(values[0] + apart.mean()), float(apart.std(ddof=1) / np.sqrt(n))
