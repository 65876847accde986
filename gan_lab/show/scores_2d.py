"""Pictures of the plane: what a score says of every point, which way it goes up, and points, real and fake."""

from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from gan_lab.lipschitz import Score
from gan_lab.show.colours import FAKE, REAL

Array = NDArray[np.float64]
Limits = tuple[float, float, float, float]  # left, right, bottom, top


class Field(NamedTuple):
    """A function on a grid of points: row i, column j stands at (x[j], y[i])."""

    x: Array  # (W,)
    y: Array  # (H,)
    value: Array  # (H, W)
    gradient: Array  # (H, W, 2), along x and along y


def field(score: Score, limits: Limits, n: int = 100) -> Field:
    """The values of a score function and its gradient, by autograd, on n x n points that fill the limits.

    score: points (N, 2) -> (N,), each from its own point alone: put a D with batch norm, dropout or noise into
    evaluation mode. Raises ValueError for limits that are not in order, n < 2, and a score of another shape.
    """
    left, right, bottom, top = limits
    if not (left < right and bottom < top):
        raise ValueError(f"limits are (left, right, bottom, top), each pair in order: not {limits}")
    if n < 2:
        raise ValueError(f"n counts the points along a side: at least 2, not {n}")
    x, y = np.linspace(left, right, n), np.linspace(bottom, top, n)
    places = np.stack(np.meshgrid(x, y), axis=-1)  # (n, n, 2)
    points = torch.tensor(places.reshape(-1, 2), dtype=torch.float32, requires_grad=True)
    value = score(points)
    if value.shape != (n * n,):
        raise ValueError(f"score must give one number a point, ({n * n},), not {tuple(value.shape)}")
    (gradient,) = torch.autograd.grad(value.sum(), points)
    return Field(x, y, value.detach().cpu().double().view(n, n).numpy(), gradient.double().view(n, n, 2).numpy())


def surface(ax: Axes, score: Score, limits: Limits, *, levels: ArrayLike | int = 9, title: str = "") -> None:
    """Draw a score function as filled contours, lighter is higher, and label some of the lines between them.

    levels: where the lines run, or about how many. score: as `field` takes it, and any function of it, such as a
    discriminator's probability.
    """
    x, y, value, _ = field(score, limits)
    filled = ax.contourf(x, y, value, levels=levels, cmap="Greys_r", extend="both", alpha=0.6)
    inside = [level for level in filled.levels if value.min() < level < value.max()]
    if inside:
        lines = ax.contour(x, y, value, levels=inside, colors="#444444", linewidths=0.6, linestyles="-")
        ax.clabel(lines, levels=inside[:: 1 + len(inside) // 5], fontsize=7, colors="black")
    frame(ax, limits, title)


def arrows(ax: Axes, score: Score, limits: Limits, *, n: int = 11, longest: float = 1.0) -> None:
    """Draw the gradient of a function on n x n points: which way, and how hard, it pulls a generator that climbs it.

    An arrow is as long as the gradient, up to `longest`, in units of the function per unit of the plane, at which it
    almost reaches the next. A dot is no gradient to speak of.
    """
    left, right, bottom, top = limits
    width, height = (right - left) / n, (top - bottom) / n
    middles = left + width / 2, right - width / 2, bottom + height / 2, top - height / 2
    x, y, _, gradient = field(score, middles, n)
    steepness = np.linalg.norm(gradient, axis=2, keepdims=True)
    step = 0.9 * min(width, height) * gradient / np.maximum(steepness, longest)
    ax.quiver(x, y, *np.moveaxis(step, 2, 0), angles="xy", scale_units="xy", scale=1, width=0.006, zorder=3)
    frame(ax, limits)


def points(ax: Axes, real: ArrayLike, fake: ArrayLike, limits: Limits, *, title: str = "") -> None:
    """Draw real points (N, 2) as blue dots and generated ones (M, 2) as orange crosses over them.

    What lies outside the limits is cut off, and the title, if there is one, says how many generated points these are.
    """
    real, fake = (np.asarray(x.detach().cpu() if isinstance(x, torch.Tensor) else x) for x in (real, fake))
    left, right, bottom, top = limits
    ax.plot(*real.T, "o", color=REAL, markersize=3.5, markeredgewidth=0, label="real")
    ax.plot(*fake.T, "x", color=FAKE, markersize=4.5, label="generated")
    outside = np.count_nonzero(((fake < (left, bottom)) | (fake > (right, top))).any(axis=1))
    frame(ax, limits, f"{title} ({outside} outside)" if title and outside else title)


def frame(ax: Axes, limits: Limits, title: str = "") -> None:
    """A piece of the plane: the same unit on both axes, no grid; a title that is there already stays."""
    ax.set(xlim=limits[:2], ylim=limits[2:], xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    ax.grid(False)
    if title:
        ax.set_title(title)
