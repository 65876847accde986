import math
import re
import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from damages import damages
from torch import nn

from gan_lab.data.images import load_images
from gan_lab.measure import classifier
from gan_lab.measure.features import features_of
from gan_lab.measure.judge import Judge, halves
from gan_lab.measure.metrics import frechet_distance, kernel_distance
from gan_lab.measure.per_class import by_class


@pytest.fixture(scope="module")
def judge():
    return Judge(load_images(), load_images(split="test"))


@pytest.fixture(scope="module")
def damaged(judge):
    """The kernel distance of images that are damaged in many ways, in the eyes of each network."""
    real = [features_of(network, judge.reference) for network in judge.networks]

    def in_each_eye(x):
        pairs = zip(real, judge.networks, strict=True)
        return np.array([kernel_distance(r, features_of(network, x)) for r, network in pairs])

    return {kind: [in_each_eye(x) for x in each] for kind, each in damages(judge.unseen).items()}


@pytest.fixture
def quick_training(monkeypatch):
    """Classifiers that are trained, and not the bundled ones, learn a little only."""
    monkeypatch.setattr(classifier, "train_classifier", partial(classifier.train_classifier, steps=20))


# The ranking of a person


def test_more_damage_is_farther_and_any_is_farther_than_none(judge, damaged):
    for kind, each in damaged.items():
        mean = [judge.floor["kernel_distance"], *(found.mean() for found in each)]
        assert np.all(np.diff(mean) > 0), (kind, mean)


def test_noise_is_farther_than_anything_that_still_shows_digits(damaged):
    noise = damaged["uniform noise"][0]
    for kind in ("blur", "noise", "pale ink", "white square", "one over another", "moved", "mirrored", "upside down"):
        assert damaged[kind][0].mean() < noise.mean() / 4, kind
    assert damaged["classes missing"][-1].mean() < noise.mean()
    assert damaged["few drawings"][-1].mean() < noise.mean()


def test_every_single_network_ranks_noise_last_too(damaged):
    noise = damaged["uniform noise"][0]
    for kind in ("classes missing", "few drawings", "moved", "mirrored", "one over another"):
        assert (damaged[kind][0] < noise).all(), kind
    assert (damaged["classes missing"][-1] < noise).all()
    assert noise.max() < 2 * noise.min()  # without outliers in their training: 2.6, 4.4, 24.3, 3.7


# Its classifiers


class Says(nn.Module):
    """A classifier that gives every image the same logits, whatever it shows."""

    classes = 5

    def __init__(self, *logits):
        super().__init__()
        self.register_buffer("logits", torch.tensor(logits))

    def forward(self, x):
        return self.logits.expand(len(x), -1)


def test_a_probability_is_the_mean_of_the_classifiers_probabilities_and_not_of_their_logits(judge, monkeypatch):
    p = [[0.96, 0.01, 0.01, 0.01, 0.01], [0.2, 0.5, 0.1, 0.1, 0.1]]
    monkeypatch.setattr(judge, "classifiers", [Says(*map(math.log, row)) for row in p])
    x, _ = judge.reference.batch(slice(3))
    assert judge.probabilities(x) == pytest.approx(np.tile(np.mean(p, 0), (3, 1)), abs=1e-6)
    assert judge.sure(x, p=0.57) == 1 and judge.sure(x, p=0.59) == 0  # one class has 0.58 in the mean


def test_class_by_class_it_is_the_mean_of_the_tables_of_its_classifiers(judge):
    x, y = judge.unseen.batch(slice(0, None, 2))
    tables = [by_class(x, judge.reference, one, y) for one in judge.classifiers]
    assert len(tables) == 3 and not np.allclose(tables[0], tables[1])
    assert judge.by_class(x, y).to_numpy() == pytest.approx(np.mean([t.to_numpy() for t in tables], axis=0))


# The floor, copies and noise


