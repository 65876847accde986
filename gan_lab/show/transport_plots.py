"""Pictures of the Wasserstein notebook: heaps of earth, couplings, vector fields. Each draws arrays into given axes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch
from numpy.typing import ArrayLike

from gan_lab.show.colours import FAKE, NEITHER, REAL


def heaps(
    ax: Axes, p: ArrayLike, q: ArrayLike, *, names: tuple[str, str] = ("P", "Q"), unit: str = "shovelfuls"
) -> None:
    """Draw two heaps (K,) on the same places, p as full bars and q as hatched ones beside them."""
    p, q = np.asarray(p), np.asarray(q)
    places = np.arange(len(p))
    left = ax.bar(places - 0.2, p, 0.38, color=REAL, label=names[0])
    right = ax.bar(places + 0.2, q, 0.38, facecolor="white", edgecolor=FAKE, hatch="///", label=names[1])
    for bars in left, right:
        ax.bar_label(bars, fmt="{:g}", padding=2)
    ax.set(xlabel="place", ylabel=f"earth ({unit})", xticks=places, ylim=(0, 1.2 * max(p.max(), q.max())))
    ax.legend(loc="upper left", ncols=2)


def coupling_arrows(ax: Axes, plan: ArrayLike, *, names: tuple[str, str] = ("P", "Q"), title: str = "") -> None:
    """Draw a plan (M, N) as arrows from the places of p, above, to those of q, below; width and label are the mass."""
    plan = np.asarray(plan)
    heaviest = plan.max()
    for i, j in np.argwhere(plan > 1e-9 * heaviest):
        color = NEITHER if i == j else FAKE
        width = 5 * plan[i, j] / heaviest
        ax.add_patch(
            FancyArrowPatch((i, 0.93), (j, 0.07), arrowstyle="-|>", mutation_scale=10 + width, lw=width, color=color)
        )
        at = 0.5 if i == j else 0.36  # off the crossing of two arrows
        ax.text(
            i + at * (j - i), 0.93 - 0.86 * at, f"{plan[i, j]:g}", ha="center", va="center", backgroundcolor="white"
        )
    for height, sums, name, color in (1, plan.sum(1), names[0], REAL), (0, plan.sum(0), names[1], FAKE):
        ax.scatter(
            range(len(sums)), [height] * len(sums), s=380, facecolor="white", edgecolor=color, linewidth=2, zorder=3
        )
        for place, mass in enumerate(sums):
            ax.text(place, height, f"{mass:g}", ha="center", va="center", zorder=4)
        ax.text(-0.55, height, name, ha="center", va="center", weight="bold", color=color)
    ax.set(
        xlabel="place", xticks=range(max(plan.shape)), yticks=[], ylim=(-0.2, 1.2), xlim=(-0.8, max(plan.shape) - 0.5)
    )
    ax.set_title(title)
    ax.grid(False)
    ax.spines["left"].set_visible(False)


def coupling_matrix(ax: Axes, plan: ArrayLike, *, title: str = "") -> None:
    """Draw a plan (M, N) as a matrix: row i is what leaves place i, column j what arrives at j; darker is more."""
    plan = np.asarray(plan)
    ax.imshow(plan, cmap="Blues", vmin=0, vmax=1.6 * plan.max(), interpolation="nearest")
    ax.set_title(title)
    ax.set(xlabel="to place", ylabel="from place")
    ax.grid(False)
    for (i, j), mass in np.ndenumerate(plan):
        ax.text(j, i, f"{mass:g}", ha="center", va="center", color="black" if mass else "#999999")
    ax.set_xticks(range(plan.shape[1]), [f"{j}\nsum {mass:g}" for j, mass in enumerate(plan.sum(0))])
    ax.set_yticks(range(plan.shape[0]), [f"{i}  (sum {mass:g})" for i, mass in enumerate(plan.sum(1))])


def coupling_lines(ax: Axes, x: ArrayLike, y: ArrayLike, plan: ArrayLike) -> None:
    """Draw a plan (M, N) between points x (M, 2) and y (N, 2): the darker a line, the more of its x goes along it."""
    x, y, plan = np.asarray(x), np.asarray(y), np.asarray(plan)
    share = plan / plan.sum(1, keepdims=True)
    for i, j in np.argwhere(share > 0.01):
        ax.plot(*np.stack([x[i], y[j]], axis=1), "-", color="black", linewidth=1.2, alpha=min(1, share[i, j]))
    ax.plot(*x.T, "o", color=REAL, markersize=5.5)
    ax.plot(*y.T, "s", color=FAKE, markersize=5.5)
    ax.grid(False)


def vector_field(
    ax: Axes, x: ArrayLike, y: ArrayLike, dx: ArrayLike, dy: ArrayLike, paths: Sequence[ArrayLike] = (), title: str = ""
) -> None:
    """Draw velocities (dx, dy) on a grid (H, W) as arrows of one length, and over them paths (T, 2), dot to square."""
    dx, dy = np.asarray(dx), np.asarray(dy)
    speed = np.maximum(np.hypot(dx, dy), 1e-12)
    ax.quiver(x, y, dx / speed, dy / speed, color="#aaaaaa", pivot="mid", width=0.0045)
    for path, color in zip(paths, (REAL, FAKE), strict=False):
        t, s = np.asarray(path).T
        ax.plot(t, s, color=color, linewidth=1.1, linestyle="-")
        ax.plot(t[0], s[0], "o", color=color, markersize=6)
        ax.plot(t[-1], s[-1], "s", color=color, markeredgecolor="black", markersize=6)
    ax.plot(0, 0, "+", color="black", markersize=11, markeredgewidth=2)
    ax.set_title(title)
    ax.grid(False)
    ax.set_aspect("equal")
