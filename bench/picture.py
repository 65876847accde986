"""The table of a benchmark as a picture."""

from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from gan_lab.show.plots import STYLE


@plt.style.context(STYLE)
def draw(table: pd.DataFrame, file: Path) -> None:
    """Left, how many times as fast play is as the textbook step, with quartiles; right, the share of the limit."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 0.6 * len(table) + 1.8), sharey=True)
    labels = [f"{row.system}, width {row.width:g}\n{row.batch} images" for row in table.itertuples()]

    bars = {"ratio": "play", "reusing ratio": "play, reusing D's fakes", "compiled ratio": "play, compiled"}
    shown = {column: label for column, label in bars.items() if column in table}
    for number, (column, label) in enumerate(shown.items()):
        height = 0.8 / len(shown)
        ratios(left, labels, table, column, label, height, offset=(number + 0.5) * height - 0.4)
    fig.legend(loc="outside lower center", ncols=len(shown))
    left.axvline(1, color="0.3", linewidth=1, linestyle="--")
    left.set(title="Times as fast as the textbook step", xlabel="ratio of neighbouring turns: median, quartiles")

    share = 100 * table["share of limit"]
    right.bar_label(right.barh(labels, share, 0.5, color="C2"), fmt="%.0f %%", padding=3)
    right.set(title="Share of the machine's limit", xlabel="of the best FLOP/s of a matmul or a 3 x 3 conv, in %")
    right.set_xlim(0, max(100, 1.15 * share.max()))

    left.invert_yaxis()
    for ax in (left, right):
        ax.grid(visible=False, axis="y")
        ax.grid(visible=True, axis="x")
    fig.suptitle(str(table["machine"].iloc[0]), fontsize=10)
    fig.savefig(file)
    plt.close(fig)


def ratios(
    ax: Axes, labels: list[str], table: pd.DataFrame, column: str, label: str, height: float, offset: float
) -> None:
    """A bar for each row of the table, with its quartiles, beside the row's place."""
    middle = table[column]
    below, above = middle - table[f"{column} low"], table[f"{column} high"] - middle
    places = [number + offset for number in range(len(labels))]
    ax.barh(places, middle, 0.95 * height, xerr=(below, above), error_kw={"capsize": 3, "linestyle": "-"}, label=label)
    ax.set_yticks(range(len(labels)), labels)
