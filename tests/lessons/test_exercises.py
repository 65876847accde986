from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab import lipschitz, losses, moves
from gan_lab.data.images import ImageSet
from gan_lab.lessons import exercises
from gan_lab.lessons.wrong_penalties import report_b
from gan_lab.lipschitz import Score, gradient_norms, gradient_penalty
from gan_lab.losses import NonSaturating, Wasserstein
from gan_lab.theory.divergences import js

P, Q = [3, 2, 1, 4], [1, 2, 4, 3]


class Hinge:
    """The hinge loss; with hinged_G the generator's is hinged too, which it should not be."""

    def __init__(self, hinged_G: bool = False) -> None:
        self.hinged_G = hinged_G

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor) -> Tensor:
        return (1 - real).relu().mean() + (1 + fake).relu().mean()

    def g_loss(self, fake: Tensor, y: Tensor) -> Tensor:
        return (1 - fake).relu().mean() if self.hinged_G else -fake.mean()


def r1(score: Score, real: Tensor, fake: Tensor, weight: float = 10.0) -> Tensor:
    return weight / 2 * gradient_norms(score, real).square().mean()


def solve_noise() -> float:
    """The least noise, on a fine grid, under which two points one apart have half of the JSD they had."""
    x = np.linspace(-6, 6, 2401)
    for sigma in np.arange(0.1, 2, 0.01):
        p, q = (np.exp(-(((x - place) / sigma) ** 2) / 2) for place in (0, 1))
        if js(p / p.sum(), q / q.sum()) < np.log(2) / 2:
            return float(sigma)
    raise AssertionError


class NoisyLabels(NonSaturating):
    """Swaps the target of an image with probability 5 %."""

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> Tensor:
        def swap(score: Tensor) -> Tensor:
            return torch.where(torch.rand_like(score) < 0.05, -score, score)

        return F.softplus(-swap(real)).mean() + F.softplus(swap(fake)).mean()


class OneCoin(NonSaturating):
    """Swaps all targets at once, and of the real images only."""

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return F.softplus(real if torch.rand(()) < 0.5 else -real).mean() + F.softplus(fake).mean()


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (exercises.check_boundary, (lambda theta, alpha: theta / 2 + np.log(2 * alpha - 1) / theta,)),
        (exercises.check_noisy_labels, (NoisyLabels(),)),
        (exercises.check_emd_1d, (lambda p, q: np.abs(np.cumsum(np.subtract(p, q))).sum(),)),
        (exercises.check_moves, ([(0, 1, 2), (1, 2, 2), (3, 2, 1)], P, Q)),
        (exercises.check_potential, ([0, -1, -2, -1], P, Q)),
        (exercises.check_potential, ([5, 4, 3, 4], P, Q)),
        (exercises.check_potential, ([0, 1, 0, 1, 0], [0, 6, 0, 2, 1], [2, 2, 3, 0, 2])),
        (exercises.check_largest_slope, (lambda c, h1, h2: c**3 * h1 * h2,)),
        (exercises.check_noise, (solve_noise(),)),
        (exercises.check_r1_weight, (1,)),
        (exercises.check_gradient_penalty, (gradient_penalty,)),
        (exercises.check_hinge, (Hinge(),)),
        (exercises.check_hinge, (losses.Hinge(),)),
        (exercises.check_r1, (r1,)),
        (exercises.check_r1, (lipschitz.r1,)),
        (exercises.check_r1, (partial(r1, weight=4.0), 4.0)),
    ],
)
def test_a_solution_is_correct(check: Callable[..., None], answer: tuple[Any, ...], capsys: Any) -> None:
    check(*answer)
    assert capsys.readouterr().out == "Correct.\n"


