"""The earth mover: the cheapest way to turn one heap of earth into another, and what it costs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gan_lab.theory.divergences import Array, masses

SMALLEST = np.finfo(np.float64).tiny  # smaller numbers have fewer digits


class Transport(NamedTuple):
    """An optimal transport of p (M,) to q (N,), with the prices that prove it optimal."""

    distance: float  # the least cost, in mass times cost
    plan: Array  # (M, N): plan[i, j] is the mass that goes from place i of p to place j of q
    f: Array  # (M,): the price of a unit of earth at each place of p
    g: Array  # (N,): and at each place of q; f[i] + g[j] <= cost[i, j]


def earth_mover(p: ArrayLike, q: ArrayLike, cost: ArrayLike) -> Transport:
    """The Wasserstein-1 distance of two heaps, as the linear program that defines it.

        W(p, q) = min { sum_ij plan_ij cost_ij : plan >= 0, sum_j plan_ij = p_i, sum_i plan_ij = q_j }    (1)
                = max { sum_i f_i p_i + sum_j g_j q_j : f_i + g_j <= cost_ij }                            (2)

    p (M,) and q (N,): masses >= 0 of one total; cost (M, N): the cost of moving a unit from i to j, a distance for W1.
    Potentials need not be unique. A constant can always be moved from g to f, here so that f[0] = 0; where no earth has
    to cross a gap, they may differ by more.
    Raises ValueError for a mass that is negative or not finite, for different totals and for other shapes, and
    ArithmeticError if rounding has kept (1) and (2) apart, so that nothing proves the plan to be the cheapest.
    Source: Kantorovich 1942; solved by the network simplex of Bonneel et al. 2011, in POT (Flamary et al. 2021).
    """
    import ot

    p, q, cost = _problem(p, q, cost)
    total, unit = p.sum(), max(np.abs(cost).max(), SMALLEST)  # the solver's tolerances are absolute: no cost above 1
    shares = ot.emd(p / total, q / q.sum(), cost / unit, numItermax=10_000_000)
    plan = total * np.where(shares > 1e-14, shares, 0)  # less is rounding, where p and q are all but equal
    f, g = _prices(plan, cost)
    best = Transport(float(np.sum(plan * cost)), plan, f - f[0], g + f[0])
    _refuse_unproven(best, p, q, cost)
    return best


def _prices(plan: Array, cost: Array) -> tuple[Array, Array]:
    """The prices (2) that belong to a cheapest plan: f_i + g_j <= cost_ij everywhere, and equal where earth moves.

    They are the shortest ways in a graph whose edges lead from i to j at cost_ij and, where earth moves, back at
    -cost_ij (Bellman and Ford). Only routes that are worth it add up, so a forbidden one of 1e12 costs no digit.
    """
    f, g = np.zeros(len(plan)), cost.min(axis=0)
    back = np.where(plan > 0, cost, -np.inf)
    for _ in range(sum(plan.shape)):
        f = np.maximum(f, (back - g).max(axis=1))
        g, before = (cost - f[:, None]).min(axis=0), g
        if np.array_equal(g, before):
            break
    return f, g


def _refuse_unproven(best: Transport, p: Array, q: Array, cost: Array) -> None:
    """Raises ArithmeticError unless the plan moves p to q and costs what the prices say, but for rounding."""
    moved = max(np.abs(best.plan.sum(axis=1) - p).max(), np.abs(best.plan.sum(axis=0) - q).max())
    least = best.f @ p + best.g @ q
    dearest = np.abs(cost[best.plan > 0]).max(initial=0)  # of the routes that are taken
    rounding = 1e-9 * abs(best.distance) + p.sum() * (1e-12 * dearest + SMALLEST)
    if moved > 1e-9 * p.sum() or abs(least - best.distance) > rounding:
        raise ArithmeticError(
            f"the plan costs {best.distance:g}, its prices prove {least:g} at the least, and {moved:g} of earth is "
            "missing or left over: costs or masses differ by too many powers of ten. Leave out what is next to nothing"
        )


def wasserstein1(x: ArrayLike, y: ArrayLike) -> float:
    """The exact Wasserstein-1 distance between two sets of points or images, each point with the same mass.

        W1 = min over plans of sum_ij plan_ij |x_i - y_j|,   rows of sum 1 / N, columns of sum 1 / M      (3)

    x (N, ...) and y (M, ...): arrays or CPU tensors; |.| is the Euclidean norm of a flattened point, so for images
    the unit is a pixel's. The solver is exact; memory grows as N M, and 2000 points against 2000 take seconds.
    Raises ValueError for an empty set, a value that is not finite, or points of different shapes.
    Source: Bonneel et al. 2011, in POT (Flamary et al. 2021).
    """
    import ot
    from scipy.spatial.distance import cdist

    x, y = _points("x", x), _points("y", y)
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(f"a point of x has shape {x.shape[1:]} and one of y {y.shape[1:]}: they must agree")
    cost = cdist(x.reshape(len(x), -1), y.reshape(len(y), -1))
    return float(ot.emd2([], [], cost, numItermax=100_000_000))


def _problem(p: ArrayLike, q: ArrayLike, cost: ArrayLike) -> tuple[Array, Array, Array]:
    p, q, cost = masses("p", p), masses("q", q), np.asarray(cost, dtype=np.float64)
    if not np.isclose(p.sum(), q.sum(), rtol=1e-6, atol=0):
        raise ValueError(f"p holds {p.sum():g} and q holds {q.sum():g}: earth is moved, never made; scale one of them")
    if p.sum() == 0:
        raise ValueError("p and q hold no earth at all: there is nothing to move")
    if cost.shape != (len(p), len(q)):
        raise ValueError(f"cost has shape {cost.shape}; {len(p)} places of p and {len(q)} of q need {(len(p), len(q))}")
    if not np.all(np.isfinite(cost)):
        raise ValueError("cost has an entry that is not a finite number")
    return p, q * (p.sum() / q.sum()), cost  # of 32-bit numbers the totals differ in the eighth digit


def _points(name: str, values: ArrayLike) -> Array:
    points = np.asarray(values, dtype=np.float64)
    if points.ndim == 0 or points.size == 0:
        raise ValueError(f"{name} has shape {points.shape}: it must hold at least one point (N, ...)")
    if not np.all(np.isfinite(points)):
        raise ValueError(f"{name} has a value that is not a finite number")
    return points
