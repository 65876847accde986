"""How far a kernel distance may be off because only so many samples were drawn."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lab.measure.coverage import pair

NORMAL = 1.96  # the 97.5 % quantile of the standard normal distribution


class Measured(NamedTuple):
    """A kernel distance and its 95 % interval."""

    value: float
    low: float
    high: float


def kernel_distance_interval(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Measured:
    """The mean kernel distance over several networks, and where it may lie for other samples of the same generator.

        value ± 1.96 s,   s² = (M - 1) / M  sum_j (K_j - mean)²

    K_j is the distance without sample j, of all networks together, for these see the samples alike: the jackknife. The
    real images stay as they are. So the interval tells whether other noise would give another number; of another
    training, or of other real images, it tells nothing.

    real: for each network the features (N, F) of the real images; fake: those of the samples, (M, F). NaN for M < 3.
    Raises ValueError for features of different lengths, and values that are not finite.
    Source: Efron & Stein 1981, whose s² is too large rather than too small.
    """
    found = [without_each(*pair(x, y)) for x, y in zip(real, fake, strict=True)]
    value = sum(whole for whole, _ in found) / len(found)
    each = torch.stack([without for _, without in found]).mean(0)
    reach = NORMAL * math.sqrt((len(each) - 1) / len(each) * float((each - each.mean()).square().sum()))
    return Measured(value, value - reach, value + reach)


def without_each(x: Tensor, y: Tensor) -> tuple[float, Tensor]:
    """The kernel distance of real x (N, F) and fake y (M, F), and what it is without each of the y in turn, (M,).

    It is that of `metrics.kernel_distance`, but where N is not M that one draws subsets, and this is of all of them.
    """
    N, M = len(x), len(y)
    among_x, among_y, between = kernel(x, x), kernel(y, y), kernel(x, y)
    of_x = (among_x.sum() - among_x.trace()) / (N * (N - 1))
    row, column = among_y.sum(1) - among_y.diagonal(), between.sum(0)  # the share of each y, (M,)
    value = of_x + row.sum() / (M * (M - 1)) - 2 * column.sum() / (N * M)
    without = (row.sum() - 2 * row) / ((M - 1) * (M - 2)) - 2 * (column.sum() - column) / (N * (M - 1))
    return float(value), of_x + without


def kernel(x: Tensor, y: Tensor) -> Tensor:
    """(x.y / F + 1)^3 of x (N, F) and y (M, F): (N, M)."""
    k: Tensor = (x @ y.T / x.shape[1] + 1) ** 3
    return k