@pytest.mark.parametrize(
    ("check", "answer", "hint"),
    [
        (exercises.check_boundary, (lambda theta, alpha: theta / 2,), "for theta = 4, alpha = 0.9 it gives 2"),
        (exercises.check_noisy_labels, (NonSaturating(0.95, 0.05),), "the same number every time"),
        (exercises.check_noisy_labels, (OneCoin(),), "a coin of its own"),
        (exercises.check_emd_1d, (lambda p, q: None,), "it gives None; the least work is 5"),
        (exercises.check_emd_1d, (lambda p, q: 5.0,), "it gives 5.0; the least work is"),
        (exercises.check_moves, ([], P, Q), "the piles end as [3.0, 2.0, 1.0, 4.0]"),
        (exercises.check_moves, ([(0, 2, 2), (3, 2, 1)], P, Q), "a neighbouring place"),
        (exercises.check_moves, ([(0, 1, 2), (1, 2, 2), (3, 2, 2), (2, 3, 1)], P, Q), "it can be done with 5"),
        (exercises.check_potential, ([0, -2, -4, -2], P, Q), "f changes by 2"),
        (exercises.check_potential, ([0, 0, 0, 0], P, Q), "a 1-Lipschitz f can reach 5"),
        (exercises.check_potential, ([0, 1], P, Q), "one number for each of the 4 places"),
        (exercises.check_largest_slope, (lambda c, h1, h2: c**2 * h1,), "for c = 0.01, h1 = 64, h2 = 64"),
        (exercises.check_noise, (0.1,), "with sigma = 0.1 the JSD is 1.00 log 2"),
        (exercises.check_noise, (None,), "sigma is None"),
        (exercises.check_r1_weight, (0.5,), "when does the root become real?"),
        (exercises.check_r1_weight, (None,), "None is not a number"),
        (exercises.check_gradient_penalty, (report_b,), "draw it from [0, 1]"),
        (exercises.check_hinge, (Wasserstein(),), "d_loss is -0.5, not 2.667"),
        (exercises.check_hinge, (Hinge(hinged_G=True),), "minus a mean, without a hinge"),
        (exercises.check_r1, (lambda score, real, fake: r1(score, fake, real),), "are 5 and 1 it is 500, not 65"),
        (exercises.check_r1, (lambda *of: r1(*of).detach(),), "create_graph=True"),
    ],
)
def test_what_is_not_a_solution_gets_a_hint(check: Callable[..., None], answer: Any, hint: str, capsys: Any) -> None:
    check(*answer)
    said = capsys.readouterr().out
    assert said.startswith("Not yet: ") and hint in said


IMAGES = ImageSet(torch.arange(160, dtype=torch.uint8).view(10, 1, 4, 4), torch.arange(10) % 5, tuple("abcde"), "small")


class Projection(nn.Module):
    """s(x, y) = a . h + v_y . h with h = x, the pixels; `mix` adds what it must not."""

    def __init__(self, classes: int = 5, mix: float = 0.0) -> None:
        super().__init__()
        self.linear, self.v, self.mix = nn.Linear(16, 1), nn.Embedding(classes, 16), mix

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        h = x.flatten(1)
        return self.linear(h).squeeze(1) + (self.v(y) * h).sum(1) + self.mix * y.sum()


class Blind(Projection):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.linear(x.flatten(1)).squeeze(1)


class Wide(Projection):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.linear(x.flatten(1))


def lost(labels: torch.Tensor, batch_size: int) -> set[int]:
    return set(labels.tolist()) - set(labels[: len(labels) // batch_size * batch_size].tolist())


def deviation_by_numbers() -> float:
    x = np.linspace(0, 10, 100_001)
    p = np.exp(-((x - 1) ** 2) / 2) + np.exp(-((x + 1) ** 2) / 2)
    mean = (p * x).sum() / p.sum()
    return float(np.sqrt((p * (x - mean) ** 2).sum() / p.sum()))


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (exercises.check_lost, (lost,)),
        (exercises.check_half, (deviation_by_numbers(),)),
        (exercises.check_conditional, (Projection(), IMAGES)),
    ],
)
def test_a_solution_of_notebook_03_is_correct(check: Callable[..., None], answer: Any, capsys: Any) -> None:
    check(*answer)
    assert capsys.readouterr().out == "Correct.\n"


@pytest.mark.parametrize(
    ("check", "answer", "hint"),
    [
        (exercises.check_lost, (lambda labels, n: set(),), "batches of 256 lose {4}, not set()"),
        (exercises.check_lost, (lambda labels, n: {4},), "batches of 64 lose no class, not {4}"),
        (exercises.check_half, (1.0,), "1.0 is not it"),
        (exercises.check_half, (None,), "None is not it"),
        (exercises.check_conditional, (Blind(), IMAGES), "D has to use y"),
        (exercises.check_conditional, (Wide(), IMAGES), "shape (8, 1) for 8 images"),
        (exercises.check_conditional, (Projection(mix=1.0), IMAGES), "the label of another image"),
    ],
)
def test_what_is_no_solution_of_notebook_03_gets_a_hint(
    check: Callable[..., None], answer: Any, hint: str, capsys: Any
) -> None:
    check(*answer)
    said = capsys.readouterr().out
    assert said.startswith("Not yet: ") and hint in said


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


def erased(x: Tensor, side: int = 8, low: float = -1.0, each: bool = True) -> Tensor:
    """A square of each image is black, at a place of its own, or at the same place."""
    row, column = torch.randint(0, 32 - side, (2, len(x) if each else 1, 1, 1, 1))
    at = torch.arange(32)
    inside = ((at[:, None] - row) // side == 0) & ((at - column) // side == 0)
    return torch.where(inside, low, x)


class Pairs:
    """R3GAN's loss, with what a student may take for it."""

    def __init__(self, pull: Callable[[Tensor, Tensor], Tensor] = lambda a, b: F.softplus(b - a).mean()) -> None:
        self.pull = pull

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor) -> Tensor:
        return self.pull(real, fake)

    def g_loss(self, fake: Tensor, y: Tensor, real: Tensor) -> Tensor:
        return self.pull(fake, real)


