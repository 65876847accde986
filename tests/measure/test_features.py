import re

import pytest
import torch
from torch import nn

from gan_lab.data.images import ImageSet
from gan_lab.measure.features import accuracy, batches, features_of


def pictures(n=300, value_range=(-1.0, 1.0)):
    pixels = torch.randint(0, 256, (n, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return ImageSet(pixels, torch.arange(n) % 3, ("a", "b", "c"), "noise", value_range)


def batch_norm():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))


# Images to features


def test_a_network_that_does_nothing_returns_the_pixels():
    images = pictures()
    features = features_of(nn.Flatten(), images)
    assert features.dtype == torch.float64
    assert torch.equal(features, (images.pixels.flatten(1).float() / 127.5 - 1).double())


def test_a_set_and_its_tensor_are_the_same_images():
    images = pictures(value_range=(0.0, 1.0))
    x, _ = images.batch(slice(None))
    assert torch.equal(features_of(nn.Flatten(), images), features_of(nn.Flatten(), x, value_range=(0.0, 1.0)))


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (0.0, 255.0), (-3.0, 2.0)])
def test_black_and_white_are_minus_one_and_one_whatever_they_were(value_range):
    expected = features_of(nn.Flatten(), pictures())
    assert torch.allclose(features_of(nn.Flatten(), pictures(value_range=value_range)), expected, atol=1e-6)


def test_a_network_that_takes_bytes_gets_those_of_the_files():
    class OfBytes(nn.Module):
        def forward(self, x):
            return (127.5 * (x.expand(-1, 3, -1, -1) + 1)).round().byte()[:, 2].flatten(1)

    images = pictures()
    assert torch.equal(features_of(OfBytes(), images), images.pixels.flatten(1).double())


def test_an_image_has_the_same_features_in_any_company():
    network, images = batch_norm(), pictures()
    x, _ = images.batch(slice(None))
    together = features_of(network, x)
    alone = torch.cat([features_of(network, x[i : i + 1]) for i in range(0, 300, 37)])
    assert torch.allclose(alone, together[::37], atol=1e-6)
    assert torch.allclose(features_of(network, x.flip(0)), together.flip(0), atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_the_networks_mode_and_statistics_stay(training):
    network = batch_norm().train(training)
    before = network[2].running_mean.clone()
    features_of(network, pictures())
    assert network.training is training and torch.equal(network[2].running_mean, before)


def test_a_part_that_is_frozen_stays_frozen():
    network = batch_norm().train()
    network[2].eval()
    features_of(network, pictures())
    assert network.training and not network[2].training


def test_features_carry_no_gradient():
    x = torch.zeros(2, 1, 4, 4, requires_grad=True)
    assert not features_of(batch_norm(), x).requires_grad


def test_batches_are_all_the_images_in_their_order():
    parts = list(batches(pictures(300)))
    assert [len(part) for part in parts] == [256, 44]
    assert torch.equal(torch.cat(parts), pictures(300).batch(slice(None))[0])


def test_accuracy_is_the_share_that_is_right():
    class AlwaysTheFirst(nn.Module):
        def forward(self, x):
            return torch.tensor([[1.0, 0.0, 0.0]]).expand(len(x), 3)

    images = pictures(9)
    assert accuracy(AlwaysTheFirst(), images) == pytest.approx(3 / 9)


# What cannot be used is named


@pytest.mark.parametrize(
    ("x", "named"),
    [
        (torch.full((2, 1, 4, 4), 1.5), "from 1.5 to 1.5, but its value_range is [-1, 1]"),
        (torch.full((2, 1, 4, 4), -3.0), "x.clamp(-1, 1)"),
        (torch.full((2, 1, 4, 4), 255, dtype=torch.uint8), "from 255 to 255"),
        (torch.tensor([0.0, float("nan")]).view(2, 1, 1, 1), "1 of 2 values in x are NaN or infinite"),
        (torch.full((1, 1, 2, 2), float("-inf")), "4 of 4 values"),
        (torch.zeros(2, 4, 4), "x has shape (2, 4, 4)"),
        (torch.zeros(0, 1, 4, 4), "there is no image in x"),
        (pictures(0), "there is no image in x"),
    ],
)
def test_what_is_no_image_is_refused(x, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        features_of(nn.Flatten(), x)


def test_values_that_leave_the_range_by_rounding_are_in_it():
    assert features_of(nn.Flatten(), torch.full((1, 1, 1, 1), 1 + 1e-6)).item() == pytest.approx(1)


class Makes(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.made = features

    def forward(self, x):
        return self.made


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (torch.zeros(5), "Makes makes (5,) of 5 images"),
        (torch.zeros(5, 2, 1), "Makes makes (5, 2, 1) of 5 images"),
        (torch.zeros(1, 2), "Makes makes (1, 2) of 5 images"),
        (torch.full((5, 2), float("nan")), "features of these 5 images that are NaN or infinite"),
    ],
)
def test_what_is_no_feature_is_refused(made, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        features_of(Makes(made), pictures(5))


def test_the_mode_stays_when_the_network_fails():
    network = Makes(torch.zeros(1)).train()
    with pytest.raises(ValueError, match="value_range"):
        features_of(network, torch.full((1, 1, 1, 1), 7.0))
    assert network.training
