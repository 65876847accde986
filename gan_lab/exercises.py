"""Checks of the notebooks' exercises: each prints "Correct." or the first thing that does not hold yet."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from gan_lab.divergences import js, masses
from gan_lab.earth import still_needed, work


def report(claims: Iterable[tuple[bool, str]]) -> None:
    """Print the hint of the first claim that does not hold; "Correct." if all of them do."""
    print(next((f"Not yet: {hint}" for holds, hint in claims if not holds), "Correct."))


def close(answer: object, truth: float, tolerance: float = 1e-6) -> bool:
    """Is the answer a number, and the right one?"""
    return isinstance(answer, int | float | np.number) and bool(abs(answer - truth) <= tolerance)


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
