import math
import re

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu

from gan_lab.measure.coverage import copying, fidelity, nearest


def normal(n, features=4, seed=0):
    return torch.randn(n, features, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# Precision, recall, density and coverage


def test_three_real_and_two_fake_points_on_a_line():
    real, fake = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([[0.5], [6.0]])
    # k = 1: balls [-1, 1], [0, 2], [1, 5] round the real points, [-5, 6] and [0.5, 11.5] round the fake ones
    found = fidelity(real, fake, k=1)
    assert found.precision == pytest.approx(1 / 2)  # 0.5 lies in real balls, 6 in none
    assert found.density == pytest.approx((2 + 0) / 2)  # 0.5 lies in two of them
    assert found.coverage == pytest.approx(2 / 3)  # the ball round 3 is empty
    assert found.recall == pytest.approx(1)


def test_points_without_a_kth_neighbour_have_no_neighbourhood():
    for found in (fidelity(normal(5), normal(9)), fidelity(normal(9), normal(3), k=3)):
        assert all(map(math.isnan, found))
    assert fidelity(normal(6), normal(6)).coverage >= 0


@pytest.mark.parametrize("k", [1, 3, 5])
def test_of_the_real_points_themselves_each_ball_holds_k_and_its_centre(k):
    real = normal(60)
    assert fidelity(real, real, k=k) == pytest.approx((1, 1, (k + 1) / k, 1))


def test_far_from_the_data_all_is_zero():
    assert fidelity(normal(50), normal(50, seed=1) + 100) == (0, 0, 0, 0)


def test_a_generator_that_makes_one_of_two_classes_is_precise_but_not_complete():
    left, right = normal(200), normal(200, seed=1) + 100
    found = fidelity(torch.cat([left, right]), left)
    assert (found.precision, found.recall, found.coverage) == pytest.approx((1, 0.5, 0.5))


def test_half_of_the_samples_nowhere_halves_the_precision():
    real = normal(200)
    found = fidelity(real, torch.cat([real, normal(200, seed=1) + 100]))
    assert (found.precision, found.density, found.coverage) == pytest.approx((0.5, 1.2 / 2, 1))


def test_one_stray_real_image_makes_anything_precise_but_not_dense():
    real = torch.cat([normal(200), torch.full((1, 4), 50.0, dtype=torch.float64)])
    found = fidelity(real, normal(200, seed=1) / 100 + 20)  # between the data and the stray one
    assert found.precision == 1 and found.density == pytest.approx(1 / 5) and found.coverage == pytest.approx(1 / 201)


@pytest.mark.parametrize(("N", "M", "k"), [(20, 20, 1), (20, 30, 3), (30, 10, 5)])
def test_on_average_two_sets_of_one_law_have_density_one_and_the_coverage_of_the_docstring(N, M, k):
    draws = [fidelity(normal(N, 2, seed=2 * s), normal(M, 2, seed=2 * s + 1), k=k) for s in range(400)]
    coverage = 1 - math.prod((N - i) / (M + N - i) for i in range(1, k + 1))
    error = np.std(draws, axis=0) / math.sqrt(len(draws))
    assert np.mean([d.density for d in draws]) == pytest.approx(1, abs=4 * error[2])
    assert np.mean([d.coverage for d in draws]) == pytest.approx(coverage, abs=4 * error[3])


def test_fidelity_does_not_depend_on_order_place_size_and_direction():
    real, fake = normal(80), 0.7 * normal(60, seed=1)
    turn = torch.linalg.qr(normal(4, seed=2)).Q
    expected = fidelity(real, fake)
    assert min(expected) > 0 and expected.recall < 1
    assert fidelity(real.flip(0), fake.roll(17, 0)) == pytest.approx(expected)
    assert fidelity(3 * real @ turn + 5, 3 * fake @ turn + 5) == pytest.approx(expected)


def test_precision_is_recall_with_the_roles_exchanged():
    real, fake = normal(80), 0.7 * normal(60, seed=1)
    assert fidelity(real, fake).precision == fidelity(fake, real).recall


# Memorisation


def test_the_nearest_is_that_of_all_pairs():
    x, train = normal(300), normal(70, seed=1)
    found, pairs = nearest(x, train), cdist(x, train)
    assert found.which.tolist() == pairs.argmin(1).tolist()
    assert found.distance.tolist() == pytest.approx(pairs.min(1).tolist())


def test_a_copied_image_is_found_and_its_distance_is_zero():
    train = 2 * torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)) - 1
    copied = torch.tensor([7, 0, 39, 7])
    found = nearest(train[copied], train)
    assert torch.equal(found.which, copied) and found.distance.tolist() == [0, 0, 0, 0]


def test_a_pixel_black_instead_of_white_is_a_distance_of_two():
    white, one_black = torch.ones(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    one_black[0, 0, 3, 4] = -1
    assert nearest(one_black, white).distance.item() == pytest.approx(2)


def test_the_nearest_is_found_far_from_the_origin():
    x, train = normal(50), normal(70, seed=1)
    assert torch.equal(nearest(x + 1e5, train + 1e5).which, nearest(x, train).which)


def test_copying_is_one_half_for_equals_and_one_for_copies():
    held_out = torch.tensor([1.0, 2.0, 3.0])
    assert copying(held_out, held_out) == pytest.approx(1 / 2)
    assert copying(torch.zeros(5), held_out) == 1
    assert copying(torch.full((5,), 4.0), held_out) == 0
    assert copying(torch.tensor([1.5]), held_out) == pytest.approx(2 / 3)
    assert copying(torch.tensor([2.0]), held_out) == pytest.approx((1 + 1 / 2) / 3)


def test_copying_is_the_mann_whitney_statistic():
    a, b = normal(30, 1).flatten().round(decimals=1), normal(40, 1, seed=1).flatten().round(decimals=1)  # with ties
    assert copying(a, b) == pytest.approx(mannwhitneyu(b, a).statistic / (30 * 40))
    assert copying(a, b) + copying(b, a) == pytest.approx(1)


# What cannot be used is named


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: fidelity(normal(9), normal(9), k=0), "k is 0"),
        (lambda: fidelity(normal(9, 4), normal(9, 3)), "real has 4 features a point, fake 3"),
        (lambda: fidelity(normal(9), torch.zeros(9)), "fake has shape (9,)"),
        (lambda: fidelity(normal(9), torch.full((9, 4), math.inf)), "fake has a value that is NaN or infinite"),
        (lambda: nearest(torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 8, 8)), "(1, 4, 4) and train of (1, 8, 8)"),
        (lambda: nearest(torch.zeros(2, 3), torch.zeros(0, 3)), "train has 0 points"),
        (lambda: nearest(torch.full((2, 3), math.nan), torch.zeros(2, 3)), "x has a value that is NaN"),
        (lambda: copying(torch.zeros(0), torch.zeros(3)), "samples has 0 points"),
        (lambda: copying(torch.zeros(3), torch.tensor([math.nan])), "held_out has a value that is NaN"),
        (lambda: copying(torch.zeros(3, 2), torch.zeros(3)), "samples has shape (3, 2, 1)"),
    ],
)
def test_what_makes_no_neighbourhood_is_refused(call, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        call()
