import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from gan_lab.show.transport_plots import coupling_arrows, coupling_lines, coupling_matrix, heaps, vector_field

PLAN = np.array([[1, 0, 2, 0], [0, 2, 0, 0], [0, 0, 1, 0], [0, 0, 1, 3]])


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def test_the_bars_are_as_high_as_the_heaps(ax: Axes) -> None:
    heaps(ax, PLAN.sum(1), PLAN.sum(0))
    assert [bar.get_height() for bar in ax.patches] == [3, 2, 1, 4, 1, 2, 4, 3]


def test_every_trip_of_the_plan_is_an_arrow_and_the_widest_carries_the_most(ax: Axes) -> None:
    coupling_arrows(ax, PLAN)
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == np.count_nonzero(PLAN)
    ways = [[tuple(end) for end in arrow._posA_posB] for arrow in arrows]  # type: ignore[attr-defined]
    assert ways == [[(i, 0.93), (j, 0.07)] for i, j in np.argwhere(PLAN).tolist()]
    widths = np.array([arrow.get_linewidth() for arrow in arrows])
    assert widths / widths.max() == pytest.approx(PLAN[PLAN > 0] / PLAN.max())


def test_the_matrix_shows_the_plan_and_its_sums(ax: Axes) -> None:
    coupling_matrix(ax, PLAN)
    assert np.array_equal(ax.images[0].get_array(), PLAN)
    assert [label.get_text() for label in ax.get_xticklabels()] == [f"{j}\nsum {m}" for j, m in enumerate((1, 2, 4, 3))]
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        f"{i}  (sum {m})" for i, m in enumerate((3, 2, 1, 4))
    ]


def test_a_line_is_as_dark_as_its_share_of_the_point_it_leaves(ax: Axes) -> None:
    x, y = np.zeros((2, 2)), np.ones((2, 2))
    coupling_lines(ax, x, y, np.array([[0.5, 0], [0.1, 0.4]]))
    assert [line.get_alpha() for line in ax.lines[:3]] == pytest.approx([1, 0.2, 0.8])


def test_all_arrows_of_a_field_have_one_length_and_the_direction_of_the_velocity(ax: Axes) -> None:
    x, y = np.meshgrid(np.linspace(-1, 1, 4), np.linspace(-1, 1, 4))
    vector_field(ax, x, y, 100 * y, -100 * x, paths=[np.zeros((5, 2))])
    (quiver,) = ax.collections
    assert np.hypot(quiver.U, quiver.V) == pytest.approx(1)  # type: ignore[attr-defined]
    across = np.stack([quiver.U, quiver.V])  # type: ignore[attr-defined]
    assert across == pytest.approx(np.stack([y, -x]).reshape(2, -1) / np.hypot(x, y).ravel())
