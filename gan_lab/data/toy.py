"""Distributions of points in the plane, known exactly: a ring of 8 Gaussians, a grid of 25, a Swiss roll.

`play` takes a distribution where it takes images. But it is no data set: every batch is of fresh points, drawn from
torch's global random numbers, so there is nothing to learn by heart. `play` starts these from (seed, epoch), and an
epoch still repeats bit for bit.

Source: the settings are those of Gulrajani et al. 2017, in the authors' `gan_toy.py`.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mixture:
    """K Gaussians of one width, the modes, each as likely as the others.

        p(x) = 1/K sum_k N(x; c_k, sigma^2 I)

    A point's label is the mode that it was drawn from.
    Raises ValueError unless the centres are (K, 2), sigma > 0 and points >= 1.
    """

    centres: Tensor  # c, float32 (K, 2)
    sigma: float  # along each axis, in the units of the plane
    name: str = "mixture"
    points: int = 12_800  # that an epoch has

    def __post_init__(self) -> None:
        if self.centres.dim() != 2 or self.centres.shape[1] != 2 or len(self.centres) == 0:
            raise ValueError(f"centres has shape {tuple(self.centres.shape)}: give each mode a point, (K, 2)")
        if not self.sigma > 0:
            raise ValueError(f"sigma is the standard deviation of a mode: above 0, not {self.sigma}")
        refuse_no_points(self.points)

    def __len__(self) -> int:
        return self.points

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the modes, "0" to "K-1"."""
        return tuple(map(str, range(len(self.centres))))

    def to(self, device: torch.device | str) -> "Mixture":
        """The same distribution, whose points are drawn on `device`."""
        return replace(self, centres=self.centres.to(device))

    def sample(self, n: int) -> tuple[Tensor, Tensor]:
        """n fresh points x, float32 (n, 2), and their labels y, int64 (n,)."""
        c = self.centres
        y = torch.randint(len(c), (n,), device=c.device)
        return c[y] + self.sigma * torch.randn(n, 2, device=c.device), y

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """As many fresh points as the index is long; which numbers it holds does not matter."""
        return self.sample(len(index))

    def log_pdf(self, x: Tensor) -> Tensor:
        """log p(x) of points x (N, 2): (N,).

        As a logarithm, since far from thin data p rounds to 0. The best discriminator between densities p and q has
        the score log p(x) - log q(x), which is then still right.
        """
        square = (x[:, None] - self.centres).square().sum(2)  # (N, K)
        K, variance = len(self.centres), self.sigma**2
        return torch.logsumexp(-square / (2 * variance), dim=1) - math.log(2 * math.pi * variance * K)

    def blurred(self, sigma: float) -> "Mixture":
        """The distribution of x + sigma e, e ~ N(0, I), as a D with instance noise sees it. Variances add."""
        return replace(self, sigma=math.hypot(self.sigma, sigma))


def ring(modes: int = 8, *, radius: float = 2 / 1.414, sigma: float = 0.02 / 1.414) -> Mixture:
    """Modes on a circle, the first at (radius, 0): the 8 Gaussians of `gan_toy.py`, with variance 1 along each axis."""
    angle = 2 * math.pi * torch.arange(modes) / modes
    return Mixture(radius * torch.stack([angle.cos(), angle.sin()], dim=1), sigma, f"ring of {modes}")


def grid(side: int = 5, *, step: float = 2 / 2.828, sigma: float = 0.05 / 2.828) -> Mixture:
    """side x side modes, centred: the 25 Gaussians of `gan_toy.py`, with variance 1 along each axis."""
    place = step * (torch.arange(side) - (side - 1) / 2)
    return Mixture(torch.cartesian_prod(place, place), sigma, f"grid of {side**2}")


def line(modes: int = 40, *, length: float = 3.0, sigma: float = 0.05) -> Mixture:
    """A rising line: that many modes side by side, so close that they are one."""
    place = length * (torch.arange(modes) / (modes - 1) - 0.5) / math.sqrt(2)
    return Mixture(torch.stack([place, place], 1), sigma, "line")


