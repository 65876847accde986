from itertools import combinations
from math import sqrt

import pytest
import torch

from gan_lab.measure.jackknife import kernel_distance_interval, without_each
from gan_lab.measure.metrics import kernel_distance


def normal(n: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + shift


def test_the_value_is_the_mean_kernel_distance_of_the_networks() -> None:
    real, fake = [normal(50, 0), normal(50, 1)], [normal(50, 2, 0.3), normal(50, 3, 0.1)]
    found = kernel_distance_interval(real, fake)
    each = [kernel_distance(x, y) for x, y in zip(real, fake, strict=True)]
    assert found.value == pytest.approx(sum(each) / 2) and found.low < found.value < found.high


def test_without_a_sample_it_is_the_distance_of_the_others() -> None:
    x, y = normal(20, 0), normal(9, 1, 0.5)
    _, without = without_each(x, y)
    for j in range(9):
        assert without[j] == pytest.approx(without_each(x, torch.cat([y[:j], y[j + 1 :]]))[0])


def test_the_interval_is_1_96_times_the_jackknife_s_standard_error() -> None:
    """By hand from single pairs of points, with the distance of two networks without the same sample each time."""

    def k(a: torch.Tensor, b: torch.Tensor) -> float:
        return (float(a @ b) / 6 + 1) ** 3

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    def distance(x: list[torch.Tensor], y: list[torch.Tensor]) -> float:
        among_x, among_y = ([k(a, b) for a, b in combinations(points, 2)] for points in (x, y))
        return mean(among_x) + mean(among_y) - 2 * mean([k(a, b) for a in x for b in y])

    real, fake = [normal(6, 0), normal(6, 1)], [normal(5, 2, 0.3), normal(5, 3, 0.1)]
    pairs = [(list(x), list(y)) for x, y in zip(real, fake, strict=True)]
    each = [mean([distance(x, y[:j] + y[j + 1 :]) for x, y in pairs]) for j in range(5)]
    s = sqrt(4 / 5 * sum((one - mean(each)) ** 2 for one in each))
    value = mean([distance(x, y) for x, y in pairs])
    assert kernel_distance_interval(real, fake) == pytest.approx((value, value - 1.96 * s, value + 1.96 * s))


def test_of_100_draws_from_one_generator_about_95_intervals_hold_the_mean() -> None:
    real = [normal(80, 0)]
    found = [kernel_distance_interval(real, [normal(80, seed, 0.4)]) for seed in range(1, 101)]
    truth = sum(one.value for one in found) / 100
    assert 88 <= sum(one.low <= truth <= one.high for one in found) <= 100
