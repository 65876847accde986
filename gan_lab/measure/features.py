"""Images as vectors: what a network makes of them."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from gan_lab.data.images import ImageSet


@torch.no_grad()
def features_of(network: nn.Module, x: Tensor | ImageSet, *, value_range: tuple[float, float] = (-1.0, 1.0)) -> Tensor:
    """What `network` makes of images, in evaluation mode: x (N, C, H, W) -> (N, F), float64 on the CPU.

    network: any module that takes images (N, C, H, W) in [-1, 1] to vectors (N, F): `classifier.features`, the whole
    classifier for its logits, or one of yours, such as Inception if you have its weights:

        class Inception(nn.Module):
            def __init__(self):
                super().__init__()  # the class is in torchmetrics.image.fid and asks for the package torch-fidelity
                self.network = NoTrainInceptionV3("inception-v3-compat", ["2048"])

            def forward(self, x):  # it takes bytes in three channels, and enlarges them to 299 x 299 by itself
                return self.network((127.5 * (x.expand(-1, 3, -1, -1) + 1)).round().byte())

    value_range: what black and white are in a tensor x; an `ImageSet` brings its own. The modes of its parts are
    restored.
    Raises ValueError if x is not images, or has values outside value_range or not finite; and if the features are not
    (N, F) or not finite.
    """
    name, parameter = type(network).__name__, next(network.parameters(), None)
    modes = [(part, part.training) for part in network.modules()]
    network.eval()
    try:
        parts = [network(part if parameter is None else part.to(parameter.device)) for part in batches(x, value_range)]
    finally:
        for part, training in modes:
            part.training = training
    features: Tensor = torch.cat(parts).cpu().double()
    if features.dim() != 2 or len(features) != len(x):
        raise ValueError(f"{name} makes {tuple(features.shape)} of {len(x)} images: give one that makes ({len(x)}, F)")
    if not features.isfinite().all():
        raise ValueError(f"{name} makes features of these {len(x)} images that are NaN or infinite")
    return features


def accuracy(classifier: nn.Module, images: ImageSet) -> float:
    """The share of the images whose class has the largest logit, between 0 and 1."""
    return (features_of(classifier, images).argmax(1) == images.labels.cpu()).double().mean().item()


def batches(x: Tensor | ImageSet, value_range: tuple[float, float] = (-1.0, 1.0), size: int = 256) -> Iterator[Tensor]:
    """All images x, float32 (up to 256, C, H, W), with values in [-1, 1] instead of value_range.

    Raises ValueError as `features_of` does.
    """
    if len(x) == 0:
        raise ValueError("there is no image in x: give at least one")
    if not isinstance(x, ImageSet):
        x = checked(x, value_range)
    low, high = x.value_range if isinstance(x, ImageSet) else value_range
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        values = x.batch(part)[0] if isinstance(x, ImageSet) else x[part].float()
        yield values if (low, high) == (-1, 1) else 2 * (values - low) / (high - low) - 1


def checked(x: Tensor, value_range: tuple[float, float], name: str = "x") -> Tensor:
    """x, if it is images (N, C, H, W) with values in value_range, but for rounding."""
    low, high = value_range
    if x.dim() != 4 or x.numel() == 0:
        raise ValueError(f"{name} has shape {tuple(x.shape)}: give images, (N, C, H, W)")
    least, most, rounding = float(x.min()), float(x.max()), 1e-5 * (high - low)
    if not (math.isfinite(least) and math.isfinite(most)):  # one NaN makes both NaN
        strange = int((~x.isfinite()).sum())
        raise ValueError(f"{strange} of {x.numel()} values in {name} are NaN or infinite: take an earlier checkpoint")
    if least < low - rounding or most > high + rounding:
        raise ValueError(
            f"{name} has values from {least:g} to {most:g}, but its value_range is [{low:g}, {high:g}]: name the range "
            f"that it has, or cut what leaves it, as a screen does, by {name}.clamp({low:g}, {high:g})"
        )
    return x
