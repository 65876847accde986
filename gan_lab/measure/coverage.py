"""What nearest neighbours tell of samples: whether they are like the data, whether all of the data is there, and
whether they are only copies of it.

A point is a vector, of features or of pixels; distances are Euclidean.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

NEIGHBOURS = 5  # k, how far a neighbourhood reaches


class Fidelity(NamedTuple):
    """Shares of points, each between 0 and 1, but for `density`, which can exceed 1."""

    precision: float  # of the fake points, how many lie where real ones do
    recall: float  # of the real points, how many lie where fake ones do
    density: float  # in how many real neighbourhoods a fake point lies, over k
    coverage: float  # of the real neighbourhoods, how many hold a fake point


def fidelity(real: Tensor, fake: Tensor, *, k: int = NEIGHBOURS) -> Fidelity:
    """Precision, recall, density and coverage of fake points, with balls for neighbourhoods.

        B(x) = the ball round x with the distance to its k-th nearest neighbour in its own set as radius

        precision = mean_j 1[y_j in B(x_i) for some i]        density  = mean_j |{i : y_j in B(x_i)}| / k
        recall    = mean_i 1[x_i in B(y_j) for some j]        coverage = mean_i 1[y_j in B(x_i) for some j]

    real x: (N, F), fake y: (M, F). If both come from one distribution, density is 1 on average, and coverage

        1 - (N - 1) ... (N - k) / ((M + N - 1) ... (M + N - k)),  which is close to 1 - 2^-k if N = M.

    Of k points or fewer none has a k-th neighbour: then all four are NaN. Raises ValueError for points of different
    lengths, values that are not finite, and an empty set.
    Source: Kynkäänniemi et al. 2019, eq. (1)-(2); Naeem et al. 2020, eq. (3)-(4), whose k = 5 this is.
    """
    if k < 1:
        raise ValueError(f"k is {k}: a neighbourhood reaches to the k-th neighbour, the first at least")
    real, fake = pair(real, fake)
    if min(len(real), len(fake)) <= k:
        return Fidelity(*[math.nan] * 4)
    distance = distances(real, fake)  # (N, M)
    in_real = distance <= radii(real, k)[:, None]
    in_fake = distance <= radii(fake, k)[None, :]
    return Fidelity(
        precision=in_real.any(dim=0).double().mean().item(),
        recall=in_fake.any(dim=1).double().mean().item(),
        density=in_real.sum(dim=0).double().mean().item() / k,
        coverage=in_real.any(dim=1).double().mean().item(),
    )


def radii(x: Tensor, k: int) -> Tensor:
    """The distance from each point of x (N, F) to its k-th nearest neighbour among the others, (N,)."""
    return distances(x, x).kthvalue(k + 1, dim=1).values  # a point's own distance, 0, is the first


class Nearest(NamedTuple):
    """For each of N points the nearest of M others."""

    which: Tensor  # int64 (N,), in 0..M-1
    distance: Tensor  # float64 (N,)


def nearest(x: Tensor, train: Tensor) -> Nearest:
    """The nearest training point to each x, by pixels or by features.

        which_i = argmin_j |x_i - t_j|,  distance_i = min_j |x_i - t_j|

    x: (N, ...), train t: (M, ...). For images in [-1, 1] a distance of 2 is one pixel that is black instead of white.
    Raises ValueError for points of different shapes, an empty set, and values that are not finite.
    """
    if x.shape[1:] != train.shape[1:]:
        ours, theirs = tuple(x.shape[1:]), tuple(train.shape[1:])
        raise ValueError(f"x has points of shape {ours} and train of {theirs}: compare images of one size")
    x, train = points("x", x.flatten(1), 1), points("train", train.flatten(1), 1)
    centre = train.mean(0)  # cdist expands the square: far from the origin it would lose digits
    a, b = (x - centre).float(), (train - centre).float()
    which = torch.cat([torch.cdist(a[i : i + 256], b).argmin(1) for i in range(0, len(a), 256)])
    return Nearest(which, (x.double() - train[which]).norm(dim=1))  # anew: 0 for a copy, which cdist does not give


def copying(samples: Tensor, held_out: Tensor) -> float:
    """How often a sample is nearer to the training images than a held-out image is.

        C = P(d(sample) < d(held-out)) + P(d(sample) = d(held-out)) / 2

    samples (N,), held_out (M,): distances to the nearest training image, by `nearest`. C is 1/2 for a generator that
    has learned the distribution of the images, 1 for copies, and 0 for images that are like none of them. A dull image
    is nearer to all others than a lively one, so before you call a C above 1/2 copying, look at samples beside their
    neighbours.
    C is the Mann-Whitney statistic over N M. Raises ValueError if there is no distance or one is not finite.
    Source: Meehan, Chaudhuri & Dasgupta 2020, "A non-parametric test to detect data-copying in generative models".
    """
    mine = points("samples", samples.unsqueeze(-1), 1)  # (N, 1)
    theirs = points("held_out", held_out.unsqueeze(-1), 1).T  # (1, M)
    return ((mine < theirs).double() + (mine == theirs).double() / 2).mean().item()


def distances(x: Tensor, y: Tensor) -> Tensor:
    """|x_i - y_j| of points x (N, F) and y (M, F): (N, M), exactly 0 where they are equal."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def pair(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Both sets as `points` in float64, if their vectors have the same length."""
    real, fake = points("real", real, 1).double(), points("fake", fake, 1).double()
    if real.shape[1] != fake.shape[1]:
        raise ValueError(f"real has {real.shape[1]} features a point, fake {fake.shape[1]}: take them of one network")
    return real, fake


def points(name: str, x: Tensor, need: int) -> Tensor:
    """x on the CPU, if it is at least `need` points (N, F), all finite."""
    if x.dim() != 2:
        raise ValueError(f"{name} has shape {tuple(x.shape)}: give one vector a point, (N, F)")
    if len(x) < need:
        raise ValueError(f"{name} has {len(x)} points, and {need} are the least that this takes: give more")
    if not x.isfinite().all():
        raise ValueError(f"{name} has a value that is NaN or infinite: look where it comes from")
    return x.detach().cpu()
