import re

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.data.images import ImageSet, load_images
from gan_lab.measure import classifier
from gan_lab.measure.classifier import (
    BUNDLED,
    Classifier,
    Gray32,
    are_bundled_digits,
    classifier_for,
    load_classifier,
    moved,
    train_classifier,
)
from gan_lab.measure.features import accuracy, features_of
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


# The bundled one


def test_the_bundled_classifier_knows_as_many_held_out_digits_as_its_card_says():
    known = round(1495 * accuracy(load_classifier(BUNDLED), load_images(split="test")))
    assert f"knows {known} of the 1495 others" in classifier.__doc__


def test_its_features_are_standardised():
    features = features_of(load_classifier(BUNDLED).features, load_images())
    assert features.shape == (1005, 64)
    assert features.mean(0).abs().max() < 0.15 and (features.var(0) - 1).abs().max() < 0.25


def test_it_is_small_enough_to_be_in_the_repository():
    assert BUNDLED.stat().st_size < 1e6


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 1), (64, 3)])
def test_the_digits_have_the_bundled_classifier_in_any_size(size, channels):
    train, test = (load_images(size=size, channels=channels, split=split) for split in ("train", "test"))
    found = classifier_for(train)
    assert same(found, load_classifier(BUNDLED)) and not found.training
    assert accuracy(found, test) > 0.985


def test_other_images_of_the_same_name_are_not_the_digits():
    assert are_bundled_digits(load_images())
    assert not are_bundled_digits(bars(name="digits"))
    assert not are_bundled_digits(load_images(split="test"))


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
    """The images that a classifier was trained for; instead of a training, weights by the name of the images."""
    names = []

    def train(images):
        names.append(images.name)
        with seeded(len(names)):
            return Classifier(len(images.classes)).eval()

    monkeypatch.setattr(classifier, "train_classifier", train)
    return names


def test_a_classifier_of_your_images_is_trained_once(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    first, again = classifier_for(bars()), classifier_for(bars(name="the same elsewhere"))
    assert trained == ["bars"] and same(first, again) and not again.training
    classifier_for(bars(30, name="fewer"))
    assert trained == ["bars", "fewer"]
    assert len(list((tmp_path / "gan_lab").iterdir())) == 2


def test_without_a_place_to_keep_it_a_classifier_is_trained_each_time(trained, tmp_path, monkeypatch):
    tmp_path.joinpath("file").touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    assert classifier_for(bars()).head.out_features == 3
    classifier_for(bars())
    assert trained == ["bars", "bars"]
