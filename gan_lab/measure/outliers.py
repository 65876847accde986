"""Images that show nothing of the data, so that a classifier learns that there is such a thing."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def uniform_noise(x: Tensor) -> Tensor:
    return 2 * torch.rand_like(x) - 1


def flat_and_noisy(x: Tensor) -> Tensor:
    """One gray, and normal noise of any strength."""
    return 0.5 * torch.randn(len(x), 1, 1, 1) + torch.rand(len(x), 1, 1, 1) * torch.randn_like(x)


def flat(x: Tensor) -> Tensor:
    return (2 * torch.rand(len(x), 1, 1, 1) - 1).expand_as(x)


def clouds(x: Tensor) -> Tensor:
    return F.interpolate(1.2 * torch.randn(len(x), 1, 4, 4), x.shape[2:], mode="bilinear")


def blurred(x: Tensor) -> Tensor:
    """Nothing left but 4 x 4 gray values."""
    return F.interpolate(F.adaptive_avg_pool2d(x, 4), x.shape[2:], mode="bilinear")


def negative(x: Tensor) -> Tensor:
    return -x


def shuffled_pixels(x: Tensor) -> Tensor:
    return x.flatten(1)[:, torch.randperm(x[0].numel())].view_as(x)


def shuffled_patches(x: Tensor) -> Tensor:
    """Sixteen squares, in another order."""
    side = x.shape[2] // 4
    squares = F.unfold(x, side, stride=side)  # (N, side^2, 16)
    return F.fold(squares[:, :, torch.randperm(16)], tuple(x.shape[2:]), side, stride=side)


KINDS: tuple[Callable[[Tensor], Tensor], ...] = (
    uniform_noise,
    flat_and_noisy,
    flat,
    clouds,
    blurred,
    negative,
    shuffled_pixels,
    shuffled_patches,
)


def outliers(x: Tensor) -> Tensor:
    """Of gray images x (N, 1, 32, 32) in [-1, 1], as many that show nothing of them, each of a kind drawn at random.

    A network that has to tell them from the real images gives them features of their own. Without them it never saw
    noise, and noise lands wherever its weights happen to put it: in the middle of a class, or far outside.
    Source: Hendrycks, Mazeika & Dietterich 2019, "Deep anomaly detection with outlier exposure".
    """
    kind = torch.randint(len(KINDS), (len(x),))
    made = torch.empty_like(x)
    for k, of_kind in enumerate(KINDS):
        if (chosen := kind == k).any():
            made[chosen] = of_kind(x[chosen])
    return made.clamp(-1, 1)
