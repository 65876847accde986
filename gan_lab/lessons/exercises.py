"""Checks of the notebooks' exercises: each prints "Correct." or the first thing that does not hold yet."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import erf, exp, pi, sqrt

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from gan_lab.data.images import ImageSet
from gan_lab.lessons.piles import still_needed, work
from gan_lab.lessons.wrong_penalties import deviations
from gan_lab.lipschitz import Penalty
from gan_lab.losses import Loss, NonSaturating, Relativistic
from gan_lab.moves import Move
from gan_lab.theory.divergences import js, masses


def report(claims: Iterable[tuple[bool, str]]) -> None:
    """Print the hint of the first claim that does not hold; "Correct." if all of them do."""
    print(next((f"Not yet: {hint}" for holds, hint in claims if not holds), "Correct."))


def close(answer: object, truth: float, tolerance: float = 1e-6) -> bool:
    """Is the answer a number, and the right one?"""
    return isinstance(answer, int | float | np.number) and bool(abs(answer - truth) <= tolerance)


def like(answer: object, truth: Tensor, tolerance: float = 1e-4) -> bool:
    """Is the answer, of numbers in any form, of this shape, and the right one?"""
    try:
        found = torch.as_tensor(answer, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return False
    return found.shape == truth.shape and bool(((found - truth).abs() <= tolerance).all())


# 02: stabilization


def check_boundary(answer: Callable[[float, float], float]) -> None:
    """Is answer(theta, alpha) the x at which the best D says 1/2, for N(0, 1) against fakes N(theta, 1)?"""
    for theta, alpha in (4.0, 0.9), (1.0, 0.9), (-2.0, 0.75), (3.0, 1.0):
        x = answer(theta, alpha)
        p_r, p_g = (float(np.exp(-((x - mean) ** 2) / 2)) for mean in (0, theta))
        D = alpha * p_r / (p_r + p_g)
        if not close(D, 0.5):
            return report([(False, f"for theta = {theta:g}, alpha = {alpha:g} it gives {x:g}, where D* = {D:.3f}")])
    report([])


def check_noisy_labels(loss: Loss, swapped: float = 0.05) -> None:
    """Does the loss swap D's targets for that share of the images, each drawn anew, and leave G's as it is?"""
    real, fake, y = torch.full((4000,), 1.5), torch.full((4000,), -0.5), torch.zeros(4000, dtype=torch.int64)
    smoothed = NonSaturating(1 - swapped, swapped)
    found, truth = ([one.d_loss(real, fake, y).item() for _ in range(50)] for one in (loss, smoothed))
    g_loss, g_truth = loss.g_loss(fake, y).item(), NonSaturating().g_loss(fake).item()
    hint = "every image has a coin of its own, real and fake alike, and the mean is over all of them"
    report(
        [
            (
                bool(np.std(found) > 0),
                "it gives the same number every time: draw which targets are swapped, in every call",
            ),
            (
                close(np.mean(found), truth[0], 0.01),
                f"d_loss is {np.mean(found):.3f} on average, not {truth[0]:.3f}: {hint}",
            ),
            (close(g_loss, g_truth), f"g_loss is {g_loss:.3f}, not {g_truth:.3f}: only D's targets are swapped"),
        ]
    )


# 04: WGAN and WGAN-GP


def check_gradient_penalty(answer: Penalty) -> None:
    """Is answer(score, real, fake) the penalty of Algorithm 1 of WGAN-GP, with weight 10?"""
    report((False, sentence) for sentence in deviations(answer))


def check_hinge(loss: Loss) -> None:
    """Is this the hinge loss, D's and G's?"""
    real, fake, y = torch.tensor([-2.0, 0.5, 3.0]), torch.tensor([-3.0, 0.0, 1.0, 2.0]), torch.zeros(3)
    d_loss, g_loss = float(loss.d_loss(real, fake, y)), float(loss.g_loss(fake, y))
    given = f"for the scores {real.tolist()} of real and {fake.tolist()} of fake images"
    report(
        [
            (close(d_loss, 3.5 / 3 + 6 / 4), f"{given} d_loss is {d_loss:.4g}, not {3.5 / 3 + 6 / 4:.4g}"),
            (close(g_loss, 0.0), f"{given} g_loss is {g_loss:.4g}, not 0: it is minus a mean, without a hinge"),
        ]
    )


def check_r1(answer: Penalty, weight: float = 10.0) -> None:
    """Is answer(score, real, fake) the R1 penalty, weight / 2 times the mean square of the slope at the real images?"""
    real, fake = torch.tensor([[3.0, 4.0], [0.0, 1.0]]), torch.tensor([[6.0, 8.0], [8.0, 6.0]])
    w = torch.ones((), requires_grad=True)
    value = answer(lambda x: w * x.square().sum(1) / 2, real, fake)  # the slope at x is w |x|
    truth, found = weight / 2 * (25 + 1) / 2, value.item()
    report(
        [
            (
                close(found, truth, 1e-3),
                f"where the slopes at the real images are 5 and 1 it is {found:g}, not {truth:g}",
            ),
            (value.requires_grad, "no gradient reaches the critic's weights: differentiate with create_graph=True"),
        ]
    )


# 05: the Wasserstein distance


def check_emd_1d(answer: Callable[[ArrayLike, ArrayLike], float]) -> None:
    """Is answer(p, q) the Wasserstein distance of piles on the places 0, 1, 2, ...?"""
    random = np.random.default_rng(0)
    shuffled = [(random.permutation(6), np.arange(6)) for _ in range(5)]
    for p, q in [(np.array([3, 2, 1, 4]), np.array([1, 2, 4, 3])), *shuffled]:
        found, truth = answer(p, q), still_needed(p, q)
        if not close(found, truth):
            return report(
                [(False, f"for p = {p.tolist()} and q = {q.tolist()} it gives {found}; the least work is {truth:g}")]
            )
    report([])


def check_moves(moves: Sequence[tuple[int, int, float]], p: ArrayLike, q: ArrayLike) -> None:
    """Do moves (from, to, how much), each to a neighbour, turn p into q with the least work?"""
    piles, wanted, least = masses("p", p).copy(), masses("q", q), still_needed(p, q)
    for source, target, mass in moves:
        piles[source] -= mass
        piles[target] += mass
    steps = [abs(target - source) for source, target, _ in moves]
    done = work(moves)
    report(
        [
            (np.allclose(piles, wanted), f"the piles end as {piles.tolist()}, not as {wanted.tolist()}"),
            (set(steps) <= {1}, "every move goes to a neighbouring place: |to - from| = 1"),
            (close(done, least), f"the work is {done:g}; it can be done with {least:g}"),
        ]
    )


def check_potential(f: ArrayLike, p: ArrayLike, q: ArrayLike) -> None:
    """Is f a 1-Lipschitz function on the places 0, 1, 2, ... that proves the distance of p and q?"""
    f, p, q = np.asarray(f, dtype=np.float64), masses("p", p), masses("q", q)
    least = still_needed(p, q)
    if f.shape != p.shape:
        return report([(False, f"f has shape {f.shape}: it needs one number for each of the {len(p)} places")])
    steepest, value = np.abs(np.diff(f)).max(), f @ (p - q)
    report(
        [
            (steepest <= 1 + 1e-9, f"between two neighbours f changes by {steepest:g}: at most 1 is allowed"),
            (close(value, least), f"sum f (p - q) is {value:g}: a 1-Lipschitz f can reach {least:g}"),
        ]
    )


def check_largest_slope(answer: Callable[[float, int, int], float]) -> None:
    """Is answer(c, h1, h2) the steepest slope of a 1-h1-h2-1 ReLU network whose weights are clipped to [-c, c]?"""
    for c, h1, h2 in (1.0, 1, 1), (0.01, 64, 64), (0.1, 10, 20):
        found, truth = answer(c, h1, h2), c**3 * h1 * h2
        if not close(found, truth, 1e-9):
            hint = f"for c = {c:g}, h1 = {h1}, h2 = {h2} it gives {found}: set every weight to c, follow the slope"
            return report([(False, hint)])
    report([])


def check_noise(sigma: float) -> None:
    """Does noise of this standard deviation halve the JSD of two points one apart, from log 2 to half of it?"""
    if not isinstance(sigma, int | float) or sigma <= 0:
        return report([(False, f"sigma is {sigma}: a standard deviation is a positive number")])
    x = np.linspace(-8 * sigma, 1 + 8 * sigma, 4001)
    p, q = (np.exp(-(((x - place) / sigma) ** 2) / 2) for place in (0, 1))
    share = js(p / p.sum(), q / q.sum()) / np.log(2)
    report([(abs(share - 0.5) < 0.01, f"with sigma = {sigma:g} the JSD is {share:.2f} log 2")])


def check_r1_weight(weight: float) -> None:
    """Is this the least weight of R1 at which the Dirac-GAN goes home without turning around it?"""
    report(
        [
            (isinstance(weight, int | float), f"{weight} is not a number"),
            (close(weight, 1), "the eigenvalues are -w/2 +- sqrt(w^2 / 4 - 1/4): when does the root become real?"),
        ]
    )


# 03: AC-GAN


def check_lost(answer: Callable[[Tensor, int], set[int]]) -> None:
    """Does answer(labels, batch_size) name the labels that are in no full batch, taken in this order?"""
    labels = torch.arange(5).repeat_interleave(201)
    for batch_size in (256, 64, 400, 450, 2000):
        truth = set(labels.tolist()) - set(labels[: len(labels) // batch_size * batch_size].tolist())
        if (found := answer(labels, batch_size)) != truth:
            hint = f"of 5 classes with 201 images each, batches of {batch_size} lose {truth or 'no class'}, not {found}"
            return report([(False, hint)])
    report([])


def check_half(deviation: float) -> None:
    """Is this the standard deviation of |x|, x ~ N(1, 1), which is the right half of N(-1, 1) and N(1, 1) together?"""
    mean = erf(1 / sqrt(2)) + sqrt(2 / pi) * exp(-1 / 2)
    report(
        [(close(deviation, sqrt(2 - mean**2), 0.01), f"{deviation} is not it: sqrt(E[x^2] - E[x]^2), over x > 0 only")]
    )


def check_conditional(D: nn.Module, images: ImageSet) -> None:
    """Does D(x, y) give each image a score that depends on its own label, and on no other's?"""
    x, y = images.batch(slice(0, 8))
    other = (y + 1) % len(images.classes)
    mixed = torch.where(torch.arange(len(y)) < 4, y, other)
    training = D.training
    with torch.no_grad():
        own, wrong, half = (D.eval()(x, labels) for labels in (y, other, mixed))
    D.train(training)
    if own.shape != y.shape:
        return report([(False, f"D returns shape {tuple(own.shape)} for 8 images: one score each is (8,)")])
    report(
        [
            (not torch.allclose(own, wrong), "whatever the label, the score is the same: D has to use y"),
            (torch.allclose(own[:4], half[:4], atol=1e-5), "a score changes with the label of another image"),
        ]
    )


