import math
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from gan_lab.data.images import load_images
from gan_lab.measure.classifier import BUNDLED, load_classifiers
from gan_lab.measure.features import features_of
from gan_lab.measure.metrics import frechet_distance, kernel_distance


def normal(n, features=4, seed=0):
    return torch.randn(n, features, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def with_moments(mean, covariance, n=50, seed=0):
    """n points with exactly this mean and (unbiased) covariance."""
    x = normal(n, len(mean), seed)
    x = x - x.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(x.T.cov()), x.T, upper=False).T
    return white @ torch.linalg.cholesky(covariance).T + mean


def covariance(seed):
    a = normal(4, 4, seed)
    return a @ a.T + torch.eye(4)


# Fréchet


def test_the_frechet_distance_of_independent_features_is_the_distance_of_means_and_deviations():
    a, b = torch.tensor([1.0, 4.0, 9.0]).double(), torch.tensor([4.0, 4.0, 1.0]).double()
    real, fake = with_moments(torch.zeros(3), a.diag()), with_moments(torch.tensor([1.0, 2.0, 2.0]), b.diag(), seed=1)
    assert frechet_distance(real, fake) == pytest.approx(1 + 4 + 4 + ((1 - 2) ** 2 + 0 + (3 - 1) ** 2))


def test_the_frechet_distance_is_the_frechet_distance_of_two_normal_distributions():
    m, A, B = torch.tensor([1.0, 0.0, -2.0, 0.5]), covariance(7), covariance(8)
    root = sqrtm((A @ B).numpy()).real
    expected = m.square().sum() + torch.trace(A + B) - 2 * np.trace(root)
    assert frechet_distance(with_moments(0 * m, A), with_moments(m, B, n=70, seed=1)) == pytest.approx(expected.item())


def test_the_frechet_distance_of_the_same_images_is_zero():
    assert frechet_distance(normal(80), normal(80)) == pytest.approx(0, abs=1e-6)


def test_the_frechet_distance_of_a_shift_is_its_square():
    assert frechet_distance(normal(80), normal(80) + torch.tensor([3.0, 0, 4.0, 0])) == pytest.approx(25)


def test_the_frechet_distance_does_not_depend_on_order_direction_and_place_and_grows_with_the_square_of_the_scale():
    real, fake = normal(80), 0.5 * normal(60, seed=1) + 1
    turn = torch.linalg.qr(normal(4, seed=2)).Q
    expected = frechet_distance(real, fake)
    assert frechet_distance(fake, real) == pytest.approx(expected)
    assert frechet_distance(real.flip(0), fake.roll(7, 0)) == pytest.approx(expected)
    assert frechet_distance(real @ turn + 3, fake @ turn + 3) == pytest.approx(expected)
    assert frechet_distance(2 * real, 2 * fake) == pytest.approx(4 * expected)


def test_the_frechet_distance_is_not_defined_of_as_few_images_as_features():
    assert np.isnan([frechet_distance(normal(4), normal(80)), frechet_distance(normal(80), normal(4))]).all()
    assert frechet_distance(normal(5), normal(80)) > 0


def test_the_kernel_distance_is_not_defined_of_a_single_image():
    assert np.isnan([kernel_distance(normal(1), normal(80)), kernel_distance(normal(2), normal(1))]).all()
    assert np.isfinite(kernel_distance(normal(2), normal(2)))


def test_the_frechet_distance_of_fewer_images_is_larger():
    means = [
        np.mean([frechet_distance(normal(n, seed=2 * s), normal(n, seed=2 * s + 1)) for s in range(30)])
        for n in (10, 40, 160)
    ]
    assert means[0] > means[1] > means[2]


# Kernel


def kernel(x, y):
    return (x @ y / len(x) + 1) ** 3


def test_the_kernel_distance_is_the_mean_over_pairs():
    x, y = normal(5, 3), normal(5, 3, seed=1) + 1
    within = [np.mean([kernel(s[i], s[j]) for i in range(5) for j in range(5) if i != j]) for s in (x, y)]
    across = np.mean([kernel(a, b) for a in x for b in y])
    assert kernel_distance(x, y) == pytest.approx(sum(within) - 2 * across)


def test_the_kernel_distance_of_two_sets_of_one_distribution_is_zero_on_average_at_any_size():
    for n in (10, 40):
        draws = [kernel_distance(normal(n, seed=2 * s), normal(n, seed=2 * s + 1)) for s in range(100)]
        assert np.mean(draws) == pytest.approx(0, abs=4 * np.std(draws) / 10)
        assert min(draws) < 0


def test_the_kernel_distance_of_two_distributions_does_not_depend_on_how_many_there_are():
    means, errors = [], []
    for n in (10, 40):
        draws = [kernel_distance(normal(n, seed=2 * s), normal(n, seed=2 * s + 1) + 1) for s in range(100)]
        means.append(np.mean(draws))
        errors.append(np.std(draws) / 10)
    assert means[0] == pytest.approx(means[1], abs=4 * math.hypot(*errors)) and means[1] > 10 * errors[1]


def test_the_kernel_distance_does_not_depend_on_order_and_is_symmetric():
    real, fake = normal(60), normal(60, seed=1) + 0.5
    assert kernel_distance(real.flip(0), fake.roll(7, 0), seed=3) == pytest.approx(kernel_distance(real, fake))
    assert kernel_distance(fake, real) == pytest.approx(kernel_distance(real, fake))


def test_the_kernel_distance_of_sets_of_different_sizes_is_near_that_of_all_and_the_same_for_the_same_seed():
    real, fake = normal(1000), normal(300, seed=1) + 1
    assert (
        kernel_distance(real, fake, seed=4)
        == kernel_distance(real, fake, seed=4)
        != kernel_distance(real, fake, seed=5)
    )
    assert kernel_distance(real, fake) == pytest.approx(kernel_distance(real[:300], fake), rel=0.2)


def test_the_kernel_distance_leaves_the_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    kernel_distance(normal(9), normal(8))
    assert torch.equal(torch.rand(2), expected)


# The bundled digits


def test_the_kernel_distance_of_two_halves_of_the_digits_is_zero_on_average_and_negative_with_equal_classes():
    test, generator = load_images(split="test"), torch.Generator().manual_seed(0)
    features = features_of(load_classifiers(BUNDLED)[0].features, test)
    at_random, equal = [], []
    for _ in range(20):
        shuffled = torch.randperm(1495, generator=generator)
        by_class = shuffled[test.labels[shuffled].argsort(stable=True)].view(5, 299)
        at_random.append(kernel_distance(features[shuffled[:700]], features[shuffled[700:1400]]))
        equal.append(kernel_distance(features[by_class[:, :140].flatten()], features[by_class[:, 140:280].flatten()]))
    assert np.mean(at_random) == pytest.approx(0, abs=4 * np.std(at_random) / math.sqrt(20))
    assert max(equal) < 0


# What cannot be measured is named


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: frechet_distance(normal(80, 3), normal(80, 4)), "real has 3 features a point, fake 4"),
        (lambda: frechet_distance(normal(80), normal(80) / 0), "fake has a value that is NaN or infinite"),
        (lambda: kernel_distance(normal(9), normal(9)[:, 0]), "fake has shape (9,)"),
    ],
)
def test_what_is_too_little_or_does_not_fit_is_refused(call, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        call()


def test_torchmetrics_is_not_imported_before_it_is_needed():
    listing = "import sys, gan_lab.measure.metrics; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "gan_lab.measure.metrics" in imported and not imported & {"torchmetrics", "scipy", "matplotlib"}
