import math
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn

from gan_lab.data.images import load_images
from gan_lab.measure.classifier import BUNDLED, load_classifier
from gan_lab.measure.evaluation import class_accuracy, class_entropy, evaluate, fid, kid
from gan_lab.measure.features import features_of


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


# FID


def test_fid_of_independent_features_is_the_distance_of_means_and_deviations():
    a, b = torch.tensor([1.0, 4.0, 9.0]).double(), torch.tensor([4.0, 4.0, 1.0]).double()
    real, fake = with_moments(torch.zeros(3), a.diag()), with_moments(torch.tensor([1.0, 2.0, 2.0]), b.diag(), seed=1)
    assert fid(real, fake) == pytest.approx(1 + 4 + 4 + ((1 - 2) ** 2 + 0 + (3 - 1) ** 2))


def test_fid_is_the_frechet_distance_of_two_normal_laws():
    m, A, B = torch.tensor([1.0, 0.0, -2.0, 0.5]), covariance(7), covariance(8)
    root = sqrtm((A @ B).numpy()).real
    expected = m.square().sum() + torch.trace(A + B) - 2 * np.trace(root)
    assert fid(with_moments(0 * m, A), with_moments(m, B, n=70, seed=1)) == pytest.approx(expected.item())


def test_fid_of_the_same_images_is_zero():
    assert fid(normal(80), normal(80)) == pytest.approx(0, abs=1e-6)


def test_fid_of_a_shift_is_its_square():
    assert fid(normal(80), normal(80) + torch.tensor([3.0, 0, 4.0, 0])) == pytest.approx(25)


def test_fid_does_not_depend_on_order_direction_and_place_and_grows_with_the_square_of_the_scale():
    real, fake = normal(80), 0.5 * normal(60, seed=1) + 1
    turn = torch.linalg.qr(normal(4, seed=2)).Q
    expected = fid(real, fake)
    assert fid(fake, real) == pytest.approx(expected)
    assert fid(real.flip(0), fake.roll(7, 0)) == pytest.approx(expected)
    assert fid(real @ turn + 3, fake @ turn + 3) == pytest.approx(expected)
    assert fid(2 * real, 2 * fake) == pytest.approx(4 * expected)


def test_fid_is_not_defined_of_as_few_images_as_features():
    assert np.isnan([fid(normal(4), normal(80)), fid(normal(80), normal(4))]).all()
    assert fid(normal(5), normal(80)) > 0


def test_kid_is_not_defined_of_a_single_image():
    assert np.isnan([kid(normal(1), normal(80)), kid(normal(2), normal(1))]).all()
    assert np.isfinite(kid(normal(2), normal(2)))


def test_fid_of_fewer_images_is_larger():
    means = [np.mean([fid(normal(n, seed=2 * s), normal(n, seed=2 * s + 1)) for s in range(30)]) for n in (10, 40, 160)]
    assert means[0] > means[1] > means[2]


# KID


def kernel(x, y):
    return (x @ y / len(x) + 1) ** 3


def test_kid_is_the_mean_over_pairs():
    x, y = normal(5, 3), normal(5, 3, seed=1) + 1
    within = [np.mean([kernel(s[i], s[j]) for i in range(5) for j in range(5) if i != j]) for s in (x, y)]
    across = np.mean([kernel(a, b) for a in x for b in y])
    assert kid(x, y) == pytest.approx(sum(within) - 2 * across)


def test_kid_of_two_sets_of_one_law_is_zero_on_average_at_any_size():
    for n in (10, 40):
        draws = [kid(normal(n, seed=2 * s), normal(n, seed=2 * s + 1)) for s in range(100)]
        assert np.mean(draws) == pytest.approx(0, abs=4 * np.std(draws) / 10)
        assert min(draws) < 0


def test_kid_of_two_laws_does_not_depend_on_how_many_there_are():
    means, errors = [], []
    for n in (10, 40):
        draws = [kid(normal(n, seed=2 * s), normal(n, seed=2 * s + 1) + 1) for s in range(100)]
        means.append(np.mean(draws))
        errors.append(np.std(draws) / 10)
    assert means[0] == pytest.approx(means[1], abs=4 * math.hypot(*errors)) and means[1] > 10 * errors[1]


def test_kid_does_not_depend_on_order_and_is_symmetric():
    real, fake = normal(60), normal(60, seed=1) + 0.5
    assert kid(real.flip(0), fake.roll(7, 0), seed=3) == pytest.approx(kid(real, fake))
    assert kid(fake, real) == pytest.approx(kid(real, fake))


def test_kid_of_sets_of_different_sizes_is_near_that_of_all_and_the_same_for_the_same_seed():
    real, fake = normal(1000), normal(300, seed=1) + 1
    assert kid(real, fake, seed=4) == kid(real, fake, seed=4) != kid(real, fake, seed=5)
    assert kid(real, fake) == pytest.approx(kid(real[:300], fake), rel=0.2)