# 06: few images


def check_average(answer: Callable[[list[Tensor], float], Tensor]) -> None:
    """Is answer(weights, beta) their exponential moving average, which begins with the first of them?"""
    for n, beta in (1, 0.9), (2, 0.75), (5, 0.9):
        weights = list(torch.randn(n, 3, generator=torch.Generator().manual_seed(n)).unbind())
        given = [w.clone() for w in weights]
        truth = given[0].double()
        for w in given[1:]:
            truth = beta * truth + (1 - beta) * w
        found = answer(weights, beta)
        if not all(map(torch.equal, weights, given)):
            return report([(False, "it changes the weights that it is given, and G plays with them: make new ones")])
        if not like(found, truth):
            told = f"for n = {n}, beta = {beta:g} and w_n = {rounded(given[-1])}"
            return report([(False, f"{told} it gives {rounded(found)}, not {rounded(truth)}")])
    report([])


def check_leaks_at(answer: Mapping[str, float]) -> None:
    """Does it say at which p each augmentation of the exercise has the eigenvalue 0?"""
    hint = "write down the eigenvalues of section 3, and find the p at which the first of them is 0"
    for name, truth in {"a mirror": 1 / 2, "1, 2 or 3 quarter turns": 3 / 4, "0 to 3 quarter turns": 1.0}.items():
        if not like(answer.get(name), torch.tensor(truth), 1e-3):
            return report([(False, f"{name}: it does not leak first at p = {answer.get(name)}; {hint}")])
    report([])


