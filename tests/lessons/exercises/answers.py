"""Right answers to every exercise, in several styles, and wrong ones with a piece of the hint that each should get."""

import random
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab import lipschitz, losses, moves
from gan_lab.data.images import ImageSet
from gan_lab.lessons import exercises
from gan_lab.lessons import wrong_penalties as wrong
from gan_lab.lessons.exercises.dcgan import LeastSquares
from gan_lab.training import Round, fakes, one_round, step_D, step_G


class Exercise(NamedTuple):
    check: Callable[..., Any]
    right: list[Any]
    wrong: list[tuple[Any, str]]
    more: tuple[Any, ...] = ()  # what the check is given beside the answer


def fails(*_: Any) -> Any:
    raise KeyError("gradient")


NONE = ((lambda *_: None), "None")
RAISES = (fails, "your code raised KeyError")


# 1: a round, and a loss


def by_hand(game: Any, batches: Any) -> None:
    for x, y in batches:
        x_fake = game.G(torch.randn(len(y), game.z_dim), y).detach()
        game.opt_D.zero_grad()
        game.loss.d_loss(game.D(x, y), game.D(x_fake, y), y).backward()
        game.opt_D.step()
    game.opt_G.zero_grad()
    game.loss.g_loss(game.D(game.G(torch.randn(len(y), game.z_dim), y), y), y).backward()
    game.opt_G.step()


def of_two_steps(game: Any, batches: Any) -> Round:
    for x, y in batches:
        found = step_D(game, x, fakes(game, y), y)
    return Round(found[0], step_G(game, fakes(game, y), y), *found[1:], y)


def faulty(
    *,
    detach=True,
    zero_D=True,
    zero_G=True,
    g_first=False,
    g_each=False,
    old=False,
    sign=1,
    D=True,
    G=True,
    noise=torch.randn,
    loss=None,
):
    """The round by hand, with one thing done wrong."""

    def round(game: Any, batches: Any) -> None:
        losses = loss or game.loss

        def step_of_G() -> None:
            if zero_G:
                game.opt_G.zero_grad()
            z = z_of_D if old else noise(len(y), game.z_dim)
            losses.g_loss(game.D(game.G(z, y), y), y).backward()
            game.opt_G.step()

        for x, y in batches:
            if g_first:
                step_of_G()
            z_of_D = noise(len(y), game.z_dim)
            x_fake = game.G(z_of_D, y)
            if zero_D:
                game.opt_D.zero_grad()
            fake = game.D(x_fake.detach() if detach else x_fake, y)
            (sign * losses.d_loss(game.D(x, y), fake, y)).backward()
            if D:
                game.opt_D.step()
            if g_each and not g_first:
                step_of_G()
        if G and not g_first and not g_each:
            step_of_G()

    return round


def told_no_label(game: Any, batches: Any) -> None:
    for x, _ in batches:
        game.D(x) + game.D(game.G(torch.randn(len(x), game.z_dim)))


ROUND = Exercise(
    exercises.check_round,
    right=[one_round, by_hand, of_two_steps],
    wrong=[
        (NONE[0], "D's weight is"),
        RAISES,
        (faulty(zero_D=False), "D's weight is"),
        (faulty(zero_G=False, detach=False), "G's weight is"),
        (faulty(g_first=True), "'s weight is"),
        (faulty(g_each=True), "of 2 batch(es)"),
        (faulty(sign=-1), "D's weight is"),
        (faulty(D=False), "D's weight is"),
        (faulty(G=False), "G's weight is"),
        (faulty(loss=losses.NonSaturating()), "D's weight is"),
        (faulty(old=True), "G draws from 1 noise(s)"),
        (faulty(noise=torch.zeros), "G draws from 1 noise(s)"),
        (faulty(noise=torch.rand), "draw it with torch.randn"),
        (told_no_label, "missing 1 required positional argument: 'y'"),
    ],
)


class TwoLosses:
    """A loss of two functions."""

    def __init__(self, d_loss: Callable[..., Any], g_loss: Callable[..., Any]) -> None:
        self.d, self.g = d_loss, g_loss

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor) -> Any:
        return self.d(real, fake)

    def g_loss(self, fake: Tensor, y: Tensor, *real: Tensor) -> Any:
        return self.g(fake, *real)


def spoilt(d: Callable[..., Any], g: Callable[..., Any]) -> list[tuple[Any, str]]:
    """Nine ways to spoil a loss."""
    return [
        (TwoLosses(lambda *a: -d(*a), g), "d_loss is"),
        (TwoLosses(d, lambda *a: -g(*a)), "g_loss is"),
        (TwoLosses(lambda *a: 0 * d(*a), g), "d_loss is 0"),
        (TwoLosses(lambda *a: 7 * d(*a), g), "d_loss is"),  # a sum in place of a mean
        (TwoLosses(lambda *a: d(*a).detach(), g), "no gradient passes through d_loss"),
        (TwoLosses(lambda *a: d(*a).item(), g), "d_loss is no tensor"),
        (TwoLosses(d, lambda *a: None), "g_loss is None"),
        (TwoLosses(lambda *a: d(*a).expand(3), g), "d_loss is"),
        (TwoLosses(lambda real, fake: d(real, fake.detach()), g), "another gradient"),
        (TwoLosses(lambda *a: d(*a) / 0, g), "d_loss is"),
        (TwoLosses(d, fails), "your code raised KeyError"),
    ]


def mse(real: Tensor, fake: Tensor) -> Tensor:
    return (F.mse_loss(real, torch.ones_like(real)) + F.mse_loss(fake, torch.zeros_like(fake))) / 2


