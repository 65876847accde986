import numpy as np
import pytest
import torch
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

from gan_lab.networks.mlp import Critic
from gan_lab.show.scores_2d import arrows, field, points, surface

LIMITS = (-1.0, 3.0, -2.0, 2.0)


@pytest.fixture
def ax():
    return Figure().subplots()


def quadratic(x):
    """x1^2 + 3 x1 x2 - 2 x2, with the gradient (2 x1 + 3 x2, 3 x1 - 2)."""
    return x[:, 0] ** 2 + 3 * x[:, 0] * x[:, 1] - 2 * x[:, 1]


def slope(w1, w2):
    return lambda x: w1 * x[:, 0] + w2 * x[:, 1]


def drawn(ax, kind):
    return [collection for collection in ax.collections if isinstance(collection, kind)]


def test_a_quadratic_has_its_values_and_its_gradient_at_every_place():
    x, y, value, gradient = field(quadratic, LIMITS, n=5)
    assert (x[0], x[-1], y[0], y[-1]) == LIMITS
    for i, x2 in enumerate(y):
        for j, x1 in enumerate(x):
            assert value[i, j] == pytest.approx(x1**2 + 3 * x1 * x2 - 2 * x2, abs=1e-5)
            assert gradient[i, j] == pytest.approx([2 * x1 + 3 * x2, 3 * x1 - 2], abs=1e-5)


def test_looking_at_a_network_leaves_no_gradient_in_it():
    D = Critic(width=0.02)
    field(D, LIMITS, n=3)
    assert all(weight.grad is None for weight in D.parameters())


def test_the_lines_run_where_the_score_has_their_value(ax):
    surface(ax, slope(2, -1), LIMITS, levels=[-3, 0, 1.5, 99])
    filled, lines = drawn(ax, QuadContourSet)
    assert list(filled.levels) == [-3, 0, 1.5, 99]
    assert list(lines.levels) == [-3, 0, 1.5]  # the score reaches no 99
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        assert path.vertices @ (2, -1) == pytest.approx(level, abs=1e-5)


@pytest.mark.parametrize(("steepness", "share"), [(0.0, 0.0), (0.5, 0.25), (2.0, 1.0), (50.0, 1.0)])
def test_an_arrow_points_uphill_and_is_as_long_as_the_gradient_up_to_the_longest(ax, steepness, share):
    """They stand 1 apart here (four along a side of 4), and the longest is 0.9 of that."""
    arrows(ax, slope(0.6 * steepness, -0.8 * steepness), LIMITS, n=4, longest=2.0)
    (drawn_arrows,) = drawn(ax, Quiver)
    assert 0.6 * 0.9 * share == pytest.approx(drawn_arrows.U, abs=1e-6)
    assert -0.8 * 0.9 * share == pytest.approx(drawn_arrows.V, abs=1e-6)
    assert sorted({*drawn_arrows.X}) == pytest.approx([-0.5, 0.5, 1.5, 2.5])


def test_a_flat_score_has_no_lines(ax):
    surface(ax, slope(0, 0), LIMITS)
    assert len(drawn(ax, QuadContourSet)) == 1


def test_points_lie_where_they_are_and_those_outside_are_counted(ax):
    real, fake = np.array([[0.0, 1.0], [2.0, -1.0]]), torch.tensor([[0.5, 0.5], [9.0, 9.0], [0.0, -9.0]])
    points(ax, real, fake, LIMITS, title="step 100")
    dots, crosses = ax.lines
    assert np.array_equal(dots.get_xydata(), real)
    assert np.array_equal(crosses.get_xydata(), fake)
    assert ax.get_title() == "step 100 (2 outside)"
    assert (*ax.get_xlim(), *ax.get_ylim()) == LIMITS


def test_what_is_drawn_over_a_surface_leaves_its_title(ax):
    surface(ax, quadratic, LIMITS, title="D")
    arrows(ax, quadratic, LIMITS)
    points(ax, np.zeros((1, 2)), np.zeros((1, 2)), LIMITS)
    assert ax.get_title() == "D"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: field(quadratic, (1, -1, 0, 1)), r"limits are \(left, right, bottom, top\)"),
        (lambda: field(quadratic, LIMITS, n=1), "at least 2, not 1"),
        (lambda: field(lambda x: x, LIMITS, n=2), r"one number a point, \(4,\), not \(4, 2\)"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        wrong()


def test_points_may_be_tensors_with_a_gradient(ax):
    points(ax, torch.zeros(3, 2), torch.ones(2, 2, requires_grad=True), (-2, 2, -2, 2), title="two")
    assert ax.lines[1].get_xdata().tolist() == [1, 1]
