"""The game of an AC-GAN, drawn with the reader's own images: G is told a class, and D answers two questions."""

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from gan_lab.show.colours import FAKE, NEITHER, REAL
from gan_lab.show.diagrams import arrow, noise, player, tiles

NOISE, LABEL, G, FAKES, DATA, D = (0.6, 1.75), (0.6, 0.1), (2.1, 1.0), (4.5, 1.0), (4.5, 3.35), (6.9, 2.15)
SCORE, CLASSES = (8.05, 3.25), (8.05, 1.05)  # the left ends of the two answers


def two_heads(
    ax: Axes, z: Tensor, real: Tensor, fake: Tensor, y: list[int], *, value_range: tuple[float, float] = (-1.0, 1.0)
) -> None:
    """Draw noise z (Z,), of which ten numbers are seen, a label, three real and three generated images (3, C, H, W),
    both with their labels y, the two players, and what each of D's two heads is asked."""
    ax.set(xlim=(0, 10.7), ylim=(-0.5, 4.4), aspect="equal")
    ax.set_axis_off()
    for place, images, words in ((DATA, real, "real images $x$"), (FAKES, fake, "generated images $G(z, y)$")):
        tiles(ax, place, images, value_range)
        ax.text(place[0], place[1] + 0.53, words, ha="center", fontsize=9)
        for n, label in enumerate(y):
            ax.text(place[0] + 0.85 * (n - 1), place[1] - 0.66, f"$y = {label}$", ha="center", fontsize=8)
    noise(ax, NOISE, z, 1.4)
    ax.text(*LABEL, "label $y$", ha="center", va="center", fontsize=9, bbox={"boxstyle": "round", "fc": "none"})
    player(ax, G, "G", FAKE)
    player(ax, D, "D", REAL)
    for (x, height), question, wants in (
        (SCORE, "real or fake?", "$D$ wants to be right,\n$G$ wants it to be wrong"),
        (CLASSES, "which class?", "$D$ and $G$ both want\nthe answer to be $y$"),
    ):
        box = FancyBboxPatch(
            (x, height - 0.2), 2.1, 0.4, boxstyle="round,pad=0.06", facecolor="white", edgecolor=NEITHER
        )
        ax.add_patch(box)
        ax.text(x + 1.05, height, question, ha="center", va="center", fontsize=10)
        ax.text(x + 1.05, height - 0.4, wants, ha="center", va="top", fontsize=8)
        arrow(ax, (D[0] + 0.5, D[1] + (0.2 if height > D[1] else -0.2)), (x - 0.1, height), "0.25", 0.0)
    for start, end in (
        ((NOISE[0] + 0.15, NOISE[1]), (G[0] - 0.5, G[1] + 0.2)),
        ((LABEL[0] + 0.45, LABEL[1]), (G[0] - 0.5, G[1] - 0.2)),
        ((G[0] + 0.5, G[1]), (FAKES[0] - 1.3, FAKES[1])),
        ((FAKES[0] + 1.3, FAKES[1] + 0.2), (D[0] - 0.5, D[1] - 0.25)),
        ((DATA[0] + 1.3, DATA[1] - 0.2), (D[0] - 0.5, D[1] + 0.3)),
    ):
        arrow(ax, start, end, "0.25", 0.0)
