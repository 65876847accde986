import math
import re
from dataclasses import replace

import pytest
import torch
from torch import nn

from gan_lab.data.images import load_images
from gan_lab.measure.classifier import BUNDLED, load_classifiers
from gan_lab.measure.features import accuracy, features_of
from gan_lab.measure.per_class import by_class, class_accuracy, class_entropy, gan_train, spread


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


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: class_accuracy(torch.eye(3), torch.tensor([0, 1])), "y has shape (2,), but there are 3 images"),
        (lambda: class_accuracy(torch.eye(3), torch.tensor([0, 1, 3])), "y has labels from 0 to 3"),
        (lambda: class_accuracy(torch.eye(3), torch.tensor([0, 2, 2])), "of the 3 images none is of class 1"),
        (lambda: class_entropy(torch.tensor([]), 3), "there is no label"),
        (lambda: class_entropy(torch.tensor([0, 5]), 5), "labels go from 0 to 5, but the classes are 0 to 4"),
    ],
)
def test_what_has_no_class_is_refused(call, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        call()


@pytest.fixture(scope="module")
def digits():
    return load_images(), load_images(split="test"), load_classifiers(BUNDLED)[0]


def test_the_spread_of_three_points_is_the_mean_of_their_three_distances():
    assert spread(torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]])) == pytest.approx((5 + 3 + 4) / 3)


def test_the_spread_of_a_normal_law_is_the_mean_length_of_a_difference_at_any_size():
    """x - y ~ N(0, 2 I) in F dimensions, whose mean length is 2 Gamma((F + 1) / 2) / Gamma(F / 2)."""
    truth = 2 * math.gamma(2.5) / math.gamma(2)
    random = torch.Generator().manual_seed(0)
    for n in (3, 30):
        draws = torch.tensor([spread(torch.randn(n, 4, generator=random)) for _ in range(300)])
        assert draws.mean().item() == pytest.approx(truth, abs=4 * draws.std().item() / 300**0.5)


def test_the_spread_of_copies_is_zero_and_of_one_point_undefined():
    assert spread(torch.ones(5, 3)) == 0
    with pytest.raises(ValueError, match="2 are the least"):
        spread(torch.ones(1, 3))


def test_held_out_images_in_place_of_samples_are_as_varied_as_themselves_and_cover_all(digits):
    _, held_out, classifier = digits
    x, y = held_out.batch(slice(None))
    table = by_class(x, held_out, classifier, y)
    assert list(table.index) == list(held_out.classes)
    assert table["coverage"].tolist() == [1] * 5
    assert table["share"].sum() == pytest.approx(1)
    assert table["variety"].tolist() == pytest.approx([1] * 5, abs=0.03)  # 99 % are sorted as they are labelled
    assert table["GAN-test"].mean() == pytest.approx(accuracy(classifier, held_out))


def test_training_images_are_as_good_as_samples_can_be(digits):
    train, held_out, classifier = digits
    table = by_class(train.batch(slice(None))[0], held_out, classifier)
    assert table["GAN-test"].isna().all()
    assert table["variety"].tolist() == pytest.approx([1] * 5, abs=0.1)
    assert table["coverage"].min() > 0.8


def test_a_generator_with_one_drawing_a_class_is_always_right_and_has_no_variety(digits):
    train, held_out, classifier = digits
    first = torch.tensor([(train.labels == k).nonzero()[0].item() for k in range(5)])
    x, y = train.batch(first.repeat_interleave(20))
    table = by_class(x, held_out, classifier, y)
    assert table["GAN-test"].tolist() == [1] * 5
    assert table["variety"].tolist() == pytest.approx([0] * 5, abs=1e-6)
    assert table["coverage"].max() < 0.1


def test_a_class_that_is_never_seen_has_no_share_and_no_variety(digits):
    train, held_out, classifier = digits
    x, _ = train.batch(features_of(classifier, train).argmax(1) != 4)
    table = by_class(x, held_out, classifier)
    without, others = table.iloc[4], table.iloc[:4]
    assert without["share"] == without["variety"] == 0 and without["coverage"] < 0.2
    assert others["coverage"].min() > 0.8


def test_the_range_of_the_values_changes_nothing(digits):
    train, held_out, classifier = digits
    x, y = train.batch(slice(0, None, 10))
    in_bytes = by_class(255 * (x + 1) / 2, replace(held_out, value_range=(0.0, 255.0)), classifier, y)
    torch.testing.assert_close(torch.tensor(in_bytes.values), torch.tensor(by_class(x, held_out, classifier, y).values))


def test_gan_train_is_high_for_real_images_and_low_if_right_classes_have_one_drawing_each(digits):
    train, held_out, _ = digits
    x, y = train.batch(slice(None))
    first = torch.tensor([(train.labels == k).nonzero()[0].item() for k in range(5)]).repeat(40)
    real, one_each = gan_train(x, y, held_out, steps=60), gan_train(*train.batch(first), held_out, steps=60)
    assert real > 0.9
    assert one_each < real - 0.2


def test_gan_train_with_labels_that_mean_nothing_is_chance(digits):
    train, held_out, _ = digits
    x, y = train.batch(slice(None))
    mixed = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(0))]
    found = [gan_train(x, mixed, held_out, steps=40, seed=seed) for seed in range(6)]
    assert sum(found) / 6 == pytest.approx(1 / 5, abs=0.15)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda x, held_out: (x, replace(held_out, classes=tuple("abcdef"))), "knows 5 classes, the images have 6"),
        (lambda x, held_out: (3 * x, held_out), r"samples has values from -3 to 3"),
    ],
)
def test_what_does_not_fit_together_is_refused(digits, change, says):
    train, held_out, classifier = digits
    x, held_out = change(train.batch(slice(0, 50))[0], held_out)
    with pytest.raises(ValueError, match=says):
        by_class(x, held_out, classifier)


def few_of_each(held_out):
    index = torch.cat([(held_out.labels == k).nonzero().flatten()[:4] for k in range(5)])
    return replace(held_out, pixels=held_out.pixels[index], labels=held_out.labels[index])


def one_class_of_equal_images(held_out):
    pixels = held_out.pixels.clone()
    pixels[held_out.labels == 0] = pixels[held_out.labels == 0][:1].clone()
    return replace(held_out, pixels=pixels)


@pytest.mark.parametrize(("change", "n"), [(few_of_each, 4), (one_class_of_equal_images, r"\d+")])
def test_a_class_of_too_few_or_equal_images_is_named(digits, change, n):
    train, held_out, classifier = digits
    with pytest.raises(
        ValueError, match=rf"class 'Class 1' of digits has {n} images to compare with, .*: hold out 6 different"
    ):
        by_class(train.batch(slice(0, 100))[0], change(held_out), classifier)
