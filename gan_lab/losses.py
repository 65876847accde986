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
    which is scores (N,), or a `Verdict` where D has two heads.

    A loss of G that compares with real images takes D's scores of them as a third argument, g_loss(fake, y, real): see
    `step_G` in `training`. A loss may also have measures(real, fake, y) -> {name: scalar}: what is worth keeping of
    every round beside the losses. What a score of 0 means, for one, only the loss can tell.
    """

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
        g_loss = E_z[ -c log D(G(z)) - (1 - c) log(1 - D(G(z))) ]                                                (2)

    D = sigmoid(score), a = real_target, b = fake_target, c = generator_target; with a = 1 and b = 0, (1) is minus the
    value function V(D, G), and with c = 1, (2) is -log D. The best D against a fixed G is, where p_r and p_g are the
    densities of real and fake images, D* = (a p_r + b p_g) / (p_r + p_g).
        one-sided smoothing   NonSaturating(0.9)
        two-sided smoothing   NonSaturating(0.9, 0.1, generator_target=0.9)
    real, fake: scores (N,) -> scalars, in nats. Raises ValueError for a target outside [0, 1].
    Source: Goodfellow et al. 2014, eq. (1) and section 3; smoothing and its D*: Salimans et al. 2016, section 3.4.
    """

    def __init__(self, real_target: float = 1.0, fake_target: float = 0.0, generator_target: float = 1.0):
        targets = {"real_target": real_target, "fake_target": fake_target, "generator_target": generator_target}
        for name, target in targets.items():
            if not 0 <= target <= 1:
                raise ValueError(f"{name} is a probability: choose it in [0, 1], not {target}")
        self.real_target = real_target
        self.fake_target = fake_target
        self.generator_target = generator_target

    def d_real(self, real: Tensor) -> Tensor:
        """The first term of (1): what the real images cost D."""
        return cross_entropy(real, self.real_target)

    def d_fake(self, fake: Tensor) -> Tensor:
        """The second term of (1): what the fake images cost D."""
        return cross_entropy(fake, self.fake_target)

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return self.d_real(real) + self.d_fake(fake)

    def g_loss(self, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return cross_entropy(fake, self.generator_target)

    def measures(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> dict[str, Tensor]:
        """The two terms of (1), and the shares of the images that D calls what they are: at score 0, D = 1/2."""
        accuracies = {"acc_real": (real > 0).float().mean(), "acc_fake": (fake < 0).float().mean()}
        return {"d_real": self.d_real(real), "d_fake": self.d_fake(fake), **accuracies}


class Saturating(NonSaturating):
    """The GAN loss to the letter: G minimises the value function itself.

        g_loss = E_z[ b log D(G(z)) + (1 - b) log(1 - D(G(z))) ],  with b = fake_target = 0: E_z[ log(1 - D(G(z))) ]

    Where D is sure of a fake it is flat, and G learns nothing there: it saturates. d_loss is that of `NonSaturating`.
    Source: Goodfellow et al. 2014, eq. (1).
    """

    def __init__(self, real_target: float = 1.0, fake_target: float = 0.0):
        super().__init__(real_target, fake_target)
        del self.generator_target  # G has none

    def g_loss(self, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return -self.d_fake(fake)


class Wasserstein:
    """Both players' losses from the dual form of the Wasserstein distance, for a critic D that is kept Lipschitz.

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

    def measures(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> dict[str, Tensor]:
        """The mean scores. There is no accuracy: a critic's score has no threshold at which an image becomes real."""
        return {"mean_real": real.mean(), "mean_fake": fake.mean()}


class Hinge:
    """The hinge loss: D pays for a score only until it is beyond a margin of 1.

        d_loss = E_x[ max(0, 1 - D(x)) ] + E_z[ max(0, 1 + D(G(z))) ]                                            (1)
        g_loss = -E_z[ D(G(z)) ]                                                                                 (2)

    A real image with a score above 1, or a fake one with a score below -1, teaches D nothing more. G's loss has no
    hinge: it pulls alike at every score. The best D against a fixed G is the sign of p_r - p_g, the densities of real
    and fake images; there d_loss = 2 - 2 TV, with the total variation distance TV = 1/2 sum |p_r - p_g|.
    real, fake: scores (N,) -> scalars. Source: Lim & Ye 2017; Miyato et al. 2018, section 4.
    """

    def d_real(self, real: Tensor) -> Tensor:
        """The first term of (1): what the real images cost D."""
        return F.relu(1 - real).mean()

    def d_fake(self, fake: Tensor) -> Tensor:
        """The second term of (1): what the fake images cost D."""
        return F.relu(1 + fake).mean()

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return self.d_real(real) + self.d_fake(fake)

    def g_loss(self, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return -fake.mean()

    def measures(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> dict[str, Tensor]:
        """The two terms of (1), and the shares of the images on the right side of 0, which lies between the margins."""
        accuracies = {"acc_real": (real > 0).float().mean(), "acc_fake": (fake < 0).float().mean()}
        return {"d_real": self.d_real(real), "d_fake": self.d_fake(fake), **accuracies}


class Relativistic:
    """The relativistic pairing loss: D compares each fake image with a real one, the i-th with the i-th of the batch.

        d_loss = E[ softplus(-(D(x) - D(G(z)))) ]                                                                (1)
        g_loss = E[ softplus(-(D(G(z)) - D(x))) ]                                                                (2)

    softplus(-t) = log(1 + e^-t) = -log sigmoid(t). D gives the real image of a pair the higher score, G the fake one. A
    constant added to every score changes nothing: D is held by what each fake is compared with, and not by a zero.
    (2) needs D's scores of real images, so it is played as play(..., round=relativistic_round).
    real, fake: scores (N,) -> scalars, in nats. Raises ValueError if real and fake do not pair up, and if g_loss gets
    no real scores. Source: Jolicoeur-Martineau 2018 (RSGAN); Huang et al. 2024, section 2 (R3GAN).
    """

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return F.softplus(-(paired(real, fake) - fake)).mean()

    def g_loss(self, fake: Tensor, y: Tensor | None = None, real: Tensor | None = None) -> Tensor:
        if real is None:
            raise ValueError(
                "Relativistic.g_loss compares fake scores with real ones, and got none: let `play`, and `Run` if there "
                "is one, have round=relativistic_round, of gan_lab.training"
            )
        return F.softplus(-(fake - paired(real, fake))).mean()

    def measures(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> dict[str, Tensor]:
        """The share of the pairs in which D gives the real image the higher score. No score is real by itself."""
        return {"acc_pairs": (real > fake).float().mean()}


def paired(real: Tensor, fake: Tensor) -> Tensor:
    """`real`, if there is one score of a fake image for each of its scores."""
    if real.shape != fake.shape:
        raise ValueError(f"real and fake scores pair up: shape {tuple(real.shape)} is not {tuple(fake.shape)}")
    return real


class AuxiliaryClassifier:
    """The AC-GAN loss: D also names the class y of each image, and G's images of class y are to be recognised as y.

        L_S = -source.d_loss                                                 of the scores                       (1)
        L_C = E_x[ log P(y | x) ] + E_z[ log P(y | G(z, y)) ]                P = softmax(classes)                (2)

        d_loss = -(L_S + w L_C)                                                                                  (3)
        g_loss = source.g_loss - w E_z[ log P(y | G(z, y)) ]                                                     (4)

    source: what is asked of the scores, any loss of one head; with `NonSaturating`, (1) is the paper's L_S.
    weight: w; the paper's is 1, and 0 is the source loss alone. fakes: whether D is asked for the class of fakes, the
    second term of (2), as in the paper; G is in either case.
    real, fake: `Verdict`s -> scalars, in nats. Raises ValueError for a weight < 0, for a D with one head or with one
    class, and, on the CPU, for a label that is none of D's classes.
    Source: Odena, Olah & Shlens 2017, section 3.
    """

    def __init__(self, source: Loss, *, weight: float = 1.0, fakes: bool = True):
        if not weight >= 0:
            raise ValueError(f"weight is that of the class terms: at least 0, not {weight}")
        self.source = source
        self.weight = weight
        self.fakes = fakes

    def d_loss(self, real: Verdict, fake: Verdict, y: Tensor) -> Tensor:
        minus_L_C = class_loss(real, y) + class_loss(fake, y) if self.fakes else class_loss(real, y)
        return self.source.d_loss(score_of(real), score_of(fake), y) + self.weight * minus_L_C

    def g_loss(self, fake: Verdict, y: Tensor, *real: Verdict) -> Tensor:
        beside = [score_of(one) for one in real]  # for a source that compares, as `Relativistic`
        return self.source.g_loss(score_of(fake), y, *beside) + self.weight * class_loss(fake, y)

    def measures(self, real: Verdict, fake: Verdict, y: Tensor) -> dict[str, Tensor]:
        """Those of the source; for both kinds of image the `class_loss`, and the share whose class D names rightly."""
        kept = measures(self.source, score_of(real), score_of(fake), y)
        for kind, found in (("real", real), ("fake", fake)):
            kept[f"class_{kind}"] = class_loss(found, y)
            kept[f"named_{kind}"] = (found.classes.argmax(1) == y).float().mean()
        return kept


def measures(loss: Any, real: Any, fake: Any, y: Tensor) -> dict[str, Tensor]:
    """What the loss wants to be kept of a round; nothing if it does not say."""
    return loss.measures(real, fake, y) if hasattr(loss, "measures") else {}


def class_loss(verdict: Verdict, y: Tensor) -> Tensor:
    """The cross-entropy of D's classes against the labels, averaged over the images.

        mean( -log softmax(classes)_y )

    y: (N,) -> scalar, in nats. Raises ValueError as `AuxiliaryClassifier` does.
    """
    if not isinstance(verdict, Verdict):
        raise ValueError("D has to name classes: let it return Verdict(score, classes), not scores alone")
    K = verdict.classes.shape[1]
    if K < 2:
        raise ValueError(
            "D has one class to name, and so nothing to tell apart: give it images of two classes at least"
        )
    if y.device.type == "cpu" and not 0 <= y.min() <= y.max() < K:  # on a GPU, to read a value is to wait for it
        raise ValueError(f"labels go from {y.min()} to {y.max()}, but D names the {K} classes 0..{K - 1}")
    return F.cross_entropy(verdict.classes, y)
