"""Checks of notebook 5's exercises."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike

from gan_lab.lessons.exercises.answer import Claims, check, close, number, numbers
from gan_lab.lessons.piles import still_needed, work
from gan_lab.theory.divergences import js, masses


@check
def check_emd_1d(answer: Callable[[ArrayLike, ArrayLike], float]) -> Claims:
    """Is answer(p, q) the Wasserstein distance of piles on the places 0, 1, 2, ...?"""
    random = np.random.default_rng(0)
    drawn = [(random.permutation(6), np.arange(6)) for _ in range(5)]
    for p, q in [(np.array([3, 2, 1, 4]), np.array([1, 2, 4, 3])), *drawn]:
        truth, one, other = still_needed(p, q), p.copy(), q.copy()
        found = number(answer(one, other))
        given = f"for p = {p.tolist()} and q = {q.tolist()}"
        yield (one == p).all() and (other == q).all(), f"{given} it changes the piles that it is given: copy them first"
        yield close(found, truth), f"{given} it gives {found:g}; the least work is {truth:g}"
    shares, wanted = [0.5, 0.25, 0.25], [0.0, 0.25, 0.75]
    found = number(answer(list(shares), list(wanted)))
    yield close(found, 1), f"for the lists p = {shares} and q = {wanted} it gives {found:g}; the least work is 1"


@check
def check_moves(moves: Sequence[tuple[int, int, float]], p: ArrayLike, q: ArrayLike) -> Claims:
    """Do moves (from, to, how much), each to a neighbour, turn p into q with the least work?"""
    moves = list(moves)
    piles, wanted, least = masses("p", p).copy(), masses("q", q), still_needed(p, q)
    for move in moves:
        yield len(move) == 3, f"{move} is no move: write (from, to, how much)"
        source, target, mass = (number(part, "a number in a move") for part in move)
        inside = all(place in range(len(piles)) for place in (source, target))
        yield inside, f"{move}: the places are numbered 0 to {len(piles) - 1}"
        yield mass > 0, f"{move}: a move takes more than nothing"
        yield abs(target - source) == 1, "every move goes to a neighbouring place: |to - from| = 1"
        piles[int(source)] -= mass
        piles[int(target)] += mass
        yield piles[int(source)] >= -1e-9, f"{move}: so much does not lie at place {int(source)} by then"
    yield np.allclose(piles, wanted), f"the piles end as {piles.tolist()}, not as {wanted.tolist()}"
    done = number(work(moves))
    yield close(done, least), f"the work is {done:g}; it can be done with {least:g}"


@check
def check_potential(f: ArrayLike, p: ArrayLike, q: ArrayLike) -> Claims:
    """Is f a 1-Lipschitz function on the places 0, 1, 2, ... that proves the distance of p and q?"""
    p, q = masses("p", p), masses("q", q)
    least = still_needed(p, q)
    f = numbers(f, torch.from_numpy(p), f"f, which needs one number for each of the {len(p)} places,").numpy()
    yield np.isfinite(f).all(), "a number of f is not finite"
    steepest, value = np.abs(np.diff(f)).max(), f @ (p - q)
    yield steepest <= 1 + 1e-9, f"between two neighbours f changes by {steepest:g}: at most 1 is allowed"
    yield close(value, least), f"sum f (p - q) is {value:g}: a 1-Lipschitz f can reach {least:g}"


@check
def check_largest_slope(answer: Callable[[float, int, int], float]) -> Claims:
    """Is answer(c, h1, h2) the steepest slope of a 1-h1-h2-1 ReLU network whose weights are clipped to [-c, c]?"""
    for c, h1, h2 in (1.0, 1, 1), (0.01, 64, 64), (0.1, 10, 20), (0.3, 7, 3):
        found, truth = number(answer(c, h1, h2)), c**3 * h1 * h2
        hint = f"for c = {c:g}, h1 = {h1}, h2 = {h2} it gives {found:g}: set every weight to c, follow the slope"
        yield abs(found - truth) <= 1e-6 * truth, hint


@check
def check_noise(sigma: float) -> Claims:
    """Does noise of this standard deviation halve the JSD of two points one apart, from log 2 to half of it?"""
    found = number(sigma, "sigma")
    yield 0 < found < np.inf, f"sigma is {found:g}: a standard deviation is a positive number"
    x = np.linspace(-8 * found, 1 + 8 * found, 4001)
    p, q = (np.exp(-(((x - place) / found) ** 2) / 2) for place in (0, 1))
    share = js(p / p.sum(), q / q.sum()) / np.log(2)
    asked = "0.49 to 0.51 log 2 are near enough"
    yield abs(share - 0.5) < 0.01, f"with sigma = {found:g} the JSD is {share:.3f} log 2: {asked}"


@check
def check_r1_weight(weight: float) -> Claims:
    """Is this the least weight of R1 at which the Dirac-GAN goes home without turning around it?"""
    yield weight is not None, "w is None: put a number in its place"
    found = number(weight, "the weight")
    yield (
        close(found, 1, 1e-3),
        f"{found:g}: the eigenvalues are -w/2 +- sqrt(w^2 / 4 - 1/4); when does the root become real?",
    )
