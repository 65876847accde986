"""The two players of a GAN and what flows between them, drawn with the reader's own images."""

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from torch import Tensor

from gan_lab.show.colours import FAKE, REAL

DATA, NOISE, G, FAKES, D, SCORE = (3.7, 3.3), (0.6, 1.0), (2.1, 1.0), (4.5, 1.0), (7.0, 2.15), (9.1, 2.15)


def two_players(
    ax: Axes, z: Tensor, real: Tensor, fake: Tensor, *, value_range: tuple[float, float] = (-1.0, 1.0)
) -> None:
    """Draw noise z (Z,), of which ten numbers are seen, real images and generated ones (3, C, H, W), G, D, and arrows:
    full ones for what a round computes, broken ones for the gradients that come back."""
    ax.set(xlim=(0, 10), ylim=(-0.45, 4.3), aspect="equal")
    ax.set_axis_off()
    tiles(ax, DATA, real, value_range)
    tiles(ax, FAKES, fake, value_range)
    noise(ax, NOISE, z, 1.5)
    player(ax, G, "G", FAKE)
    player(ax, D, "D", REAL)
    for place, words in ((DATA, "real images $x$"), (FAKES, "generated images $G(z)$")):
        ax.text(place[0], place[1] + 0.55, words, ha="center", fontsize=9)
    ax.text(SCORE[0] + 0.1, SCORE[1], "score $s$\n$> 0$: real\n$< 0$: fake", ha="center", va="center", fontsize=9)
    for start, end in (
        ((NOISE[0] + 0.15, NOISE[1]), (G[0] - 0.5, G[1])),
        ((G[0] + 0.5, G[1]), (FAKES[0] - 1.3, FAKES[1])),
        ((FAKES[0] + 1.3, FAKES[1] + 0.3), (D[0] - 0.5, D[1] - 0.25)),
        ((DATA[0] + 1.3, DATA[1] - 0.2), (D[0] - 0.5, D[1] + 0.3)),
        ((D[0] + 0.5, D[1]), (SCORE[0] - 0.5, SCORE[1])),
    ):
        arrow(ax, start, end, "0.25", 0.0)
    arrow(ax, (SCORE[0], SCORE[1] + 0.5), (D[0] + 0.1, D[1] + 0.5), REAL, 0.35, back=True)
    ax.text(8.2, 3.45, "D learns to tell them apart", ha="center", color=REAL, fontsize=9)
    for start, end, bend in (
        ((SCORE[0], SCORE[1] - 0.5), (D[0] + 0.2, D[1] - 0.55), -0.35),
        ((D[0] - 0.1, D[1] - 0.55), (FAKES[0] + 0.9, FAKES[1] - 0.45), -0.3),
        ((FAKES[0] - 0.9, FAKES[1] - 0.45), (G[0] + 0.1, G[1] - 0.55), -0.3),
    ):
        arrow(ax, start, end, FAKE, bend, back=True)
    ax.text(7.9, 0.05, "G learns, through D,\nwhat would look real", ha="left", color=FAKE, fontsize=9, va="center")


def noise(ax: Axes, place: tuple[float, float], z: Tensor, height: float) -> None:
    """Ten numbers of the noise z (Z,), one above the other, round the place."""
    (x, y), half = place, height / 2
    ax.imshow(z[:10, None].cpu().numpy(), extent=(x - 0.09, x + 0.09, y - half, y + half), cmap="gray", vmin=-2, vmax=2)
    ax.add_patch(Rectangle((x - 0.09, y - half), 0.18, height, fill=False, edgecolor="0.4", linewidth=0.8))
    ax.text(x, y + half + 0.1, "noise $z$", ha="center", fontsize=9)


def tiles(ax: Axes, place: tuple[float, float], images: Tensor, value_range: tuple[float, float]) -> None:
    """Three images side by side, round the place."""
    for n, image in enumerate(images[:3]):
        x, y = place[0] + 0.85 * (n - 1), place[1]
        pixels = image.detach().cpu().permute(1, 2, 0).clamp(*value_range)
        low, high = value_range
        pixels = ((pixels - low) / (high - low)).expand(-1, -1, 3).numpy()
        ax.imshow(pixels, extent=(x - 0.4, x + 0.4, y - 0.4, y + 0.4), interpolation="nearest")


def player(ax: Axes, place: tuple[float, float], name: str, colour: str) -> None:
    x, y = place
    box = FancyBboxPatch((x - 0.4, y - 0.4), 0.8, 0.8, boxstyle="round,pad=0.06", facecolor="white", edgecolor=colour)
    box.set_linewidth(2)
    ax.add_patch(box)
    ax.text(x, y, f"${name}$", ha="center", va="center", fontsize=15, color=colour)


def arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str, bend: float, *, back: bool = False
) -> None:
    """An arrow; back: broken, for a gradient."""
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=12,
            color=colour,
            connectionstyle=f"arc3,rad={bend}",
            linestyle=(0, (4, 2)) if back else "-",
            linewidth=1.3 if back else 1.0,
            shrinkA=0,
            shrinkB=0,
        )
    )