LEAST_SQUARES = Exercise(
    exercises.check_least_squares,
    right=[
        LeastSquares(),
        TwoLosses(mse, lambda fake: F.mse_loss(fake, torch.ones_like(fake)) / 2),
        TwoLosses(lambda r, f: 0.5 * ((r - 1) ** 2).mean() + 0.5 * (f**2).mean(), lambda f: ((1 - f) ** 2 / 2).mean()),
        TwoLosses(lambda r, f: ((r - 1) ** 2 + f**2).mean() / 2, lambda f: F.mse_loss(f, torch.ones(len(f))) / 2),
    ],
    wrong=[
        *spoilt(mse, lambda fake: F.mse_loss(fake, torch.ones_like(fake)) / 2),
        (TwoLosses(lambda r, f: mse(f, r), lambda f: (f - 1).square().mean() / 2), "d_loss is"),
        (TwoLosses(lambda r, f: 2 * mse(r, f), lambda f: (f - 1).square().mean()), "d_loss is"),
        (TwoLosses(mse, lambda f: f.square().mean() / 2), "g_loss is"),
        (losses.NonSaturating(), "d_loss is"),
    ],
)


# 2: stabilization


def coins(score: Tensor) -> Tensor:
    return torch.where(torch.rand_like(score) < 0.05, -score, score)


class NoisyLabels(losses.NonSaturating):
    """Swaps the target of an image with probability 5 %."""

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return F.softplus(-coins(real)).mean() + F.softplus(coins(fake)).mean()


class ByTargets(losses.NonSaturating):
    """The same, by targets."""

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> Tensor:
        of_real, of_fake = (torch.bernoulli(torch.full_like(s, t)) for s, t in ((real, 0.95), (fake, 0.05)))
        ce = F.binary_cross_entropy_with_logits
        return ce(real, of_real) + ce(fake, of_fake)


