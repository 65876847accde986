"""The Dirac-GAN: the smallest GAN there is, a game of two numbers whose whole training fits in one picture.

The data are a single point, 0. The generator produces a single point, theta. The discriminator is a line,
D(x) = psi x, a score that is larger where x looks more real. So psi = 0 and theta = 0 is where training should end.
Each function below is a velocity, (theta, psi) -> (d theta / dt, d psi / dt): minus the gradient of each player's loss.
Source: Mescheder, Geiger and Nowozin 2018.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Velocity = Callable[[Array, Array], tuple[Array, Array]]


def sigmoid(t: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(t / 2)))


def saturating(theta: Array, psi: Array) -> tuple[Array, Array]:
    """The GAN of the minimax equation: D minimises log(1 + e^(psi theta)), and G maximises it."""
    return psi * sigmoid(psi * theta), -theta * sigmoid(psi * theta)


def non_saturating(theta: Array, psi: Array) -> tuple[Array, Array]:
    """The same D; G minimises log(1 + e^(-psi theta)) instead."""
    return psi * sigmoid(-psi * theta), -theta * sigmoid(psi * theta)


def wasserstein(theta: Array, psi: Array) -> tuple[Array, Array]:
    """The WGAN: D minimises psi theta, G minimises -psi theta. Clip psi after each of D's steps."""
    return psi, -theta


def wasserstein_gp(theta: Array, psi: Array, weight: float) -> tuple[Array, Array]:
    """The WGAN with the gradient penalty weight (|psi| - 1)^2: the slope of D is psi everywhere."""
    return psi, -theta - 2 * weight * (np.abs(psi) - 1) * np.sign(psi)


def instance_noise(theta: Array, psi: Array, sigma: float) -> tuple[Array, Array]:
    """The saturating GAN when D sees both points through Gaussian noise of standard deviation sigma."""
    x, weight = np.polynomial.hermite_e.hermegauss(40)
    noise, weight = sigma * x, weight / weight.sum()
    theta, psi = np.asarray(theta)[..., None], np.asarray(psi)[..., None]
    fake = sigmoid(psi * (theta + noise))  # how real each noisy fake looks, (..., 40)
    return (psi * fake) @ weight, (noise * sigmoid(-psi * noise) - (theta + noise) * fake) @ weight


def r1(theta: Array, psi: Array, weight: float) -> tuple[Array, Array]:
    """The saturating GAN with the penalty weight / 2 |D'|^2 at the real point: psi decays by weight psi."""
    d_theta, d_psi = saturating(theta, psi)
    return d_theta, d_psi - weight * psi


def train(
    velocity: Velocity, theta: float, psi: float, *, lr: float, rounds: int, n_critic: int = 1, clip: float = np.inf
) -> Array:
    """Gradient descent in turns, as a GAN is trained: n_critic steps of psi, then one of theta.

    Returns the path (rounds + 1, 2) of (theta, psi), its start included. clip: psi is kept in [-clip, clip].
    """
    t, s = np.asarray(theta, dtype=np.float64), np.asarray(psi, dtype=np.float64)
    path = [(t, s)]
    for _ in range(rounds):
        for _ in range(n_critic):
            s = np.clip(s + lr * velocity(t, s)[1], -clip, clip)
        t = t + lr * velocity(t, s)[0]
        path.append((t, s))
    return np.array(path)
