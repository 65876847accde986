"""The earth mover: the cheapest way to turn one heap of earth into another, and what it costs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gan_lab.theory.divergences import Array, masses


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
    The potentials are fixed up to a constant moved from g to f; here f[0] = 0. The matrix of the program has
    (M + N) M N entries: for more than a hundred places, call `wasserstein1` or POT itself.
    Raises ValueError for a mass that is negative or not finite, for different totals and for other shapes.
    Source: Kantorovich 1942; the solver is HiGHS, in scipy.
    """
    from scipy.optimize import linprog

    p, q, cost = _problem(p, q, cost)
    leaves = np.kron(np.eye(len(p)), np.ones(len(q)))  # (M, M N): row i sums plan[i, :]
    arrives = np.kron(np.ones(len(p)), np.eye(len(q)))  # (N, M N): row j sums plan[:, j]
    sums = np.concatenate([p / p.sum(), q / q.sum()])
    unit = np.abs(cost).max() or 1.0  # the solver's tolerances are absolute: let it see numbers around 1
    best = linprog(cost.ravel() / unit, A_eq=np.vstack([leaves, arrives]), b_eq=sums, bounds=(0, None))
    plan = np.maximum(best.x, 0).reshape(cost.shape) * p.sum()
    f, g = np.split(best.eqlin.marginals * unit, [len(p)])  # what one more unit of earth at a place would cost
    return Transport(float(np.sum(plan * cost)), plan, f - f[0], g + f[0])


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
    return p, q, cost


def _points(name: str, values: ArrayLike) -> Array:
    points = np.asarray(values, dtype=np.float64)
    if points.ndim == 0 or points.size == 0:
        raise ValueError(f"{name} has shape {points.shape}: it must hold at least one point (N, ...)")
    if not np.all(np.isfinite(points)):
        raise ValueError(f"{name} has a value that is not a finite number")
    return points
