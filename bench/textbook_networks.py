"""The networks of the benchmarked systems as a textbook writes them: the reports' layer tables in standard layers.

The course's networks compute the same functions, with their parameters in the same order, by whatever layers are fast:
`take_over` gives these the weights of those, and tests/test_bench.py holds the two together.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from gan_lab.networks.width import scaled

CLASSES = 5
Players = tuple[nn.Module, nn.Module]  # G, D


def take_over(textbook: nn.Module, course: nn.Module) -> None:
    """Give a network of this file the weights and the statistics of the course's one."""
    textbook.load_state_dict(dict(zip(textbook.state_dict(), course.state_dict().values(), strict=True)))


def norm(channels: int, momentum: float = 0.01) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, 1e-3, momentum)


def up5(c_in: int, c_out: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(c_in, c_out, 5, 2, padding=2, output_padding=1)


def dcgan64(width: float, channels: int = 3) -> Players:
    """A1: z -> images; images -> logits."""
    a, b, c, d = scaled(width, 1024, 512, 256, 128)
    G = [nn.Linear(100, a * 4 * 4), nn.Unflatten(1, (a, 4, 4))]
    for c_in, c_out in ((a, b), (b, c), (c, d), (d, channels)):
        G += [up5(c_in, c_out), nn.ReLU(), norm(c_out)]
    G += [nn.Conv2d(channels, channels, 5, padding=2), nn.Tanh(), norm(channels)]
    D = [nn.Conv2d(channels, channels, 5, padding=2), nn.LeakyReLU(0.2), norm(channels)]
    for c_in, c_out in ((channels, d), (d, c), (c, b), (b, a)):
        D += [nn.Conv2d(c_in, c_out, 5, 2, padding=2), nn.LeakyReLU(0.2), norm(c_out)]
    D += [nn.Flatten(), nn.Dropout(0.4), nn.Linear(a * 4 * 4, 1), nn.Flatten(0)]
    return nn.Sequential(*G), nn.Sequential(*D)


def dcgan32(width: float, channels: int = 1) -> Players:
    """B1: z -> images; images -> logits."""
    a, b, c = scaled(width, 256, 64, 128)
    G = nn.Sequential(
        nn.Linear(100, a * 8 * 8),
        nn.BatchNorm1d(a * 8 * 8, 1e-3, 0.01),
        nn.LeakyReLU(0.2),
        nn.Unflatten(1, (a, 8, 8)),
        norm(a),
        up5(a, b),
        norm(b),
        nn.LeakyReLU(0.3),
        up5(b, channels),
        nn.Tanh(),
    )
    D = nn.Sequential(
        nn.Conv2d(channels, b, 5, 2, padding=2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Conv2d(b, c, 5, 2, padding=2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(c * 8 * 8, 1),
        nn.Flatten(0),
    )
    return G, D


class Embedded(nn.Module):
    """G of labels that scale the noise: (z, y) -> layers(z * e_y)."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.embedding = nn.Embedding(CLASSES, 100)
        self.layers = layers

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        x: Tensor = self.layers(z * self.embedding(y))
        return x


class OneHot(nn.Module):
    """G of labels beside the noise: (z, y) -> layers([z, one_hot(y)])."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        x: Tensor = self.layers(torch.cat([z, one_hot(y, CLASSES).float()], dim=1))
        return x


class TwoHeads(nn.Module):
    """D of two heads: images -> (score (N,), classes (N, K)), both logits."""

    def __init__(self, trunk: nn.Module, features: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.score = nn.Linear(features, 1)
        self.classes = nn.Linear(features, CLASSES)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.trunk(x)
        return self.score(h).squeeze(1), self.classes(h)


def acgan28(width: float, channels: int = 1) -> Players:
    """A4: (z, y) -> images; images -> two heads."""
    a, b = scaled(width, 128, 64)
    layers = nn.Sequential(
        nn.Linear(100, a * 7 * 7),
        nn.ReLU(),
        nn.Unflatten(1, (a, 7, 7)),
        norm(a, 0.2),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(a, a, 3, padding=1),
        nn.ReLU(),
        norm(a, 0.2),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(a, b, 3, padding=1),
        nn.ReLU(),
        norm(b, 0.2),
        nn.Conv2d(b, channels, 3, padding=1),
        nn.Tanh(),
    )
    a, b, c, d = scaled(width, 16, 32, 64, 128)
    trunk = nn.Sequential(
        nn.Conv2d(channels, a, 3, 2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.25),
        nn.Conv2d(a, b, 3, 2, padding=1),
        nn.ZeroPad2d((1, 0, 1, 0)),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.25),
        norm(b, 0.2),
        nn.Conv2d(b, c, 3, 2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.25),
        norm(c, 0.2),
        nn.Conv2d(c, d, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.25),
        nn.Flatten(),
    )
    return Embedded(layers), TwoHeads(trunk, d * 4 * 4)


def acgan32(width: float, channels: int = 1) -> Players:
    """B3: (z, y) -> images; images -> two heads."""
    a, b, c = scaled(width, 256, 128, 64)
    layers = nn.Sequential(
        nn.Linear(100 + CLASSES, a * 8 * 8),
        nn.ReLU(),
        nn.BatchNorm1d(a * 8 * 8, 1e-3, 0.01),
        nn.Unflatten(1, (a, 8, 8)),
        norm(a),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(a, b, 3, padding=1),
        nn.ReLU(),
        norm(b),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(b, c, 3, padding=1),
        nn.ReLU(),
        norm(c),
        nn.Conv2d(c, channels, 3, padding=1),
        nn.Tanh(),
    )
    a, b, c, d = scaled(width, 32, 64, 128, 256)
    trunk = [nn.Conv2d(channels, a, 3, 2, padding=1), nn.LeakyReLU(0.2), nn.Dropout(0.5)]
    for c_in, c_out, stride in ((a, b, 1), (b, c, 2), (c, d, 1)):
        trunk += [nn.Conv2d(c_in, c_out, 3, stride, padding=1), norm(c_out), nn.LeakyReLU(0.2), nn.Dropout(0.5)]
    return OneHot(layers), TwoHeads(nn.Sequential(*trunk, nn.Flatten()), d * 8 * 8)


def wgan64(width: float, channels: int = 3, norm: Callable[[int], nn.Module] = nn.BatchNorm2d) -> Players:
    """A5, and A6 with norm=nn.Identity: z -> images; images -> scores."""
    a, b, c, d = scaled(width, 512, 256, 128, 64)
    G = [nn.Unflatten(1, (100, 1, 1)), nn.ConvTranspose2d(100, a, 4, bias=False), nn.BatchNorm2d(a), nn.ReLU()]
    for c_in, c_out in ((a, b), (b, c), (c, d)):
        G += [nn.ConvTranspose2d(c_in, c_out, 4, 2, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]
    G += [nn.ConvTranspose2d(d, channels, 4, 2, 1, bias=False), nn.Tanh()]
    D = [nn.Conv2d(channels, d, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for c_in, c_out in ((d, c), (c, b), (b, a)):
        D += [nn.Conv2d(c_in, c_out, 4, 2, 1, bias=False), norm(c_out), nn.LeakyReLU(0.2)]
    D += [nn.Conv2d(a, 1, 4, bias=False), nn.Flatten(0)]
    return nn.Sequential(*G), nn.Sequential(*D)
