"""Checks of notebook 2's exercises."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from gan_lab.lessons.exercises.answer import Claims, check, close, learns, number
from gan_lab.losses import Loss, NonSaturating
from gan_lab.measure.coverage import fidelity


@check
def check_coverage(answer: Callable[[Tensor, Tensor], float]) -> Claims:
    """Is answer(real (N, F), fake (M, F)) the share of the balls round the real points, each to the fifth nearest other
    real point, in which a fake point lies?"""
    for N, M, F, away in (40, 60, 2, 1.0), (70, 30, 3, 0.5), (30, 30, 1, 2.0), (50, 200, 2, 0.0):
        g = torch.Generator().manual_seed(N + M)
        real, fake = torch.randn(N, F, generator=g), torch.randn(M, F, generator=g) + away
        found, right = number(answer(real.clone(), fake.clone())), fidelity(real, fake).coverage
        hint = f"for {N} real and {M} fake points it gives {found:.3g}, not {right:.3g}"
        yield (
            close(found, right, 1e-4),
            f"{hint}: count real points, each with a ball to its fifth nearest other real one",
        )


@check
def check_boundary(answer: Callable[[float, float], float]) -> Claims:
    """Is answer(theta, alpha) the x at which the best D says 1/2, for N(0, 1) against fakes N(theta, 1)?"""
    for theta, alpha in (4.0, 0.9), (1.0, 0.9), (-2.0, 0.75), (3.0, 1.0), (1.7, 0.6):
        x = number(answer(theta, alpha))
        p_r, p_g = (float(np.exp(-((x - mean) ** 2) / 2)) for mean in (0, theta))
        D = alpha * p_r / (p_r + p_g) if p_r + p_g > 0 else 0.0
        yield close(D, 0.5, 1e-3), f"for theta = {theta:g}, alpha = {alpha:g} it gives {x:.4g}, where D* = {D:.3f}"


@check
def check_noisy_labels(loss: Loss, swapped: float = 0.05) -> Claims:
    """Does the loss swap D's targets for that share of the images, each drawn anew, and leave G's as it is?"""
    n = 4000
    y = torch.zeros(n, dtype=torch.int64)
    for of_real, of_fake in (1.5, -0.5), (3.0, 1.5):
        real, fake = (torch.full((n,), score).requires_grad_() for score in (of_real, of_fake))
        found = [learns(loss.d_loss(real, fake, y), "d_loss") for _ in range(50)]
        slopes = torch.autograd.grad(loss.d_loss(real, fake, y), (real, fake), allow_unused=True)
        yield all(slope is not None and slope.all() for slope in slopes), "a part of d_loss passes no gradient"
        same = "d_loss is the same every time: each image needs a coin of its own, thrown in every call"
        yield np.ptp(found) > 1e-5, same
        truth = NonSaturating(1 - swapped, swapped).d_loss(real, fake).item()
        given = f"where D gives all real images {of_real:g} and all fakes {of_fake:g}"
        hint = "every image has a coin of its own, and d_loss is the mean over the real images plus that over the fakes"
        mean, spread = np.mean(found), np.std(found)
        yield close(mean, truth, 0.01), f"{given}, d_loss is {mean:.3f} on average, not {truth:.3f}: {hint}"
        coins = np.sqrt(swapped * (1 - swapped) * (of_real**2 + of_fake**2) / n)  # of the mean, if each has its own
        yield 0.6 * coins < spread < 2 * coins, f"{given}, d_loss is spread by {spread:.4f}, not {coins:.4f}: {hint}"
    for scores in fake, 2 * fake + 1:
        g_loss, right = learns(loss.g_loss(scores, y), "g_loss"), NonSaturating().g_loss(scores).item()
        yield close(g_loss, right), f"g_loss is {g_loss:.3f}, not {right:.3f}: only D's targets are swapped"
