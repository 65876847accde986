"""What several seeds say together: the tables in `results/`, and intervals for means and for paired differences.

One run proves nothing: the next seed may say the opposite. So every claim of this course about a training is a mean
over seeds with an interval, and where the interval of a difference holds 0, the claim is "no difference found".
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from gan_lab.shipped import RESULTS


def table(name: str) -> pd.DataFrame:
    """The table results/<name>.csv, one row a training. Raises FileNotFoundError if there is none of that name."""
    file = RESULTS / f"{name}.csv"
    if not file.exists():
        there = ", ".join(sorted(other.stem for other in RESULTS.glob("*.csv"))) or "none"
        raise FileNotFoundError(f"no table {file}: the tables there are {there}")
    return pd.read_csv(file)


def interval(values: Iterable[float], resamples: int = 10_000) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the mean of n values; NaN if they are fewer than two.

    n values are drawn from the n with replacement, many times; the interval holds the middle 95 % of the means.
    It is too narrow for a handful of values, which cannot tell what they have not seen. Source: Efron 1979.
    """
    values = np.asarray(list(values), dtype=np.float64)
    if len(values) < 2:
        return float("nan"), float("nan")
    draws = np.random.default_rng(0).choice(values, (resamples, len(values)))
    low, high = np.percentile(draws.mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def paired(table: pd.DataFrame, metric: str, *, by: str = "setting", against: str = "plain") -> pd.DataFrame:
    """What each setting changes of a metric, seed by seed.

        difference = mean over the seeds s of  metric(setting, s) - metric(against, s)

    Two runs of one seed share weights, noise and order of images, so much of what differs from seed to seed cancels.
    table: one row a training, with the columns `by`, "seed" and `metric`; rows without a value are left out.
    Returns a row a setting, in the table's order: seeds (how many are paired), mean, difference, low, high (`interval`
    of the paired differences; both NaN for `against`, whose difference is 0).
    Raises ValueError if a column or the setting `against` is missing, or a setting has one seed twice.
    """
    if missing := [column for column in (by, "seed", metric) if column not in table]:
        raise ValueError(f"the table has no column {missing[0]!r}; it has {', '.join(table.columns)}")
    table = table.dropna(subset=[metric])
    if against not in set(table[by]):
        raise ValueError(f"no run has {by} = {against!r} and a {metric}: choose one of {', '.join(set(table[by]))}")
    if table.duplicated([by, "seed"]).any():
        twice = table[table.duplicated([by, "seed"])].iloc[0]
        raise ValueError(f"{by} = {twice[by]!r} has seed {twice['seed']} twice: keep one of the runs")
    wide = table.pivot(index="seed", columns=by, values=metric)
    rows = []
    for setting in dict.fromkeys(table[by]):
        difference = (wide[setting] - wide[against]).dropna()
        low, high = (np.nan, np.nan) if setting == against else interval(difference)
        rows.append((setting, len(difference), wide[setting].mean(), difference.mean(), low, high))
    return pd.DataFrame(rows, columns=[by, "seeds", "mean", "difference", "low", "high"])


def verdict(low: float, high: float) -> str:
    """What the interval of a difference allows to say: "higher", "lower", or "no difference found"."""
    if low > 0:
        return "higher"
    return "lower" if high < 0 else "no difference found"
