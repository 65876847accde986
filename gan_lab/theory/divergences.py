"""How far apart are two discrete distributions? Kullback-Leibler, Jensen-Shannon and total variation, place by place.

None of the three knows where the places are: shuffle them, and nothing changes. `transport` is for that.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def kl(p: ArrayLike, q: ArrayLike) -> float:
    """The Kullback-Leibler divergence of q from p, in nats; infinite where p puts mass and q puts none.

        KL(p || q) = sum_i p_i log(p_i / q_i)                                                            (1)

    p, q: probabilities (K,). Raises ValueError for what is not two distributions of one length.
    Source: Kullback and Leibler 1951.
    """
    p, q = distributions(p, q)
    i = p > 0  # 0 log 0 = 0
    if np.any(q[i] == 0):
        return np.inf
    return float(np.sum(p[i] * (np.log(p[i]) - np.log(q[i]))))


def js(p: ArrayLike, q: ArrayLike) -> float:
    """The Jensen-Shannon divergence, in nats: 0 where p = q, log 2 where they share no place.

        JSD(p, q) = 1/2 KL(p || m) + 1/2 KL(q || m),   m = (p + q) / 2                                    (2)

    The two halves belong to it. Without them the value doubles, and the discriminator's optimum,
    L(D*) = 2 JSD - 2 log 2, no longer holds. p, q: probabilities (K,). Raises ValueError as `kl` does.
    Source: Lin 1991; for L(D*), Goodfellow et al. 2014.
    """
    p, q = distributions(p, q)
    m = np.maximum(
        (p + q) / 2, np.nextafter(0, 1)
    )  # rounded, the half of the smallest number is 0; no m is, where p > 0
    return kl(p, m) / 2 + kl(q, m) / 2


def total_variation(p: ArrayLike, q: ArrayLike) -> float:
    """The largest difference of probability that any event shows, between 0 and 1.

        TV(p, q) = max_A |p(A) - q(A)| = 1/2 sum_i |p_i - q_i|                                           (3)

    p, q: probabilities (K,). Raises ValueError as `kl` does.
    """
    p, q = distributions(p, q)
    return float(np.sum(np.abs(p - q)) / 2)


def distributions(p: ArrayLike, q: ArrayLike) -> tuple[Array, Array]:
    """Two probability vectors of one length, or a ValueError that says which is not one and why."""
    p, q = masses("p", p), masses("q", q)
    if len(p) != len(q):
        raise ValueError(f"p has {len(p)} places and q has {len(q)}: a divergence compares place with place")
    for name, shares in ("p", p), ("q", q):
        if abs(shares.sum() - 1) > 1e-6:
            raise ValueError(f"{name} sums to {shares.sum():g}, not to 1: divide it by its sum")
    return p, q


def masses(name: str, values: ArrayLike) -> Array:
    """A vector (K,) of finite masses >= 0 as float64, or a ValueError that calls it by its name."""
    mass = np.asarray(values, dtype=np.float64)
    if mass.ndim != 1 or mass.size == 0:
        raise ValueError(f"{name} has shape {mass.shape}: it must be a vector (K,) with at least one place")
    if not np.all(np.isfinite(mass)):
        raise ValueError(f"{name}[{np.argmin(np.isfinite(mass))}] is not a finite number")
    if np.any(mass < 0):
        raise ValueError(f"{name}[{np.argmax(mass < 0)}] = {mass[mass < 0][0]:g}: a mass cannot be negative")
    return mass