def two_heaps(*, apart: float = 2.0, sigma: float = 0.2) -> Mixture:
    """Two heaps, left and right."""
    return Mixture(torch.tensor([[-apart / 2, 0.0], [apart / 2, 0.0]]), sigma, "two heaps")


@dataclass(frozen=True)
class SwissRoll:
    """A spiral with noise, one and a half turns of it.

        x = t (cos t, sin t) / 7.5 + sigma e,  t ~ U(3 pi / 2, 9 pi / 2),  e ~ N(0, I)

    It has one class, and every label is 0. Raises ValueError unless sigma >= 0 and points >= 1.
    Source: `make_swiss_roll` of scikit-learn with noise 0.25, seen from the side and divided by 7.5.
    """

    sigma: float = 0.25 / 7.5
    name: str = "Swiss roll"
    points: int = 12_800  # that an epoch has
    device: torch.device | str = "cpu"  # where the points are drawn

    classes = ("roll",)

    def __post_init__(self) -> None:
        if not self.sigma >= 0:
            raise ValueError(f"sigma is the standard deviation of the noise: at least 0, not {self.sigma}")
        refuse_no_points(self.points)

    def __len__(self) -> int:
        return self.points

    def to(self, device: torch.device | str) -> "SwissRoll":
        """The same distribution, whose points are drawn on `device`."""
        return replace(self, device=device)

    def sample(self, n: int) -> tuple[Tensor, Tensor]:
        """n fresh points x, float32 (n, 2), and their labels y, int64 (n,)."""
        t = 1.5 * math.pi * (1 + 2 * torch.rand(n, 1, device=self.device))
        spiral = t * torch.cat([t.cos(), t.sin()], dim=1) / 7.5
        return spiral + self.sigma * torch.randn_like(spiral), torch.zeros(n, dtype=torch.int64, device=self.device)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """As many fresh points as the index is long; which numbers it holds does not matter."""
        return self.sample(len(index))


def refuse_no_points(points: int) -> None:
    """Raises ValueError unless points >= 1."""
    if points < 1:
        raise ValueError(f"points counts what an epoch has: at least 1, not {points}")


class Covered(NamedTuple):
    """What generated points cover of a mixture with K modes."""

    modes: int  # how many modes have their share of good points
    high_quality: float  # of all points, the share that is good
    counts: Tensor  # int64 (K,), good points of each mode


def covered(x: Tensor, mixture: Mixture, *, within: float = 3.0, share: float = 0.1) -> Covered:
    """Which modes generated points x (N, 2) have found, and how many of the points lie in one.

        x_i is good, and counts for mode k, if  |x_i - c_k| = min_j |x_i - c_j| <= within sigma
        mode k is covered if it has at least share N / K good points, and one at the least

    Of the mixture's own points 1 - exp(-within^2 / 2) are good where modes lie far apart, 98.9 % for within = 3: the
    best there is to reach. N / K points are what each mode is due. With share = 0 one stray point in thousands makes a
    mode covered, as in the paper; the default asks for a tenth of what is due.
    Raises ValueError for points that are not (N, 2), none, or not finite.
    Source: Srivastava et al. 2017 (VEEGAN), section 4.1.
    """
    if x.dim() != 2 or x.shape[1] != 2 or len(x) == 0:
        raise ValueError(f"x has shape {tuple(x.shape)}: give points of the plane, (N, 2), one at least")
    if not x.isfinite().all():
        raise ValueError("x has a value that is NaN or infinite: look where the training lost its way")
    c = mixture.centres.to(x)
    distance, nearest = torch.cdist(x, c, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1)
    good = distance <= within * mixture.sigma
    counts = nearest[good].bincount(minlength=len(c))
    due = max(1.0, share * len(x) / len(c))
    return Covered(int((counts >= due).sum()), good.double().mean().item(), counts)
