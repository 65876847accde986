"""What each player minimises: two equations per GAN, on scores. A larger score means "more real".

A loss is any object with the two methods of `Loss`; there is nothing to inherit.
"""

from typing import Any, NamedTuple, Protocol

import torch.nn.functional as F
from torch import Tensor


class Verdict(NamedTuple):
    """What a discriminator with two heads says of N images.

    score: (N,), real against fake.  classes: (N, K), logits of the K classes.
    """

    score: Tensor
    classes: Tensor


class Loss(Protocol):
    """What D and G minimise: scalars, made of the labels y (N,) and of what D returned for real and for fake images,
    which is scores (N,), or a `Verdict` where D has two heads."""

    def d_loss(self, real: Any, fake: Any, y: Tensor) -> Tensor: ...
    def g_loss(self, fake: Any, y: Tensor) -> Tensor: ...


def score_of(verdict: Tensor | Verdict) -> Tensor:
    """The score (N,) in what a discriminator returned, with one head or with two."""
    return verdict.score if isinstance(verdict, Verdict) else verdict


def cross_entropy(score: Tensor, target: float) -> Tensor:
    """Binary cross-entropy of the probability D = sigmoid(score) against a target t, averaged over the images.

        mean( -t log D - (1 - t) log(1 - D) )

    score: (N,) -> scalar, in nats. Written with softplus, since -log sigmoid(s) = softplus(-s) never overflows.
    """
    return (target * F.softplus(-score) + (1 - target) * F.softplus(score)).mean()


class NonSaturating:
    """The GAN loss, with the generator's non-saturating form.

        d_loss = E_x[ -a log D(x) - (1 - a) log(1 - D(x)) ] + E_z[ -b log D(G(z)) - (1 - b) log(1 - D(G(z))) ]   (1)
        g_loss = E_z[ -log D(G(z)) ]                                                                             (2)

    D = sigmoid(score), a = real_target, b = fake_target; with a = 1 and b = 0, (1) is minus the value function V(D, G).
    real, fake: scores (N,) -> scalars, in nats. Raises ValueError for a target outside [0, 1].
    Source: Goodfellow et al. 2014, eq. (1) and section 3; one-sided smoothing (a < 1, b = 0): Salimans et al. 2016.
    """

    def __init__(self, real_target: float = 1.0, fake_target: float = 0.0):
        for name, target in (("real_target", real_target), ("fake_target", fake_target)):
            if not 0 <= target <= 1:
                raise ValueError(f"{name} is a probability: choose it in [0, 1], not {target}")
        self.real_target = real_target
        self.fake_target = fake_target

    def d_real(self, real: Tensor) -> Tensor:
        """The first term of (1): what the real images cost D."""
        return cross_entropy(real, self.real_target)

    def d_fake(self, fake: Tensor) -> Tensor:
        """The second term of (1): what the fake images cost D."""
        return cross_entropy(fake, self.fake_target)

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return self.d_real(real) + self.d_fake(fake)

    def g_loss(self, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return cross_entropy(fake, 1.0)


class Wasserstein:
    """The two sides of the Kantorovich-Rubinstein duality, for a critic D that some constraint keeps Lipschitz.

        d_loss = E_z[ D(G(z)) ] - E_x[ D(x) ]                                                                    (1)
        g_loss = -E_z[ D(G(z)) ]                                                                                 (2)

    For a K-Lipschitz D, -d_loss is at most K times the Wasserstein-1 distance: it estimates that from below. A constant
    added to every score changes nothing in (1).
    real, fake: scores (N,) -> scalars. Source: Arjovsky et al. 2017, eq. (2) and Algorithm 1.
    """

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return fake.mean() - real.mean()

    def g_loss(self, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return -fake.mean()
