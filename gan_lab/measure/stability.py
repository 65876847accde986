"""How stable a training was, in numbers that are defined before it is run."""

import pandas as pd


def epochs_until(measured: pd.DataFrame, metric: str, threshold: float) -> float:
    """The first epoch after which the metric lay below the threshold.

    measured: a run's epochs, in order; epochs in which the metric was not measured do not count. If it never lay below,
    this is one more than the last epoch: at least that long it would have taken. Raises ValueError as `values` does.
    """
    found = values(measured, metric)
    below = found.index[found < threshold]
    return float(below[0] if len(below) else found.index[-1] + 1)


def oscillation(table: pd.DataFrame, column: str, *, burn_in: float = 0.5) -> float:
    """The standard deviation of a column after the burn-in, the first share of epochs; NaN of fewer than two values.

    table: a run's rounds, or its measured epochs. A slow trend counts as well: choose the burn-in so that it is over.
    Raises ValueError as `values` does, and for a burn-in outside [0, 1).
    """
    if not 0 <= burn_in < 1:
        raise ValueError(f"burn_in is a share of the epochs: at least 0 and below 1, not {burn_in}")
    found = values(table, column)
    return float(found[found.index > burn_in * found.index.max()].std())


def values(table: pd.DataFrame, column: str) -> "pd.Series[float]":
    """A column by epoch, without its gaps. Raises ValueError if it is not there, or empty."""
    if column not in table or table[column].isna().all():
        there = ", ".join(table.columns.difference(["epoch", "round"], sort=False)) or "nothing"
        raise ValueError(f"{column} was not measured; measured was {there}")
    found: pd.Series[float] = table.set_index("epoch")[column].dropna()
    return found
