"""Keras' example "Data-efficient GANs with Adaptive Discriminator Augmentation", by A. Béres:
https://keras.io/examples/generative/gan_ada/

Noise of 64; four layers of 128 maps on each side, kernels of 4, stride 2, batch norm without a learned scale in both
players, dropout of 0.4 before D's last layer; no spectral norm. Batches of 128, Adam with 2e-4 and beta1 0.5. Both
players step by the gradients at one point, and the samples come from an average of G's weights, 0.99. D sees each
image, real or fake, augmented with a probability p, which rises by (accuracy on real images - 0.85) / 1000 a step.

Changed: images of 32 x 32 in place of 64 x 64 in colour, so G starts from 2 x 2 maps; they are not mirrored, which
digits do not survive; shift, rotation and zoom are one resampling, of the chosen images only; it is PyTorch that
computes it, with Keras' defaults. The average's batch norm gets statistics of its own images.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from bench.recipes.training import Training, batches, bce, in_evaluation_mode, keras_start, step_together
from gan_lab.data.images import ImageSet

SIZE, Z, WIDTH, DEPTH, BATCH = 32, 64, 128, 4, 128
SHIFT, TURN, ZOOM = 0.125, 0.125, 0.25  # shares of the side, of a full turn, of the side
TARGET, STEPS = 0.85, 1000


def norm(kind: type[nn.BatchNorm1d] | type[nn.BatchNorm2d], channels: int) -> nn.Module:
    layer = kind(channels, eps=1e-3, momentum=0.01)
    layer.weight.requires_grad_(False)  # no learned scale
    return layer


def players(size: int = SIZE, channels: int = 1) -> tuple[nn.Module, nn.Module]:
    """G: z (N, 64) -> images (N, channels, size, size) in [0, 1]. D: images -> logits (N,)."""
    first = size // 2**DEPTH
    n = WIDTH * first**2
    G: list[nn.Module] = [nn.Linear(Z, n, bias=False), norm(nn.BatchNorm1d, n), nn.ReLU()]
    G += [nn.Unflatten(1, (WIDTH, first, first))]
    for _ in range(DEPTH - 1):
        G += [nn.ConvTranspose2d(WIDTH, WIDTH, 4, 2, 1, bias=False), norm(nn.BatchNorm2d, WIDTH), nn.ReLU()]
    G += [nn.ConvTranspose2d(WIDTH, channels, 4, 2, 1), nn.Sigmoid()]
    D: list[nn.Module] = []
    for c_in in [channels] + [WIDTH] * (DEPTH - 1):
        D += [nn.Conv2d(c_in, WIDTH, 4, 2, 1, bias=False), norm(nn.BatchNorm2d, WIDTH), nn.LeakyReLU(0.2)]
    D += [nn.Flatten(), nn.Dropout(0.4), nn.Linear(n, 1), nn.Flatten(0)]
    return nn.Sequential(*G).apply(keras_start), nn.Sequential(*D).apply(keras_start)


class Augment:
    """Moves an image with probability p, which follows D's accuracy on real images."""

    p = 0.0

    def __call__(self, x: Tensor) -> Tensor:
        chosen = torch.rand(len(x)) < self.p
        if not chosen.any():
            return x
        out = x.clone()
        out[chosen] = moved(x[chosen])
        return out

    def update(self, real: Tensor) -> None:
        """real: D's logits of real images (N,)."""
        accuracy = (real > 0).float().mean().item()
        self.p = min(1.0, max(0.0, self.p + (accuracy - TARGET) / STEPS))


def moved(x: Tensor) -> Tensor:
    """Each image (N, 1, H, H) shifted by whole pixels, turned, and enlarged, more in one direction than in the other;
    what comes in from outside is a reflection."""
    side = x.shape[-1]
    shift = 2 * (side * SHIFT * (2 * torch.rand(len(x), 2) - 1)).round() / side  # the side is 2 long
    angle = 2 * math.pi * TURN * (2 * torch.rand(len(x)) - 1)
    across, down = 1 - ZOOM * torch.rand(2, len(x))
    to_x = torch.stack([across * angle.cos(), -down * angle.sin(), shift[:, 0]], dim=1)
    to_y = torch.stack([across * angle.sin(), down * angle.cos(), shift[:, 1]], dim=1)
    places = F.affine_grid(torch.stack([to_x, to_y], dim=1), list(x.shape), align_corners=False)
    return F.grid_sample(x, places, padding_mode="reflection", align_corners=False)


def start(images: ImageSet, seed: int) -> Training:
    torch.manual_seed(seed)
    G, D = players()
    weights = [[w for w in player.parameters() if w.requires_grad] for player in (G, D)]
    opt_G, opt_D = (Adam(own, lr=2e-4, betas=(0.5, 0.999), eps=1e-7) for own in weights)
    average = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(0.99))  # type: ignore[no-untyped-call]
    augment = Augment()
    draw = in_evaluation_mode(average.module, Z, average=True)

    def rounds() -> Iterator[None]:
        for x in batches(images, BATCH, drop_last=True):
            real = D(augment((x + 1) / 2))
            fake = D(augment(G(torch.randn(len(x), Z))))
            step_together((G, D), (opt_G, opt_D), bce(fake, 1.0), (bce(real, 1.0) + bce(fake, 0.0)) / 2)
            augment.update(real)
            average.update_parameters(G)
            yield

    return Training(G, D, Z, rounds(), lambda z: 2 * draw(z) - 1)
