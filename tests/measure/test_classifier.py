import re

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.data.images import ImageSet, load_images
from gan_lab.measure import classifier
from gan_lab.measure.classifier import (
    BUNDLED,
    SEEDS,
    Classifier,
    Gray32,
    are_bundled_digits,
    classifiers_for,
    load_classifiers,
    moved,
    train_classifier,
)
from gan_lab.measure.features import accuracy, features_of
from gan_lab.measure.outliers import KINDS, outliers, shuffled_patches
from gan_lab.measure.random_numbers import seeded


def bars(n=60, name="bars"):
    """Three classes of noisy pictures: a light upper half, a light lower half, a light left half."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 100, (n, 1, 32, 32), dtype=torch.uint8, generator=generator)
    pixels[0::3, :, :16] += 100
    pixels[1::3, :, 16:] += 100
    pixels[2::3, :, :, :16] += 100
    return ImageSet(pixels, torch.arange(n) % 3, ("up", "down", "left"), name)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


# The bundled ones


def test_the_bundled_classifiers_know_as_many_held_out_digits_as_their_card_says():
    card = BUNDLED.with_suffix(".md").read_text()
    known = [round(1495 * accuracy(each, load_images(split="test"))) for each in load_classifiers(BUNDLED)]
    assert f"they know {known[0]}, {known[1]} and {known[2]} of them" in card


def test_their_features_are_standardised_over_digits_and_outliers():
    x, _ = load_images().batch(slice(None))
    with seeded(0):
        seen = torch.cat([moved(x), outliers(moved(x[torch.randperm(len(x))[: len(x) // 4]]))])
    for each in load_classifiers(BUNDLED):
        features = features_of(each.features, seen)
        assert features.shape == (1256, 64)
        assert features.mean(0).abs().max() < 0.2 and (features.var(0) - 1).abs().max() < 0.3


def test_they_say_of_outliers_that_they_show_no_digit():
    x, _ = load_images(split="test").batch(slice(0, None, 5))
    for each in load_classifiers(BUNDLED):
        with torch.no_grad(), seeded(1):
            none_of_outliers, none_of_digits = ((each.answers(part).argmax(1) == 5) for part in (outliers(x), x))
        assert none_of_outliers.double().mean() > 0.95 and none_of_digits.double().mean() < 0.02


def test_they_are_small_enough_to_be_in_the_repository():
    assert BUNDLED.stat().st_size < 1.5e6


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 1), (64, 3)])
def test_the_digits_have_the_bundled_classifiers_in_any_size(size, channels):
    train, test = (load_images(size=size, channels=channels, split=split) for split in ("train", "test"))
    for found, bundled in zip(classifiers_for(train), load_classifiers(BUNDLED), strict=True):
        assert same(found, bundled) and not found.training
        assert accuracy(found, test) > 0.985


def test_other_images_of_the_same_name_are_not_the_digits():
    assert are_bundled_digits(load_images())
    assert not are_bundled_digits(bars(name="digits"))
    assert not are_bundled_digits(load_images(split="test"))


def test_one_class_is_seen_with_the_eyes_of_the_digits_classifiers():
    images = ImageSet(bars().pixels, torch.zeros(60).long(), ("bars",), "bars")
    assert all(same(a, b) for a, b in zip(classifiers_for(images), load_classifiers(BUNDLED), strict=True))


# Outliers


def test_every_kind_of_outlier_is_made_in_the_range_and_is_another_image():
    x, _ = load_images().batch(slice(0, 400))
    with seeded(0):
        made = outliers(x)
        assert made.shape == x.shape and made.min() >= -1 and made.max() <= 1
        assert (made - x).flatten(1).abs().amax(1).min() > 0.1
        for of_kind in KINDS:
            assert of_kind(x).shape == x.shape


def test_each_kind_of_outlier_is_made_as_often_as_any_other(monkeypatch):
    """Kinds that paint all of an image in a gray of their own tell how many images were given to each."""
    K, n = len(KINDS), 8000
    grays = torch.linspace(-1, 1, K)
    monkeypatch.setattr("gan_lab.measure.outliers.KINDS", [lambda x, gray=gray: gray.expand_as(x) for gray in grays])
    with seeded(0):
        made = outliers(torch.zeros(n, 1, 1, 1)).flatten()
    share = (made[:, None] == grays).double().mean(0)
    assert share.tolist() == pytest.approx([1 / K] * K, abs=4 * (1 / K * (1 - 1 / K) / n) ** 0.5)


def test_shuffled_patches_are_the_sixteen_squares_in_one_other_order():
    x, _ = load_images().batch(slice(0, 9))
    with seeded(0):
        made = shuffled_patches(x)

    def sums(images):
        return torch.nn.functional.avg_pool2d(images, 8).flatten(1).sort(1).values

    assert torch.allclose(sums(made), sums(x), atol=1e-6) and not torch.allclose(made, x)


# Images of any size and colour


def test_gray_images_of_32_pixels_stay_as_they_are():
    x = torch.rand(3, 1, 32, 32)
    assert torch.equal(Gray32()(x), x)


def test_gray_in_three_channels_is_the_gray():
    x = torch.rand(3, 1, 32, 32)
    assert torch.allclose(Gray32()(x.expand(3, 3, 32, 32)), x)


def test_a_picture_becomes_what_load_images_makes_of_it(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    tmp_path.joinpath("a").mkdir()
    Image.fromarray(picture).save(tmp_path / "a" / "1.png")
    large, _ = load_images(tmp_path, size=64, channels=3).batch(slice(None))
    small, _ = load_images(tmp_path, size=32).batch(slice(None))
    assert (Gray32()(large) - small).abs().max() <= 2 / 127.5  # two roundings to bytes


def test_small_digits_are_enlarged_as_load_images_does():
    small, _ = load_images(size=28).batch(slice(20))
    large, _ = load_images(size=32).batch(slice(20))
    assert (Gray32()(small) - large).abs().max() <= 1 / 127.5


@pytest.mark.parametrize("shape", [(3, 32, 32), (5, 2, 32, 32), (5, 1, 32)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(ValueError, match=re.escape(str(shape))):
        Gray32()(torch.zeros(shape))


# Training


def test_it_learns_what_its_classes_are():
    images = bars()
    found = train_classifier(images, steps=60, batch_size=32)
    assert features_of(found, images).shape == (60, 3)
    assert accuracy(found, images) == 1
    brighter = ImageSet(images.pixels + 20, images.labels, images.classes, "bars")
    assert accuracy(found, brighter) == 1


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    a, b, c = (train_classifier(bars(), steps=3, batch_size=8, seed=seed) for seed in (0, 0, 1))
    assert same(a, b) and not same(a, c)


def test_the_random_numbers_outside_go_on_as_if_nothing_had_been_trained():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    train_classifier(bars(), steps=2, batch_size=8)
    assert torch.equal(torch.rand(2), expected)
    with seeded(5):
        assert torch.equal(torch.rand(2), expected)


def test_a_flat_picture_stays_flat_when_it_moves():
    assert torch.allclose(moved(torch.full((20, 1, 32, 32), 0.3)), torch.tensor(0.3))


def test_a_picture_moves_by_little_and_in_all_directions():
    x = -torch.ones(2000, 1, 32, 32)
    x[:, :, 15:17, 15:17] = 1  # a light in the middle: turning, scaling and slanting leave it there
    with seeded(0):
        light = (moved(x) + 1).squeeze(1)
    place = torch.arange(32) - 15.5
    shift = torch.stack([(light.sum(axis) * place).sum(1) / light.sum((1, 2)) for axis in (1, 2)])  # (2, 2000), pixels
    assert shift.abs().max() <= 2 * 1.4  # scaled by 0.9 and slanted, at most
    assert shift.abs().max(dim=1).values.min() > 1.8
    assert shift.mean(dim=1).abs().max() < 0.1


@pytest.mark.parametrize(
    ("labels", "classes", "named"),
    [([0, 0], ("one",), "bad has one class, 'one'"), ([0, 2], ("a", "b", "c"), "bad has no image of class 'b'")],
)
def test_classes_that_cannot_be_told_apart_are_refused(labels, classes, named):
    images = ImageSet(torch.zeros(2, 1, 32, 32, dtype=torch.uint8), torch.tensor(labels), classes, "bad")
    with pytest.raises(ValueError, match=named):
        train_classifier(images)


# Your own images


@pytest.fixture
def trained(monkeypatch):
    """The images and seeds that classifiers were trained for; instead of a training, weights by their number."""
    trainings = []

    def train(images, seed):
        trainings.append((images.name, seed))
        with seeded(len(trainings)):
            return Classifier(len(images.classes)).eval()

    monkeypatch.setattr(classifier, "train_classifier", train)
    return trainings


def test_classifiers_of_your_images_are_trained_once(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    first, again = classifiers_for(bars()), classifiers_for(bars(name="the same elsewhere"))
    assert trained == [("bars", seed) for seed in SEEDS]
    assert all(same(a, b) and not b.training for a, b in zip(first, again, strict=True))
    classifiers_for(bars(30, name="fewer"))
    assert trained[3:] == [("fewer", seed) for seed in SEEDS]
    assert len(list((tmp_path / "gan_lab").iterdir())) == 2


def test_without_a_place_to_keep_them_classifiers_are_trained_each_time(trained, tmp_path, monkeypatch):
    tmp_path.joinpath("file").touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    assert [each.head.out_features for each in classifiers_for(bars())] == [4, 4, 4]
    classifiers_for(bars())
    assert len(trained) == 2 * len(SEEDS)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 and no more"], ids=["empty", "cut"])
def test_damaged_classifiers_are_named_and_trained_again(trained, tmp_path, monkeypatch, capsys, damage):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    classifiers_for(bars())
    (kept,) = (tmp_path / "gan_lab").iterdir()
    kept.write_bytes(damage)
    found = classifiers_for(bars())
    assert f"{kept} is damaged" in capsys.readouterr().out
    assert len(trained) == 2 * len(SEEDS)
    assert all(same(a, b) for a, b in zip(found, classifiers_for(bars()), strict=True))
    assert len(trained) == 2 * len(SEEDS)
