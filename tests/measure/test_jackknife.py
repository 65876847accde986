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


def test_of_100_draws_from_one_generator_about_95_intervals_hold_the_mean() -> None:
    real = [normal(80, 0)]
    found = [kernel_distance_interval(real, [normal(80, seed, 0.4)]) for seed in range(1, 101)]
    truth = sum(one.value for one in found) / 100
    assert 88 <= sum(one.low <= truth <= one.high for one in found) <= 100
