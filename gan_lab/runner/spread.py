"""Curves of several runs of a setting as one: their mean, and the band from the smallest of them to the largest."""

import io
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

POINTS = 60  # of a curve at most
Look = Mapping[str, str]  # the colour and the SVG dashes of a setting


def curve(epochs_played: "pd.Series[float]", values: "pd.Series[float]", points: int = POINTS) -> "pd.Series[float]":
    """The means of the values over that many equal stretches of a training, each at the end of its stretch; none of a
    stretch without a value, so that a line is drawn from measured epoch to measured epoch."""
    length, number = epochs_played.max() / min(points, len(values)), min(points, len(values))
    stretch = np.ceil(epochs_played / length - 1e-9).clip(1, number)  # 0.3 / 0.1 is a little more than 3
    means = values.groupby(stretch).mean().dropna()
    return means.set_axis(means.index * length)


def draw_spread(name: str, curves: Mapping[str, Sequence["pd.Series[float]"]], looks: Mapping[str, Look]) -> str:
    """Draw the curves of each setting against the epochs played, as SVG that takes the page's font."""
    with mpl.style.context(
        ["gan_lab.show.figures", {"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 12}]
    ):
        figure = Figure(figsize=(6.4, 3.4))
        ax = figure.add_subplot(xlabel="epochs played")
        ax.set_title(name, fontsize=14, parse_math=False)  # a dollar in a name is a dollar
        for label, runs in curves.items():
            together = pd.concat(list(runs), axis=1)
            dashes = tuple(float(length) / 4 for length in looks[label]["dashes"].split())
            color = looks[label]["color"]
            ax.plot(together.index, together.mean(axis=1), lw=2.2, color=color, ls=(0, dashes) if dashes else "-")
            if len(runs) > 1:
                low, high = together.min(axis=1), together.max(axis=1)
                ax.fill_between(together.index, low, high, color=color, alpha=0.18, linewidth=0)
        ax.set_xlim(left=0)
        ax.margins(x=0)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    return drawn.getvalue()[drawn.getvalue().index("<svg") :]