class Swapping(losses.NonSaturating):
    """Swaps with these probabilities, each image or all at once."""

    def __init__(self, of_real: float, of_fake: float, once: bool = False, of_G: bool = False) -> None:
        super().__init__()
        self.of_real, self.of_fake, self.once, self.of_G = of_real, of_fake, once, of_G

    def swap(self, score: Tensor, p: float) -> Tensor:
        coin = torch.rand(()) if self.once else torch.rand_like(score)
        return torch.where(coin < p, -score, score)

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return F.softplus(-self.swap(real, self.of_real)).mean() + F.softplus(self.swap(fake, self.of_fake)).mean()

    def g_loss(self, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return F.softplus(-self.swap(fake, 0.5 if self.of_G else 0.0)).mean()


def one_in_twenty(score: Tensor) -> Tensor:
    """No coins: of 20 images one is swapped."""
    swapped = torch.randperm(len(score)) < len(score) // 20
    return torch.where(swapped, -score, score)


def with_coins(swap: Callable[[Tensor], Tensor]) -> TwoLosses:
    return TwoLosses(
        lambda r, f: F.softplus(-swap(r)).mean() + F.softplus(swap(f)).mean(), lambda f: F.softplus(-f).mean()
    )


NOISY_LABELS = Exercise(
    exercises.check_noisy_labels,
    right=[
        NoisyLabels(),
        ByTargets(),
        Swapping(0.05, 0.05),
        TwoLosses(lambda r, f: (F.softplus(-coins(r)) + F.softplus(coins(f))).mean(), lambda f: F.softplus(-f).mean()),
    ],
    wrong=[
        (losses.NonSaturating(0.95, 0.05), "the same every time"),
        (losses.NonSaturating(), "the same every time"),
        (TwoLosses(lambda r, f: NoisyLabels().d_loss(r.detach(), f), lambda f: f.mean()), "passes no gradient"),
        (Swapping(0.05, 0.05, once=True), "a coin of its own"),
        (Swapping(0.05, 0.0), "a coin of its own"),
        (Swapping(0.0, 0.05), "a coin of its own"),
        (Swapping(0.95, 0.95), "on average"),
        (Swapping(0.05, 0.05, of_G=True), "only D's targets are swapped"),
        # what is right for a target, t -> 1 - t, is not for a score
        (with_coins(lambda s: torch.where(torch.rand_like(s) < 0.05, 1 - s, s)), "on average, not 1.825"),
        (with_coins(one_in_twenty), "each image needs a coin of its own"),
        (TwoLosses(lambda r, f: NoisyLabels().d_loss(r, f).detach(), lambda f: f.mean()), "no gradient"),
        (TwoLosses(lambda r, f: 2 * NoisyLabels().d_loss(r, f), lambda f: f.mean()), "on average"),
        (TwoLosses(fails, fails), "your code raised KeyError"),
        (TwoLosses(lambda r, f: None, fails), "d_loss is None"),
    ],
)


def covered(real, fake, k=5, own=1, square=1, share=torch.Tensor.mean, dim=1, turned=False):
    """The share of balls that hold a fake point, with what may be done wrong."""
    real, fake = (fake, real) if turned else (real, fake)
    radius = torch.cdist(real, real).kthvalue(k + own, dim=1).values
    return share((torch.cdist(real, fake) ** square <= radius[:, None]).any(dim=dim).float())


def by_sorting(real, fake):
    real, fake = real.numpy(), fake.numpy()
    radius = np.sort(np.linalg.norm(real[:, None] - real[None], axis=2), axis=1)[:, 5]
    return np.mean(np.linalg.norm(real[:, None] - fake[None], axis=2).min(axis=1) <= radius)


def one_by_one(real, fake):
    held = 0
    for n, x in enumerate(real):
        others = torch.cat([real[:n], real[n + 1 :]])
        radius = sorted((other - x).norm().item() for other in others)[4]
        held += any((y - x).norm().item() <= radius for y in fake)
    return Fraction(held, len(real))


COVERAGE = Exercise(
    exercises.check_coverage,
    right=[covered, by_sorting, one_by_one, lambda real, fake: float(covered(real, fake))],
    wrong=[
        (lambda real, fake: covered(real, fake, own=0), "its fifth nearest other real one"),  # the point itself counts
        (lambda real, fake: covered(real, fake, k=1), "its fifth nearest other real one"),
        (lambda real, fake: covered(real, fake, turned=True), "count real points"),  # recall's balls
        (lambda real, fake: covered(real, fake, dim=0), "count real points"),  # precision
        (lambda real, fake: covered(real, fake, square=2), "for 40 real and 60 fake points it gives"),
        (lambda real, fake: covered(real, fake, share=torch.Tensor.sum), "count real points"),
        (lambda real, fake: 1 - covered(real, fake), "count real points"),
        (lambda real, fake: 1.0, "it gives 1, not"),
        (lambda real, fake: float("nan"), "it gives nan"),
        (lambda real, fake: covered(real, fake, share=lambda found: found), "one number is asked for"),
        NONE,
        RAISES,
    ],
)


def boundary(theta: float, alpha: float) -> float:
    return theta / 2 + float(np.log(2 * alpha - 1)) / theta


BOUNDARY = Exercise(
    exercises.check_boundary,
    right=[
        boundary,
        lambda theta, alpha: torch.tensor(boundary(theta, alpha)),
        lambda theta, alpha: np.float32(boundary(theta, alpha)),
        lambda theta, alpha: np.array((theta**2 + 2 * np.log(2 * alpha - 1)) / (2 * theta)),
    ],
    wrong=[
        (lambda theta, alpha: theta / 2, "for theta = 4, alpha = 0.9 it gives 2"),
        (lambda theta, alpha: -boundary(theta, alpha), "where D* ="),
        (lambda theta, alpha: theta / 2 - np.log(2 * alpha - 1) / theta, "where D* ="),
        (lambda theta, alpha: theta / 2 + np.log(alpha) / theta, "where D* ="),
        (lambda theta, alpha: theta / 2 + np.log(2 * alpha - 1), "where D* ="),
        (lambda theta, alpha: 0.0, "where D* ="),
        (lambda theta, alpha: float("nan"), "it gives nan"),
        (lambda theta, alpha: float("inf"), "it gives inf"),
        (lambda theta, alpha: [1, 2], "one number is asked for"),
        (lambda theta, alpha: True, "one number is asked for"),
        NONE,
        RAISES,
    ],
)


# 3: AC-GAN


class WithClasses:
    """The loss of an AC-GAN, with one thing changed: of is the class term, d and g what is made of the terms."""

    def __init__(
        self,
        d: Callable[..., Any] = lambda scores, real, fake: scores + real + fake,
        g: Callable[..., Any] = lambda score, fake: score + fake,
        of: Callable[..., Any] = lambda verdict, y: F.cross_entropy(verdict.classes, y),
        source: Any = None,
    ) -> None:
        self.d, self.g, self.of, self.source = d, g, of, source or losses.NonSaturating()

    def d_loss(self, real: losses.Verdict, fake: losses.Verdict, y: Tensor) -> Any:
        return self.d(self.source.d_loss(real.score, fake.score), self.of(real, y), self.of(fake, y))

    def g_loss(self, fake: losses.Verdict, y: Tensor) -> Any:
        return self.g(self.source.g_loss(fake.score), self.of(fake, y))


class ByLogarithms:
    """(1) and (2) of notebook 3, to the letter."""

    def d_loss(self, real: losses.Verdict, fake: losses.Verdict, y: Tensor) -> Tensor:
        L_S = torch.sigmoid(real.score).log().mean() + (1 - torch.sigmoid(fake.score)).log().mean()
        n = torch.arange(len(y))
        L_C = sum(verdict.classes.softmax(1)[n, y].log().mean() for verdict in (real, fake))
        return -(L_S + L_C)

    def g_loss(self, fake: losses.Verdict, y: Tensor) -> Tensor:
        named = fake.classes.log_softmax(1).gather(1, y[:, None]).squeeze(1)
        return (-F.logsigmoid(fake.score) - named).mean()


CLASS_TERMS = Exercise(
    exercises.check_class_terms,
    right=[losses.AuxiliaryClassifier(losses.NonSaturating()), WithClasses(), ByLogarithms()],
    wrong=[
        (WithClasses(d=lambda scores, real, fake: scores), "the classes of the real images and the classes of"),
        (WithClasses(d=lambda scores, real, fake: scores + real), "makes of the classes of the fake images"),
        (WithClasses(d=lambda scores, real, fake: scores + fake), "makes of the classes of the real images"),
        (WithClasses(d=lambda scores, real, fake: scores + real - fake), "makes of the classes of the fake images"),
        (WithClasses(d=lambda scores, real, fake: scores - real - fake), "d_loss is"),
        (WithClasses(d=lambda scores, real, fake: scores + (real + fake) / 2), "d_loss is"),
        (WithClasses(d=lambda scores, real, fake: scores + real + fake + 1), "it adds a number"),
        (WithClasses(d=lambda scores, real, fake: scores + real + fake.detach()), "fake images detached?"),
        (WithClasses(d=lambda scores, real, fake: (scores + real + fake).item()), "d_loss is no tensor"),
        (WithClasses(d=lambda *terms: None), "d_loss is None"),
        (WithClasses(g=lambda score, fake: score), "g_loss is"),
        (WithClasses(g=lambda score, fake: score - fake), "makes of the classes of the fake images"),
        (WithClasses(g=lambda score, fake: -score + fake), "makes of the scores of the fake images"),
        (WithClasses(of=lambda verdict, y: F.cross_entropy(verdict.classes.softmax(1), y)), "d_loss is"),
        (WithClasses(of=lambda verdict, y: F.cross_entropy(verdict.classes, y, reduction="sum")), "d_loss is"),
        (WithClasses(of=lambda verdict, y: F.cross_entropy(verdict.classes, y.roll(1))), "d_loss is"),
        (WithClasses(source=LeastSquares()), "the scores of the real images and the scores of the fake images"),
        (WithClasses(d=fails), "your code raised KeyError"),
    ],
)

IMAGES = ImageSet(
    torch.randint(0, 256, (10, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
    torch.arange(10) % 5,
    tuple("abcde"),
    "small",
)


class Projection(nn.Module):
    """s(x, y) = u . h + b + v_y . h with h = x, the pixels."""

    def __init__(self, change: Callable[..., Any] = lambda s, x, y: s, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.linear, self.v, self.change = nn.Linear(16, 1), nn.Embedding(5, 16), change

    def forward(self, x: Tensor, y: Tensor) -> Any:
        h = x.flatten(1)
        return self.change(self.linear(h).squeeze(1) + (self.v(y) * h).sum(1), x, y)


class Named(nn.Module):
    """The notebook's parts, put together in some way."""

    def __init__(
        self,
        of: Callable[[Tensor, Tensor], Tensor] = lambda uh, vh: uh + vh.sum(1),
        detached: tuple[bool, bool] = (False, False),
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.trunk, self.linear, self.v, self.of = nn.Flatten(), nn.Linear(16, 1), nn.Embedding(5, 16), of
        self.detached = detached  # h in u . h, and in v_y . h

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = self.trunk(x)
        hs = [h.detach() if off else h for off in self.detached]
        return self.of(self.linear(hs[0]).squeeze(1), self.v(y) * hs[1])


class LabelMap(nn.Module):
    """A learned map for each label, as a second channel; its parts have the notebook's names."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.v, self.linear = nn.Embedding(5, 16), nn.Linear(8, 1)
        self.trunk = nn.Sequential(nn.Conv2d(2, 8, 4), nn.LeakyReLU(), nn.Flatten())

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.linear(self.trunk(torch.cat([x, self.v(y).view(-1, 1, 4, 4)], 1))).squeeze(1)


class Concatenated(nn.Module):
    """The label as maps of its own (Mirza and Osindero)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(96, 8), nn.LeakyReLU(), nn.Linear(8, 1), nn.Flatten(0))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        maps = F.one_hot(y, 5)[:, :, None, None].expand(-1, -1, 4, 4)
        return self.layers(torch.cat([x, maps], 1))


class OfWeights(Projection):
    """Its v_y are these five vectors, which are in no list of parameters."""

    def __init__(self, each: list[Tensor]) -> None:
        super().__init__()
        del self.v
        self.each = each

    def v(self, y: Tensor) -> Tensor:
        return torch.stack([self.each[k] for k in y.tolist()])


class OfRows(Projection):
    """Its v_y is a row of one matrix."""

    def __init__(self) -> None:
        super().__init__()
        del self.v
        self.rows = nn.Parameter(torch.randn(5, 16))

    def v(self, y: Tensor) -> Tensor:
        return self.rows[y]


def from_zero() -> Projection:
    """The labels say nothing yet, and will."""
    D = Projection()
    nn.init.zeros_(D.v.weight)
    return D


CONDITIONAL = Exercise(
    exercises.check_conditional,
    right=[
        Projection(),
        Projection(seed=1),
        from_zero(),
        Named(),
        LabelMap(),
        Concatenated(),
        OfRows(),
        Projection(lambda s, x, y: s * 3 - 1),
    ],
    wrong=[
        (Named(detached=(True, True)), "no gradient reaches the image"),
        (Named(detached=(False, True)), "how well x fits y passes no gradient to x"),
        (Named(lambda uh, vh: vh.sum(1)), "it is not u . h + b + v_y . h"),
        (Named(lambda uh, vh: uh * vh.sum(1)), "it is not u . h + b + v_y . h"),
        (Named(lambda uh, vh: uh - vh.mean(1)), "it is not u . h + b + v_y . h"),
        (Projection(lambda s, x, y: s[:, None]), "shape (8, 1) for 8 images"),
        (Projection(lambda s, x, y: x.flatten(1).sum(1)), "D has to use y"),
        (Projection(lambda s, x, y: y.float()), "D has to use x"),
        (Projection(lambda s, x, y: x.flatten(1).sum(1) + y), "multiply v_y by h"),
        (Projection(lambda s, x, y: s + y.sum()), "label of another image"),
        (Projection(lambda s, x, y: s + x.sum()), "pixels of another image"),
        (Projection(lambda s, x, y: s - s.mean()), "another image"),
        (Projection(lambda s, x, y: s + torch.rand(())), "in the next call"),
        (Projection(lambda s, x, y: s.detach()), "no gradient"),
        (OfWeights(list(torch.eye(5, 16))), "not learned: make v_y an nn.Embedding"),
        (OfWeights([nn.Parameter(row) for row in torch.eye(5, 16)]), "not learned: make v_y an nn.Embedding"),
        (Projection(lambda s, x, y: s.mean()), "shape () for 8 images"),
        (Projection(lambda s, x, y: s / 0), "not finite"),
        (Projection(lambda s, x, y: None), "D returns None"),
        (Projection(fails), "your code raised KeyError"),
    ],
    more=(IMAGES,),
)


def deviation_by_numbers() -> float:
    x = np.linspace(0, 10, 100_001)
    p = np.exp(-((x - 1) ** 2) / 2) + np.exp(-((x + 1) ** 2) / 2)
    mean = (p * x).sum() / p.sum()
    return float(np.sqrt((p * (x - mean) ** 2).sum() / p.sum()))


HALF_OF = deviation_by_numbers()
NO_NUMBERS = [
    ("two", "one number is asked for"),
    (True, "one number is asked for"),
    (None, "is None"),
    ([1, 2], "one number"),
]
HALF = Exercise(
    exercises.check_half,
    right=[HALF_OF, torch.tensor(HALF_OF), np.float32(HALF_OF), np.array(HALF_OF), round(HALF_OF, 2)],
    wrong=[
        (1.0, "1 is not it"),
        (0.7935, "with the density of both classes together"),  # of one class
        (HALF_OF**2, "not it"),
        (0.0, "0 is not it"),
        (float("inf"), "inf"),
        *NO_NUMBERS,
    ],
)


# 4: WGAN


def penalty_by_hand(
    score: Any, real: Tensor, fake: Tensor, *, detach: bool = False, root: Any = None, sign: int = 1, weight: float = 10
) -> Any:
    t = torch.rand(len(real), *[1] * (real.dim() - 1))
    x_hat = (t * real + (1 - t) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(score(x_hat).sum(), x_hat, create_graph=not detach)
    norm = gradient.flatten(1).norm(dim=1) if root is None else root(gradient)
    return sign * weight * ((norm - 1) ** 2).mean()


def as_the_hint_says(score: Any, real: Tensor, fake: Tensor) -> Tensor:
    t = torch.rand(len(real), 1, 1, 1)
    return 10 * (lipschitz.gradient_norms(score, t * real + (1 - t) * fake) - 1).square().mean()


def image_by_image(score: Any, real: Tensor, fake: Tensor) -> Tensor:
    """Line 3 of Algorithm 1 to the letter: for i = 1, ..., m."""
    pairs = zip(real.split(1), fake.split(1), strict=True)
    return torch.stack([as_the_hint_says(score, x, x_fake) for x, x_fake in pairs]).mean()


def t_a_channel(score: Any, real: Tensor, fake: Tensor) -> Tensor:
    return wrong.between(score, real, fake, torch.rand(*real.shape[:2], 1, 1), 10)


def half_detached(score: Any, real: Tensor, fake: Tensor) -> Tensor:
    t = torch.rand(len(real), 1, 1, 1)
    off = lipschitz.gradient_norms(score, t * real + (1 - t) * fake) - 1
    return 10 * (off * off.detach()).mean()


GRADIENT_PENALTY = Exercise(
    exercises.check_gradient_penalty,
    right=[
        lipschitz.gradient_penalty,
        penalty_by_hand,
        partial(penalty_by_hand, root=lambda g: torch.linalg.vector_norm(g.reshape(len(g), -1), dim=1)),
        lambda score, real, fake: lipschitz.gradient_penalty(score, fake, real),  # t and 1 - t are the same
        as_the_hint_says,
        image_by_image,
    ],
    wrong=[
        (t_a_channel, "the pixels of an image get several t"),
        (partial(penalty_by_hand, root=lambda g: g.flatten(2).norm(dim=2)), "10 mean((norm - 1)^2)"),
        (wrong.report_b, "draw it from [0, 1]"),
        (wrong.normal_t, "draw it from [0, 1]"),
        (wrong.one_t_for_the_batch, "all images of a batch get one t"),
        (wrong.one_t_a_pixel, "the pixels of an image get several t"),
        (wrong.t_is_1, "t is always 1"),
        (wrong.one_norm_for_the_batch, "one norm together"),
        (partial(lipschitz.gradient_penalty, one_sided=True), "one-sided"),
        (
            partial(penalty_by_hand, detach=True),
            "no gradient passes through the penalty: differentiate with create_graph",
        ),
        (partial(penalty_by_hand, sign=-1), "10 mean((norm - 1)^2)"),
        (partial(penalty_by_hand, weight=1), "10 mean((norm - 1)^2)"),
        (half_detached, "its value is right, and its gradient"),
        (lambda *a: penalty_by_hand(*a).item(), "no tensor"),
        NONE,
        RAISES,
    ],
)


def hinge_d(real: Tensor, fake: Tensor) -> Tensor:
    return (1 - real).relu().mean() + (1 + fake).relu().mean()


def hinge_g(fake: Tensor) -> Tensor:
    return -fake.mean()


HINGE = Exercise(
    exercises.check_hinge,
    right=[
        losses.Hinge(),
        TwoLosses(hinge_d, hinge_g),
        TwoLosses(lambda r, f: -(r - 1).clamp(max=0).mean() - (-f - 1).clamp(max=0).mean(), lambda f: (-f).mean()),
        TwoLosses(lambda r, f: torch.maximum(1 - r, 0 * r).mean() + F.relu(1 + f).sum() / len(f), hinge_g),
    ],
    wrong=[
        *spoilt(hinge_d, hinge_g),
        (losses.Wasserstein(), "d_loss is"),
        (TwoLosses(hinge_d, lambda f: (1 - f).relu().mean()), "g_loss is"),
        (TwoLosses(lambda r, f: hinge_d(f, r), hinge_g), "d_loss is"),
        (TwoLosses(lambda r, f: r.sigmoid().mean() + f.sigmoid().mean(), hinge_g), "d_loss is"),
    ],
)


def r1(
    score: Any,
    real: Tensor,
    fake: Tensor,
    weight: float = 10.0,
    graph: bool = True,
    pixels: tuple[int, ...] = (1, 2, 3),
) -> Any:
    x = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(score(x).sum(), x, create_graph=graph)
    return weight / 2 * gradient.square().sum(pixels).mean()


R1 = Exercise(
    exercises.check_r1,
    right=[r1, lipschitz.r1, partial(lipschitz.r1, gamma=10.0), lambda *a: r1(*a, weight=1) * 10],
    wrong=[
        (lambda score, real, fake: r1(score, fake, real), "at the fake images"),
        (lambda *a: r1(*a).detach(), "no gradient passes"),
        (partial(r1, graph=False), "no gradient passes through the penalty: differentiate with create_graph=True"),
        (partial(r1, weight=20.0), "weight / 2 times"),
        (partial(r1, pixels=(2, 3)), "weight / 2 times"),  # a norm for each channel
        (lambda *a: -r1(*a), "weight / 2 times"),
        (lambda *a: 5 * r1(*a), "weight / 2 times"),  # a sum over the images
        (lambda *a: r1(*a).sqrt(), "weight / 2 times"),
        (lambda score, real, fake: 0 * score(real).sum(), "it is 0"),
        (lambda *a: r1(*a).detach() + 0 * r1(*a), "another one"),
        (lipschitz.gradient_penalty, "weight / 2 times"),
        NONE,
        RAISES,
    ],
)


# 5: the Wasserstein distance

P, Q = [3, 2, 1, 4], [1, 2, 4, 3]


def emd(p: Any, q: Any) -> Any:
    return np.abs(np.cumsum(np.subtract(p, q))).sum()


def by_shovel(p: Any, q: Any) -> int:
    carried = done = 0
    for have, want in zip(p, q, strict=True):
        carried += have - want
        done += abs(carried)
    return int(done)


def overwrites(p: Any, q: Any) -> float:
    p[:] = q
    return float(emd(p, q))


EMD_1D = Exercise(
    exercises.check_emd_1d,
    right=[emd, by_shovel, lambda p, q: torch.tensor(float(emd(p, q))), lambda p, q: np.array(emd(q, p))],
    wrong=[
        (overwrites, "it changes the piles"),
        (lambda p, q: 5.0, "it gives 5; the least work is"),
        (lambda p, q: -emd(p, q), "the least work is 5"),
        (lambda p, q: 2 * emd(p, q), "it gives 10"),
        (lambda p, q: np.abs(np.subtract(p, q)).sum(), "the least work is"),
        (lambda p, q: np.cumsum(np.subtract(p, q)).sum(), "the least work is"),
        (lambda p, q: np.abs(np.cumsum(np.subtract(p, q))), "one number is asked for"),
        (lambda p, q: np.inf, "it gives inf"),
        (lambda p, q: np.abs(np.cumsum(p - q)).sum(), "your code raised TypeError"),  # for arrays only
        (lambda p, q: np.abs(np.cumsum(np.subtract(p, q)).astype(int)).sum(), "for the lists p = [0.5"),
        (lambda p, q: np.abs(np.cumsum(np.subtract(p, q))).mean(), "the least work is"),
        NONE,
        RAISES,
    ],
)

MOVES = Exercise(
    exercises.check_moves,
    right=[
        [(0, 1, 2), (1, 2, 2), (3, 2, 1)],
        [[3, 2, 1.0], [0, 1, 2.0], [1, 2, 2.0]],
        np.array([[0, 1, 2], [1, 2, 2], [3, 2, 1]]),
        [(0, 1, Fraction(1)), (0, 1, 1), (1, 2, 2), (3, 2, 1)],
        zip([0, 1, 3], [1, 2, 2], [2, 2, 1], strict=True),
    ],
    wrong=[
        ([], "the piles end as [3.0, 2.0, 1.0, 4.0]"),
        ([(0, 2, 2), (3, 2, 1)], "a neighbouring place"),
        ([(0, 1, 2), (1, 2, 2), (3, 2, 2), (2, 3, 1)], "it can be done with 5"),
        ([(0, 1, 5)], "so much does not lie at place 0"),
        ([(0, 1, -2)], "takes more than nothing"),
        ([(0, 1)], "is no move"),
        ([(3, 4, 1)], "numbered 0 to 3"),
        ([(0, 1, 2), (1, 2, 2)], "the piles end as"),
        ([(0, 0, 1)], "a neighbouring place"),
        ([(0, 1, None)], "is None"),
        (None, "your code raised TypeError"),
    ],
    more=(P, Q),
)

POTENTIAL = Exercise(
    exercises.check_potential,
    right=[[0, -1, -2, -1], np.array([5, 4, 3, 4]), torch.tensor([0.0, -1, -2, -1]), (1, 0, -1, 0)],
    wrong=[
        ([0, -2, -4, -2], "f changes by 2"),
        ([0, 0, 0, 0], "a 1-Lipschitz f can reach 5"),
        ([0, 1, 2, 1], "a 1-Lipschitz f can reach 5"),
        ([0, 1], "each of the 4 places, has shape (2,)"),
        ([0, -1, -2, -3], "a 1-Lipschitz f can reach 5"),
        ([0, -1, -2, float("nan")], "not finite"),
        (5, "has shape ()"),
        ("f", "numbers of shape (4,)"),
        (None, "is None"),
    ],
    more=(P, Q),
)

LARGEST_SLOPE = Exercise(
    exercises.check_largest_slope,
    right=[
        lambda c, h1, h2: c**3 * h1 * h2,
        lambda c, h1, h2: torch.tensor(c, dtype=torch.float64) ** 3 * h1 * h2,
        lambda c, h1, h2: (np.full((1, h2), c) @ np.full((h2, h1), c) @ np.full((h1, 1), c)).item(),
    ],
    wrong=[
        (lambda c, h1, h2: c**2 * h1, "for c = 0.01, h1 = 64, h2 = 64"),
        (lambda c, h1, h2: c**3, "set every weight to c"),
        (lambda c, h1, h2: c * h1 * h2, "set every weight to c"),
        (lambda c, h1, h2: c**3 * (h1 + h2), "for c = 1, h1 = 1, h2 = 1 it gives 2"),
        (lambda c, h1, h2: -(c**3) * h1 * h2, "it gives -1"),
        (lambda c, h1, h2: c**3 * h1 * h1, "for c = 0.1"),
        (lambda c, h1, h2: 1.0, "for c = 0.01"),
        (lambda c, h1, h2: float("inf"), "it gives inf"),
        NONE,
        RAISES,
    ],
)


def noise_by_bisection() -> float:
    """The noise under which two points one apart have half of the JSD they had."""

    def share(sigma: float) -> float:
        x = np.linspace(-8, 9, 6001)
        p, q = (np.exp(-(((x - place) / sigma) ** 2) / 2) for place in (0, 1))
        p, q = p / p.sum() + 1e-300, q / q.sum() + 1e-300
        m = (p + q) / 2
        return float((p * np.log(p / m) + q * np.log(q / m)).sum() / 2 / np.log(2))

    low, high = 0.05, 2.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if share(middle) > 0.5 else (low, middle)
    return low


SIGMA = noise_by_bisection()
NOISE = Exercise(
    exercises.check_noise,
    right=[SIGMA, round(SIGMA, 2), torch.tensor(SIGMA), np.float32(SIGMA), np.array([SIGMA])],
    wrong=[
        (0.1, "the JSD is 1.000 log 2: 0.49 to 0.51"),
        (2.0, "the JSD is"),
        (0.0, "a positive number"),
        (-SIGMA, "a positive number"),
        (float("inf"), "a positive number"),
        *NO_NUMBERS,
    ],
)

R1_WEIGHT = Exercise(
    exercises.check_r1_weight,
    right=[1, 1.0, np.float32(1), torch.tensor(1.0), Fraction(1), np.array(1)],
    wrong=[
        (0.5, "when does the root become real?"),
        (2, "when does the root become real?"),
        (-1, "when does the root become real?"),
        (0.25, "when does the root become real?"),
        (float("nan"), "when does the root become real?"),
        *NO_NUMBERS,
    ],
)


# 6: few images


def averaged(weights: list[Tensor], beta: float, start: Tensor | None = None) -> Tensor:
    a = weights[0] if start is None else start
    for w in weights[1:] if start is None else weights:
        a = beta * a + (1 - beta) * w
    return a


def in_place(weights: list[Tensor], beta: float) -> Tensor:
    for w in weights[1:]:
        weights[0].mul_(beta).add_(w, alpha=1 - beta)
    return weights[0]


def as_powers(weights: list[Tensor], beta: float) -> Any:
    n = len(weights)
    shares = [beta ** (n - 1)] + [(1 - beta) * beta ** (n - 1 - i) for i in range(1, n)]
    return np.tensordot(shares, np.stack([w.numpy() for w in weights]), 1)


AVERAGE = Exercise(
    exercises.check_average,
    right=[averaged, as_powers, lambda weights, beta: averaged(weights, beta).tolist()],
    wrong=[
        (lambda weights, beta: weights[0], "for n = 2, beta = 0.75"),
        (lambda weights, beta: averaged(weights, 1 - beta), "for n = 2"),
        (lambda weights, beta: averaged(weights, beta, torch.zeros(3)), "for n = 1"),
        (lambda weights, beta: torch.stack(weights).mean(0), "for n = 2"),
        (lambda weights, beta: averaged(weights, beta).sum(), "has shape (), not (3,)"),
        (lambda weights, beta: averaged(weights[:-1] or weights, beta), "for n = 2"),
        (lambda weights, beta: averaged(weights, beta) * torch.nan, "it gives [nan"),
        (in_place, "it changes the weights"),
        NONE,
        RAISES,
    ],
)

TURNS = "1, 2 or 3 quarter turns", "0 to 3 quarter turns"
LEAKS_AT = Exercise(
    exercises.check_leaks_at,
    right=[
        {"a mirror": 0.5, TURNS[0]: 3 / 4, TURNS[1]: 1},
        {"a mirror": torch.tensor(0.5), TURNS[0]: np.float32(0.75), TURNS[1]: Fraction(1)},
        {TURNS[1]: 1.0, TURNS[0]: 0.75, "a mirror": np.array(0.5)},
    ],
    wrong=[
        ({}, "no 'a mirror'"),
        ({"a mirror": 1.0}, "a mirror: it does not leak first at p = 1"),
        ({"a mirror": 0.0}, "at p = 0"),
        ({"a mirror": "half"}, "one number is asked for"),
        ({"a mirror": None}, "a mirror: write its p in place of None"),
        ({"a mirror": float("nan")}, "at p = nan"),
        ({"a mirror": 0.5, TURNS[0]: 1.0, TURNS[1]: 1.0}, TURNS[0]),
        ({"a mirror": 0.5, TURNS[0]: 0.75, TURNS[1]: 0.75}, TURNS[1]),
        (None, "your code raised TypeError"),
    ],
)


def erased(x: Tensor, side: int = 8, low: float = -1.0, each: bool = True, diagonal: bool = False) -> Tensor:
    """A square of each image is black, at a place of its own, at the same place, or with row and column one number."""
    row, column = torch.randint(0, 32 - side, (2, len(x) if each else 1, 1, 1, 1))
    column = row if diagonal else column
    at = torch.arange(32)
    inside = ((at[:, None] - row) // side == 0) & ((at - column) // side == 0)
    return torch.where(inside, low, x)


def erased_in_place(x: Tensor) -> Tensor:
    with torch.no_grad():
        x.copy_(erased(x))
    return x


def image_by_image_in_place(x: Tensor) -> Tensor:
    for image in x:
        row, column = (int(torch.randint(25, ())) for _ in range(2))
        image[:, row : row + 8, column : column + 8] = -1
    return x


def of_one_channel(x: Tensor) -> Tensor:
    return torch.cat([erased(x[:, :1]), x[:, 1:]], 1)


def every_second(x: Tensor) -> Tensor:
    """64 pixels of 15 x 15: every second row and column."""
    row, column = torch.randint(0, 16, (2, len(x), 1, 1, 1))
    rows, columns = torch.arange(32)[:, None] - row, torch.arange(32) - column
    inside = (rows // 16 == 0) & (rows % 2 == 0) & (columns // 16 == 0) & (columns % 2 == 0)
    return torch.where(inside, -1.0, x)


def with_a_factor(x: Tensor) -> Tensor:
    """As `moves.brightness` is written: rounding changes the last bits of every pixel."""
    keep = (erased(torch.zeros_like(x[:, :1])) == 0).float()
    return -1 + keep * (x + 1)


def by_loop(x: Tensor) -> Tensor:
    masks = torch.zeros(x.shape)
    for mask in masks:
        row, column = (int(torch.randint(25, ())) for _ in range(2))
        mask[:, row : row + 8, column : column + 8] = 1
    return x * (1 - masks) - masks


ERASE = Exercise(
    exercises.check_erase,
    right=[
        erased,
        by_loop,
        with_a_factor,
        lambda x: torch.where(erased(torch.zeros_like(x)) < 0, -torch.ones_like(x), x),
    ],
    wrong=[
        (lambda x: x, "it changes nothing"),
        (lambda x: x[:, :, 1:], "it makes shape (64, 3, 31, 32)"),
        (lambda x: x.flip(3), "does not become black"),
        (lambda x: x * torch.rand(len(x), 1, 1, 1), "does not become black"),
        (partial(erased, low=0.0), "does not become black"),
        (partial(erased, each=False), "begin in 1 row(s)"),
        (partial(erased, side=7), "one square of 8 x 8"),
        (partial(erased, diagonal=True), "row and column are the same number"),
        (of_one_channel, "it changes some channels of a pixel, and not all of them"),
        (every_second, "one square of 8 x 8"),
        (partial(erased, low=-0.9), "does not become black"),
        (moves.translate, "does not become black"),
        (lambda x: torch.where(torch.arange(32) < 2, -1.0, x), "one square of 8 x 8"),
        (lambda x: erased(erased(x)), "one square of 8 x 8"),
        (lambda x: erased(x).detach(), "no gradient reaches the images"),
        (lambda x: erased(x) * torch.nan, "does not become black"),
        (erased_in_place, "it changes the images"),
        (image_by_image_in_place, "it changes the images"),
        (lambda x: erased(x).double(), "it makes torch.float64 of images in torch.float32"),
        (lambda x: x[random.sample(range(25), len(x))], "lambda x: x[random.sample"),  # and no line of random.py
        (lambda x: erased(x).numpy, "return as many of the same shape"),
        NONE,
        RAISES,
    ],
)


def pull(a: Tensor, b: Tensor) -> Tensor:
    return F.softplus(b - a).mean()


def both(of: Callable[[Tensor, Tensor], Any]) -> TwoLosses:
    """The loss whose two sides are the same function with the players exchanged."""
    return TwoLosses(of, lambda fake, real: of(fake, real))


PAIRS = Exercise(
    exercises.check_pairs,
    right=[
        losses.Relativistic(),
        both(pull),
        both(lambda a, b: -torch.log(torch.sigmoid(a - b)).mean()),
        both(lambda a, b: (1 + (b - a).exp()).log().sum() / len(a)),
    ],
    wrong=[
        *spoilt(pull, pull),
        (losses.NonSaturating(), "d_loss is"),
        (both(lambda a, b: pull(b, a)), "d_loss is"),
        (both(lambda a, b: F.softplus(b - a)), "d_loss is"),
        (both(lambda a, b: F.softplus(b.mean() - a).mean()), "d_loss is"),
        (both(lambda a, b: F.softplus(-a).mean() + F.softplus(b).mean()), "d_loss is"),
    ],
)


# 7: two reports


def lost(labels: Tensor, batch_size: int) -> set[int]:
    return set(labels.tolist()) - set(labels[: len(labels) // batch_size * batch_size].tolist())


LOST = Exercise(
    exercises.check_lost,
    right=[
        lost,
        lambda labels, n: {int(k) for k in labels.unique() if not (labels[: len(labels) // n * n] == k).any()},
        lambda labels, n: sorted(lost(labels, n)),
        lambda labels, n: np.array(list(lost(labels, n))),
        lambda labels, n: set(torch.tensor(list(lost(labels, n)), dtype=torch.int64)),
    ],
    wrong=[
        (lambda labels, n: set(), "batches of 256 lose 4, not none"),
        (lambda labels, n: {4}, "batches of 64 lose none, not 4"),
        (lambda labels, n: {0}, "lose 4, not 0"),
        (lambda labels, n: set(range(5)) - lost(labels, n), "lose 4"),
        (lambda labels, n: lost(labels, 2 * n), "batches of"),
        (lambda labels, n: 4, "return a set of labels"),
        (lambda labels, n: set(labels[len(labels) // n * n :].tolist()), "lose"),
        (lambda labels, n: set(labels.tolist()) - set(labels[: -(len(labels) % n)].tolist()), "335 lose none"),
        (lambda labels, n: set(labels.tolist()) - {int(k) for b in labels.split(n)[:-1] for k in b}, "335 lose none"),
        (lambda labels, n: {5}, "not 5"),
        (lambda labels, n: set(range(int(labels[: len(labels) // n * n or 1].max()) + 1, 5)), "lose"),
        NONE,
        RAISES,
    ],
)


def mixed(y: Tensor, K: int, epsilon: float) -> Tensor:
    return (1 - epsilon) * F.one_hot(y, K) + epsilon / K


SMOOTHED = Exercise(
    exercises.check_smoothed,
    right=[
        mixed,
        lambda y, K, epsilon: np.full((len(y), K), epsilon / K) + (1 - epsilon) * np.eye(K)[y],
        lambda y, K, epsilon: torch.lerp(F.one_hot(y, K).double(), torch.full((len(y), K), 1 / K).double(), epsilon),
        lambda y, K, epsilon: [[epsilon / K + (1 - epsilon) * (k == one) for k in range(K)] for one in y.tolist()],
    ],
    wrong=[
        (lambda y, K, epsilon: F.one_hot(y, K), "the first row is"),
        (lambda y, K, epsilon: torch.where(F.one_hot(y, K) == 1, 1 - epsilon, epsilon / K), "0.9"),  # report B's
        (lambda y, K, epsilon: torch.where(F.one_hot(y, K) == 1, 1 - epsilon, epsilon / (K - 1)), "the first row is"),
        (lambda y, K, epsilon: epsilon * F.one_hot(y, K) + (1 - epsilon) / K, "the first row is"),
        (lambda y, K, epsilon: mixed(y, K, epsilon).T, "has shape (5, 4), not (4, 5)"),
        (lambda y, K, epsilon: mixed(y, K, epsilon).sum(), "has shape ()"),
        (lambda y, K, epsilon: torch.full((len(y), K), torch.nan), "the first row is [nan"),
        (lambda y, K, epsilon: -mixed(y, K, epsilon), "the first row is [-"),
        (lambda y, K, epsilon: mixed((y + 1) % K, K, epsilon), "the first row is"),
        NONE,
        RAISES,
    ],
)

EXERCISES = [thing for thing in list(globals().values()) if isinstance(thing, Exercise)]