def check_move(answer: Move) -> None:
    """Does it move each image by a draw of its own, keep what an image is, and let the gradient through?"""
    one = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    x = one.expand(64, 1, 32, 32).clone().requires_grad_()
    given = x.detach().clone()
    found = answer(x)
    if not isinstance(found, Tensor) or found.shape != x.shape:
        is_what = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else repr(found)
        return report(
            [(False, f"of 64 images of shape (1, 32, 32) it makes {is_what}: return as many of the same shape")]
        )
    low, high = found.detach().aminmax()
    moved = (found != found[:1]).flatten(1).any(1).sum()  # unlike the first
    slope = torch.autograd.grad(found.sum(), x, allow_unused=True)[0] if found.requires_grad else None
    report(
        [
            (torch.equal(x.detach(), given), "it changes the images that it is given: make new ones, x.clone()"),
            (
                bool(low >= -1.001 and high <= 1.001),
                f"it makes values from {low:.2f} to {high:.2f}: images have -1 to 1",
            ),
            (not torch.equal(found, x), "it moves nothing"),
            (bool(moved > 8), "of 64 equal images it makes 64 equal ones: draw a move for each image"),
            (slope is not None and bool(slope.any()), "no gradient reaches the images, and so none would reach G"),
        ]
    )


def check_pairs(loss: Loss) -> None:
    """Is this the relativistic pairing loss, D's and G's?"""
    real, fake = torch.randn(2, 7, generator=torch.Generator().manual_seed(0)).double() * 2
    real.requires_grad_()
    y = torch.zeros(7, dtype=torch.int64)
    truths = {"d_loss": Relativistic().d_loss(real, fake), "g_loss": Relativistic().g_loss(fake, y, real)}
    given = "for seven real and seven fake images with random scores"
    for name, found in {"d_loss": loss.d_loss(real, fake, y), "g_loss": loss.g_loss(fake, y, real)}.items():  # type: ignore[call-arg]
        truth = truths[name].detach()
        if not (isinstance(found, Tensor) and found.requires_grad):
            return report(
                [(False, f"{name} is {found}, through which no gradient passes: return a tensor, undetached")]
            )
        if not like(found.detach(), truth):
            return report([(False, f"{given} {name} is {rounded(found.detach())}, not {rounded(truth)}")])
    report([])


def rounded(answer: object) -> object:
    """Numbers to four digits, to be read; anything else as it is."""
    if not isinstance(answer, Tensor):
        return answer
    return float(f"{answer:.4g}") if answer.ndim == 0 else [rounded(part) for part in answer]