TURNS = "1, 2 or 3 quarter turns", "0 to 3 quarter turns"


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (exercises.check_average, averaged),
        (exercises.check_average, as_powers),
        (exercises.check_leaks_at, {"a mirror": 0.5, TURNS[0]: 3 / 4, TURNS[1]: 1}),
        (exercises.check_leaks_at, {"a mirror": torch.tensor(0.5), TURNS[0]: np.float32(0.75), TURNS[1]: 1.0}),
        (exercises.check_move, erased),
        (exercises.check_move, moves.translate),
        (exercises.check_move, moves.brightness),
        (exercises.check_move, lambda x: torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x, x.flip(3))),
        (exercises.check_pairs, losses.Relativistic()),
        (exercises.check_pairs, Pairs()),
        (exercises.check_pairs, Pairs(lambda a, b: -torch.log(torch.sigmoid(a - b)).mean())),
        (exercises.check_pairs, Pairs(lambda a, b: (1 + (b - a).exp()).log().sum() / len(a))),
    ],
)
def test_a_solution_of_notebook_06_is_correct(check: Callable[..., None], answer: Any, capsys: Any) -> None:
    check(answer)
    assert capsys.readouterr().out == "Correct.\n"


@pytest.mark.parametrize(
    ("check", "answer", "hint"),
    [
        (exercises.check_average, lambda weights, beta: weights[0], "for n = 2, beta = 0.75"),
        (exercises.check_average, lambda weights, beta: averaged(weights, 1 - beta), "for n = 2"),
        (exercises.check_average, lambda weights, beta: averaged(weights, beta, torch.zeros(3)), "for n = 1"),
        (exercises.check_average, lambda weights, beta: torch.stack(weights).mean(0), "for n = 2"),
        (exercises.check_average, lambda weights, beta: averaged(weights, beta).sum(), "for n = 1"),
        (exercises.check_average, lambda weights, beta: averaged(weights[:-1] or weights, beta), "for n = 2"),
        (exercises.check_average, lambda weights, beta: averaged(weights, beta) * torch.nan, "nan"),
        (exercises.check_average, lambda weights, beta: None, "it gives None"),
        (exercises.check_average, in_place, "it changes the weights"),
        (exercises.check_leaks_at, {}, "a mirror: it does not leak first at p = None"),
        (exercises.check_leaks_at, {"a mirror": 1.0}, "a mirror: it does not leak first at p = 1.0"),
        (exercises.check_leaks_at, {"a mirror": "half"}, "at p = half"),
        (exercises.check_leaks_at, {"a mirror": 0.5, TURNS[0]: 1.0, TURNS[1]: 1.0}, TURNS[0]),
        (exercises.check_leaks_at, {"a mirror": 0.5, TURNS[0]: 0.75, TURNS[1]: 0.75}, TURNS[1]),
        (exercises.check_move, lambda x: x, "it moves nothing"),
        (exercises.check_move, lambda x: None, "it makes None"),
        (exercises.check_move, lambda x: x[:, :, 1:], "it makes shape (64, 1, 31, 32)"),
        (exercises.check_move, lambda x: x.flip(3), "draw a move for each image"),
        (exercises.check_move, lambda x: erased(x, each=False), "draw a move for each image"),
        (exercises.check_move, lambda x: x + torch.rand(len(x), 1, 1, 1), "images have -1 to 1"),
        (exercises.check_move, lambda x: erased(x).detach(), "no gradient reaches the images"),
        (
            exercises.check_move,
            lambda x: torch.rand(len(x), 1, 1, 1, requires_grad=True).expand(x.shape),
            "no gradient",
        ),
        (exercises.check_move, lambda x: erased(x) * torch.nan, "values from nan"),
        (exercises.check_pairs, Pairs(lambda a, b: F.softplus(a - b).mean()), "d_loss is"),
        (exercises.check_pairs, Pairs(lambda a, b: F.softplus(b - a).sum()), "d_loss is"),
        (exercises.check_pairs, Pairs(lambda a, b: F.softplus(b - a)), "d_loss is ["),
        (exercises.check_pairs, Pairs(lambda a, b: F.softplus(b.mean() - a).mean()), "d_loss is"),
        (exercises.check_pairs, Pairs(lambda a, b: F.softplus(-a).mean() + F.softplus(b).mean()), "d_loss is"),
        (exercises.check_pairs, Pairs(lambda a, b: F.softplus(b - a).mean().detach()), "no gradient passes"),
        (exercises.check_pairs, Pairs(lambda a, b: F.softplus(b - a).mean().item()), "no gradient passes"),
        (exercises.check_pairs, Pairs(lambda a, b: None), "d_loss is None"),
    ],
)
def test_what_is_no_solution_of_notebook_06_gets_a_hint(
    check: Callable[..., None], answer: Any, hint: str, capsys: Any
) -> None:
    check(answer)
    said = capsys.readouterr().out
    assert said.startswith("Not yet: ") and hint in said