def test_kid_leaves_the_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    kid(normal(9), normal(8))
    assert torch.equal(torch.rand(2), expected)


# Classes


def test_class_accuracy_is_the_share_of_each_class_that_is_seen():
    seen, y = torch.tensor([0, 0, 1, 2, 2, 0]), torch.tensor([0, 0, 0, 2, 2, 1])
    assert class_accuracy(nn.functional.one_hot(seen).double(), y).tolist() == pytest.approx([2 / 3, 0, 1])


@pytest.mark.parametrize("K", [2, 5, 10])
def test_the_entropy_of_equal_classes_is_log_K_and_of_one_is_zero(K):
    assert class_entropy(torch.arange(3 * K) % K, K) == pytest.approx(math.log(K))
    assert class_entropy(torch.full((7,), K - 1), K) == 0


def test_the_entropy_of_one_half_one_quarter_one_quarter():
    labels = torch.tensor([0, 0, 1, 2])
    assert class_entropy(labels, 3) == pytest.approx(1.5 * math.log(2))
    assert class_entropy(labels, 9) == class_entropy(labels.flip(0), 3)


# All at once


@pytest.fixture(scope="module")
def digits():
    return load_images(), load_images(split="test"), load_classifier(BUNDLED)


def test_kid_of_two_halves_of_the_digits_is_zero_on_average_and_negative_with_equal_classes(digits):
    _, test, classifier = digits
    features, generator = features_of(classifier.features, test), torch.Generator().manual_seed(0)
    at_random, equal = [], []
    for _ in range(20):
        shuffled = torch.randperm(1495, generator=generator)
        by_class = shuffled[test.labels[shuffled].argsort(stable=True)].view(5, 299)
        at_random.append(kid(features[shuffled[:700]], features[shuffled[700:1400]]))
        equal.append(kid(features[by_class[:, :140].flatten()], features[by_class[:, 140:280].flatten()]))
    assert np.mean(at_random) == pytest.approx(0, abs=4 * np.std(at_random) / math.sqrt(20))
    assert max(equal) < 0


