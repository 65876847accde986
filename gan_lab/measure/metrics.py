"""Distances between two sets of images, of which each image is a vector of features.

They are the FID and the KID of the literature, but for the features: Inception's are a thousand and more, learned from
photographs, ours are those of a small classifier. So the numbers have other names here, and compare only with numbers
that were taken with the same network, the same images and as many samples.
"""

import math
import warnings

from torch import Tensor, nn

from gan_lab.measure.coverage import pair
from gan_lab.measure.random_numbers import seeded


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """The squared Fréchet distance between the normal distributions with the features' means and covariances.

        F = |m_r - m_f|^2 + tr( C_r + C_f - 2 (C_r C_f)^(1/2) )

    real: (N, F), fake: (M, F), features. Of few images it comes out too large, so compare it at one N and M only. It is
    NaN unless N > F and M > F, without which a covariance has no full rank: then take `kernel_distance`. Raises
    ValueError for features of different lengths, and values that are not finite.
    Source: Heusel et al. 2017, eq. (6), of Inception's features, the FID; computed by torchmetrics.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    real, fake = pair(real, fake)
    F = real.shape[1]
    if min(len(real), len(fake)) <= F:
        return math.nan
    metric = FrechetInceptionDistance(_AsTheyAre(F), sync_on_compute=False)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return max(float(metric.compute()), 0.0)  # rounding may leave -1e-12


def kernel_distance(real: Tensor, fake: Tensor, *, seed: int = 0) -> float:
    """The squared maximum mean discrepancy of the features, estimated without bias.

        K = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)
        k(x, y) = (x.y / F + 1)^3

    real x: (N, F), fake y: (M, F), features. Between two sets of one distribution it is 0 on average, however many
    there are, so it can be negative. (Between the two parts of the bundled digits it is, a little: their classes are of
    exactly equal size, and in random draws they are not.) If N != M, it is the mean over ten subsets of min(N, M), by
    `seed`. Of fewer than 2 images it is NaN. Raises ValueError for features of different lengths, and values that are
    not finite.
    Source: Bińkowski et al. 2018, section 4, of Inception's features, the KID; computed by torchmetrics.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    real, fake = pair(real, fake)
    size = min(len(real), len(fake))
    if size < 2:
        return math.nan
    subsets = 1 if len(real) == len(fake) else 10
    with warnings.catch_warnings(), seeded(seed):  # it draws the subsets from torch's global random numbers
        warnings.filterwarnings("ignore", "Metric `Kernel Inception Distance` will save all extracted features")
        network = _AsTheyAre(real.shape[1])
        metric = KernelInceptionDistance(network, subsets=subsets, subset_size=size, sync_on_compute=False)
        metric.update(real, real=True)
        metric.update(fake, real=False)
        return float(metric.compute()[0])


class _AsTheyAre(nn.Identity):
    """The network that torchmetrics asks for, where the features are there already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features
