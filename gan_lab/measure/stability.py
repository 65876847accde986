"""How stable a training was, in numbers that are defined before it is run."""

import numpy as np
import pandas as pd

from gan_lab.run_folder import epochs_played


def epochs_until(measured: pd.DataFrame, metric: str, threshold: float) -> float:
    """The first epoch after which the metric lay below the threshold.

    measured: a run's epochs, in order; epochs in which the metric was not measured do not count. If it never lay below,
    this is one more than the last epoch: at least that long it would have taken. Raises ValueError as `values` does.
    """
    found = values(measured, metric)
    below = found.index[found < threshold]
    return float(below[0] if len(below) else found.index[-1] + 1)


def oscillation(table: pd.DataFrame, column: str, *, burn_in: float = 0.5) -> float:
    """The standard deviation of a column from its own straight line, after the burn-in, the first share of epochs.

        sqrt( sum (x - a - b t)² / (n - 2) ),   a + b t the line of least squares through the n values x at the epochs t

    A steady trend is no oscillation: a line gives 0, and noise of deviation s on a line gives about s. A sine gives its
    amplitude / sqrt(2), within a tenth, if at least two periods of it lie after the burn-in; a slower one passes partly
    for a trend. A bend in the trend still counts: choose the burn-in so that it is over. (The differences of
    neighbours, von Neumann's measure of noise, would not mind a bend, but neither would they see a slow oscillation.)
    table: a run's rounds, or its measured epochs. NaN of fewer than three values, or where one is not finite.
    Raises ValueError as `values` does, and for a burn-in outside [0, 1).
    """
    if not 0 <= burn_in < 1:
        raise ValueError(f"burn_in is a share of the epochs: at least 0 and below 1, not {burn_in}")
    x = values(table, column).to_numpy()
    t = epochs_played(table)[table[column].notna()].to_numpy()
    late = t > burn_in * t.max()
    x, t = x[late], t[late]
    if len(x) < 3 or not np.isfinite(x).all():
        return float("nan")
    x, t = x - x.mean(), t - t.mean()
    apart = x - (t @ x) / (t @ t) * t
    return float(np.sqrt(apart @ apart / (len(x) - 2)))


def values(table: pd.DataFrame, column: str) -> "pd.Series[float]":
    """A column by epoch, without its gaps. Raises ValueError if it is not there, or empty."""
    if column not in table or table[column].isna().all():
        there = ", ".join(table.columns.difference(["epoch", "round"], sort=False)) or "nothing"
        raise ValueError(f"{column} was not measured; measured was {there}")
    found: pd.Series[float] = table.set_index("epoch")[column].dropna()
    return found