@pytest.fixture(scope="module")
def beside(judge):
    """A generator that makes the digits 1 and 2 as they are, slightly noisy, whatever it is asked for."""
    x, _ = judge.unseen.batch(judge.unseen.labels < 2)
    x = (x + 0.02 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    return judge.beside(x, torch.arange(len(x)) % 5)


def test_unseen_real_images_are_the_floor(judge, beside):
    unseen = beside["unseen"]
    assert abs(unseen["kernel_distance"]) < 0.03 and unseen["frechet_distance"] < 2
    assert unseen[["precision", "recall"]].min() > 0.9 and unseen["density"] == pytest.approx(1, abs=0.15)
    assert judge.floor["coverage"] == pytest.approx(1 - 2**-5, abs=0.05)  # see `fidelity`
    assert unseen["class_accuracy"] > 0.98 and unseen["class_entropy"] == pytest.approx(1, abs=0.01)
    assert unseen[["copying_pixels", "copying_features"]].tolist() == pytest.approx([0.5, 0.5], abs=0.05)


def test_copies_reach_the_floor_and_copying_gives_them_away(judge, beside):
    copies = beside["copies"]
    assert abs(copies["kernel_distance"]) < 0.03
    assert copies["coverage"] == pytest.approx(beside["unseen"]["coverage"], abs=0.1)
    assert copies[["copying_pixels", "copying_features"]].tolist() == [1, 1]


def test_noise_is_the_ceiling(beside):
    noise = beside["noise"]
    assert noise["kernel_distance"] > 4 and noise["frechet_distance"] > 50 * beside["unseen"]["frechet_distance"]
    assert noise[["precision", "recall", "coverage", "copying_pixels", "copying_features"]].max() < 0.05


def test_two_digits_of_five_are_missed_by_precision_and_found_by_the_others(beside):
    samples = beside["samples"]
    assert samples["class_entropy"] == pytest.approx(math.log(2) / math.log(5), abs=0.05)
    assert samples["class_accuracy"] == pytest.approx(1 / 5, abs=0.02)
    assert samples["recall"] < 0.6 and samples["coverage"] < 0.5 and samples["precision"] > 0.8
    assert beside.loc["kernel_distance"].rank().to_dict() == {"samples": 3, "noise": 4} | {
        name: beside.loc["kernel_distance"].rank()[name] for name in ("unseen", "copies")
    }


# What a judge fixes


def test_a_number_is_the_mean_over_the_networks_and_the_quick_way_gives_the_same(judge):
    x, _ = judge.images.batch(slice(0, None, 2))
    each = judge.each(x)
    assert list(each.columns) == ["network 1", "network 2", "network 3"]
    assert judge(x)["kernel_distance"] == pytest.approx(each.loc["kernel_distance"].mean())
    assert judge.kernel_distance(x) == pytest.approx(judge(x)["kernel_distance"])
    real = [features_of(network, judge.reference) for network in judge.networks]
    fake = [features_of(network, x) for network in judge.networks]
    expected = np.mean([kernel_distance(r, f) for r, f in zip(real, fake, strict=True)])
    assert judge.kernel_distance(x) == pytest.approx(expected)


def test_of_more_samples_as_many_are_drawn_as_it_compares_always_the_same(judge):
    x = judge.images.batch(slice(None))[0]
    assert len(x) > judge.n == len(judge.reference)
    assert judge(x).equals(judge(x))
    y = torch.arange(len(x))  # which of them are drawn
    assert len(judge._drawn(x, y)[1]) == judge.n and len(set(judge._drawn(x, y)[1].tolist())) == judge.n


@pytest.mark.filterwarnings("ignore:class")  # so little they learn
def test_the_range_of_the_values_changes_nothing(judge, quick_training):
    images, held_out = few(judge.images, 20), few(load_images(split="test"), 40)
    x, y = judge.unseen.batch(slice(0, None, 5))
    expected = Judge(images, held_out)(x, y)
    in_bytes = Judge(*(replace(part, value_range=(0.0, 255.0)) for part in (images, held_out)))
    assert np.allclose(in_bytes(255 * (x + 1) / 2, y), expected, atol=1e-3)


def test_with_another_network_it_compares_what_that_sees(judge):
    brightness = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    other = Judge(judge.images, load_images(split="test"), networks=[brightness])
    x, _ = other.unseen.batch(slice(None))
    expected = frechet_distance(features_of(brightness, other.reference), features_of(brightness, x))
    assert other.floor["frechet_distance"] == pytest.approx(expected)
    assert other.floor["class_accuracy"] > 0.9


def test_the_halves_are_the_first_and_the_second_of_each_class(judge):
    index = torch.cat([(judge.images.labels == k).nonzero().flatten()[: 3 + k] for k in range(5)])
    images = replace(judge.images, pixels=judge.images.pixels[index], labels=judge.images.labels[index])
    one, other = halves(images)
    for k in range(5):
        whole, first, second = (part.pixels[part.labels == k] for part in (images, one, other))
        assert torch.equal(torch.cat([first, second]), whole[: (3 + k) // 2 * 2]) and len(first) == len(second)


# Strange images


def few(images, of_each):
    """The first images of each class."""
    index = torch.cat([(images.labels == k).nonzero().flatten()[:of_each] for k in range(len(images.classes))])
    return replace(images, pixels=images.pixels[index], labels=images.labels[index])


def test_digits_are_judged_without_a_doubt(judge):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Judge(judge.images, load_images(split="test"))


def test_held_out_images_that_show_something_else_are_doubted(judge):
    held_out = load_images(split="test")
    pixels = held_out.pixels.clone()
    pixels[held_out.labels == 1] = 255 - pixels[held_out.labels == 1]
    with pytest.warns(UserWarning, match=r"class 'Class 2' of digits: the classifiers know \d+% of its training"):
        Judge(judge.images, replace(held_out, pixels=pixels))


def test_near_duplicates_are_doubted(judge):
    """Five drawings of each class, each many times and hardly changed, in one half; five others in the other."""
    held_out, parts = load_images(split="test"), []
    for k in range(5):
        of_class = held_out.pixels[held_out.labels == k]
        parts.append(torch.cat([of_class[i : i + 5].repeat_interleave(8, 0) for i in (0, 5)]))
    pixels = torch.cat(parts)
    noise = torch.randint(0, 3, pixels.shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    labels = torch.arange(5).repeat_interleave(80)
    video = replace(held_out, pixels=pixels.clamp(max=250) + noise, labels=labels)
    with pytest.warns(UserWarning, match="even unseen real images of digits cover only"):
        Judge(judge.images, video)


def test_images_of_one_class_are_seen_with_the_eyes_of_the_digits_classifiers(judge):
    images, held_out = (
        replace(part, pixels=part.pixels[part.labels == 2], labels=part.labels[part.labels == 2] * 0, classes=("two",))
        for part in (judge.images, load_images(split="test"))
    )
    of_twos = Judge(images, held_out)
    found = of_twos.beside(held_out.batch(slice(None))[0])
    assert math.isnan(of_twos.sure(held_out.batch(slice(None))[0]))  # there is nothing to name
    assert found.loc["kernel_distance"].rank()["noise"] == 4 and found.loc["class_entropy"].isna().all()
    assert found.loc["coverage", "unseen"] > 0.85
    with pytest.raises(ValueError, match=r"has one class: measure all samples at once, by judge\(samples\)"):
        of_twos.by_class(*held_out.batch(slice(None)))


@pytest.mark.filterwarnings("ignore:class")  # so little they learn
def test_what_is_not_defined_for_so_few_images_is_nan(judge, quick_training):
    held_out = few(load_images(split="test"), 2)
    small = Judge(few(judge.images, 4), held_out)
    found = small(small.unseen.batch(slice(None))[0])
    assert small.n == 5 and found[["frechet_distance", "coverage"]].isna().all()
    assert np.isfinite(found[["kernel_distance", "grain", "copying_pixels"]].astype(float)).all()


def test_class_accuracy_is_nan_where_a_class_was_never_asked_for(judge):
    x, y = judge.unseen.batch(judge.unseen.labels > 0)
    assert math.isnan(judge(x, y)["class_accuracy"]) and "class_accuracy" not in judge(x)


def test_sure_is_the_share_of_the_images_with_one_probable_class(judge, monkeypatch):
    probable = torch.tensor([[0.995, 0.005], [0.985, 0.015], [0.5, 0.5], [0.001, 0.999]])
    monkeypatch.setattr(judge, "probabilities", lambda x: probable)
    assert judge.sure(torch.zeros(4, 1, 32, 32)) == 0.5
    assert judge.sure(torch.zeros(4, 1, 32, 32), p=0.9) == 0.75


# What does not fit together is named


@pytest.mark.parametrize(
    ("samples", "y", "named"),
    [
        (torch.zeros(9, 1, 28, 28), None, "samples are (1, 28, 28), images (1, 32, 32)"),
        (torch.full((9, 1, 32, 32), 2.0), None, "samples has values from 2 to 2"),
        (torch.full((9, 1, 32, 32), math.nan), None, "9216 of 9216 values in samples are NaN"),
        (torch.zeros(9, 1, 32, 32), torch.zeros(8).long(), "y has shape (8,), but there are 9 samples"),
    ],
)
def test_samples_that_do_not_fit_are_refused(judge, samples, y, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        judge(samples, y)


@pytest.mark.parametrize(
    ("how", "named"),
    [
        ({"size": 28}, "images have shape (1, 32, 32), held_out has (1, 28, 28)"),
        ({"value_range": (0.0, 1.0)}, "images have value_range (-1.0, 1.0), held_out has (0.0, 1.0)"),
    ],
)
def test_images_loaded_in_two_ways_are_refused(judge, how, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        Judge(judge.images, load_images(split="test", **how))


def test_one_held_out_image_a_class_is_too_few(judge):
    with pytest.raises(ValueError, match="hold out two of a class at least"):
        Judge(judge.images, few(load_images(split="test"), 1))
    of_threes = torch.where(judge.unseen.labels == 2)[0]
    kept = torch.cat([torch.where(judge.unseen.labels != 2)[0], of_threes[:1]])
    with pytest.raises(ValueError, match=r"as of 'Class 3': hold out two of a class"):
        Judge(judge.images, judge.unseen.part(kept))