@pytest.fixture(scope="module")
def table(digits):
    """A generator that makes the digits 1 and 2 as they are, slightly noisy, whatever it is asked for."""
    train, test, classifier = digits
    x, _ = test.batch(test.labels < 2)
    x = (x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    return evaluate(x, train, test, classifier, torch.arange(len(x)) % 5)


def few(images, of_each):
    """The first images of each class."""
    index = torch.cat([(images.labels == k).nonzero().flatten()[:of_each] for k in range(len(images.classes))])
    return replace(images, pixels=images.pixels[index], labels=images.labels[index])


def test_each_column_is_of_the_same_number_of_images(table):
    assert list(table.columns) == ["samples", "real", "copies", "noise"]
    assert table.loc["images"].tolist() == [598] * 4


def test_real_images_are_the_floor(table):
    real = table["real"]
    assert real["FID"] < 0.5 and abs(real["KID"]) < 0.03
    assert real[["precision", "recall"]].min() > 0.9 and real["density"] == pytest.approx(1, abs=0.1)
    assert real["coverage"] == pytest.approx(1 - (1005 / (1005 + 598)) ** 5, abs=0.03)  # see `fidelity`
    assert real["class accuracy"] > 0.98 and real["class entropy / log K"] == pytest.approx(1, abs=0.01)
    assert real[["copying (in pixels)", "copying (in features)"]].tolist() == pytest.approx([0.5, 0.5], abs=0.05)


def test_noise_is_the_ceiling(table):
    noise, real = table["noise"], table["real"]
    assert noise["FID"] > 100 * real["FID"] and noise["KID"] > 1
    assert noise[["recall", "coverage", "copying (in pixels)", "copying (in features)"]].max() < 0.05
    assert noise["class accuracy"] == pytest.approx(1 / 5, abs=0.1)


def test_copies_are_better_than_real_images_but_for_copying(table):
    copies, real = table["copies"], table["real"]
    assert (
        copies["FID"] < real["FID"]
        and copies[["precision", "density", "recall"]].gt(real[["precision", "density", "recall"]]).all()
    )
    assert copies["nearest training image (median, in pixels)"] == 0
    assert copies[["copying (in pixels)", "copying (in features)"]].tolist() == [1, 1]


def test_two_digits_of_five_are_missed_by_precision_and_found_by_the_others(table):
    samples = table["samples"]
    assert samples["class entropy (nats)"] == pytest.approx(math.log(2), abs=0.05)
    assert samples["class accuracy"] == pytest.approx(1 / 5, abs=0.02)
    assert samples["recall"] < 0.5 and samples["coverage"] < 0.45 and samples["precision"] > 0.8
    assert table["real"]["FID"] < samples["FID"] < table["noise"]["FID"]


def test_the_table_is_the_same_for_the_same_seed_and_in_any_order_and_range(digits):
    train, test, classifier = few(digits[0], 20), few(digits[1], 20), digits[2]
    x, y = test.batch(slice(None))
    expected = evaluate(x, train, test, classifier, y, seed=3)
    assert evaluate(x, train, test, classifier, y, seed=3).equals(expected)
    order = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    assert np.allclose(evaluate(x[order], train, test, classifier, y[order], seed=3), expected, atol=1e-4)
    train, test = (replace(images, value_range=(0.0, 1.0)) for images in (train, test))
    assert np.allclose(evaluate((x + 1) / 2, train, test, classifier, y, seed=3), expected, atol=1e-4)


def test_with_another_network_it_compares_what_that_sees(digits):
    train, test, classifier = few(digits[0], 20), few(digits[1], 20), digits[2]
    x, _ = test.batch(slice(None))
    brightness = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    found = evaluate(x, train, test, classifier, features=brightness)
    assert found["samples"]["FID"] == pytest.approx(fid(features_of(brightness, train), features_of(brightness, x)))
    assert math.isnan(found["samples"]["class accuracy"]) and found["real"]["class accuracy"] > 0.9


def test_fid_is_left_open_where_there_are_too_few_images(digits):
    train, test, classifier = few(digits[0], 12), few(digits[1], 12), digits[2]
    found = evaluate(test.batch(slice(None))[0], train, test, classifier)
    assert found.loc["images"].tolist() == [60] * 4
    assert found.loc["FID"].isna().all() and found.drop("class accuracy").loc["KID":].notna().all(axis=None)


def test_class_accuracy_is_left_open_where_a_class_has_no_image(digits):
    train, test, classifier = few(digits[0], 12), few(digits[1], 12), digits[2]
    x, y = test.batch(test.labels > 0)
    found = evaluate(x, train, test, classifier, y)
    assert math.isnan(found["samples"]["class accuracy"]) and found["copies"]["class accuracy"] > 0.9


# What cannot be measured is named


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: fid(normal(80, 3), normal(80, 4)), "real has 3 features a point, fake 4"),
        (lambda: fid(normal(80), normal(80) / 0), "fake has a value that is NaN or infinite"),
        (lambda: kid(normal(9), normal(9)[:, 0]), "fake has shape (9,)"),
        (lambda: class_accuracy(torch.eye(3), torch.tensor([0, 1])), "y has shape (2,), but there are 3 images"),
        (lambda: class_accuracy(torch.eye(3), torch.tensor([0, 1, 3])), "y has labels from 0 to 3"),
        (lambda: class_accuracy(torch.eye(3), torch.tensor([0, 2, 2])), "of the 3 images none is of class 1"),
        (lambda: class_entropy(torch.tensor([]), 3), "there is no label"),
        (lambda: class_entropy(torch.tensor([0, 5]), 5), "labels go from 0 to 5, but the classes are 0 to 4"),
    ],
)
def test_what_is_too_little_or_does_not_fit_is_refused(call, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        call()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"samples": torch.zeros(9, 1, 28, 28)}, "samples are (1, 28, 28), images (1, 32, 32)"),
        ({"samples": torch.full((9, 1, 32, 32), 2.0)}, "samples has values from 2 to 2"),
        ({"samples": torch.full((9, 1, 32, 32), math.nan)}, "9216 of 9216 values in samples are NaN"),
        ({"samples": torch.zeros(5, 1, 32, 32)}, "there are 5 samples, 1005 training and 1495 held-out images"),
        ({"y": torch.zeros(8).long()}, "y has shape (8,), but there are 9 samples"),
    ],
)
def test_what_does_not_fit_together_is_refused(digits, change, named):
    train, test, classifier = digits
    arguments = {"samples": torch.zeros(9, 1, 32, 32), "images": train, "held_out": test, "classifier": classifier}
    with pytest.raises(ValueError, match=re.escape(named)):
        evaluate(**arguments | change)


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ({"size": 28}, "images have shape (1, 32, 32), held_out has (1, 28, 28)"),
        ({"value_range": (0.0, 1.0)}, "images have value_range (-1.0, 1.0), held_out has (0.0, 1.0)"),
    ],
)
def test_images_loaded_in_two_ways_are_refused(digits, argument, named):
    train, _, classifier = digits
    with pytest.raises(ValueError, match=re.escape(named)):
        evaluate(torch.zeros(9, 1, 32, 32), train, load_images(split="test", **argument), classifier)


def test_a_classifier_of_other_classes_is_refused(digits):
    train, test, classifier = digits
    with pytest.raises(ValueError, match="the classifier knows 5 classes"):
        evaluate(
            torch.zeros(9, 1, 32, 32),
            *(replace(images, classes=tuple("abcdefg")) for images in (train, test)),
            classifier,
        )


def test_torchmetrics_is_not_imported_before_it_is_needed():
    listing = "import sys, gan_lab.measure.evaluation; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "gan_lab.measure.evaluation" in imported and not imported & {"torchmetrics", "scipy", "matplotlib"}
