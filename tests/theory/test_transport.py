import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment, linprog

from gan_lab.theory import transport
from gan_lab.theory.transport import Transport, earth_mover, wasserstein1

P, Q = np.array([3, 2, 1, 4]), np.array([1, 2, 4, 3])


def apart(x, y=None):
    """The distances |x_i - y_j| of places on a line."""
    x = np.asarray(x, float)
    return np.abs(x[:, None] - np.asarray(x if y is None else y, float))


def heap(places, least=0.0):
    mass = st.floats(1e-2, 1.0) if least else st.just(0.0) | st.floats(1e-2, 1.0)
    return arrays(float, places, elements=mass).filter(np.any).map(lambda p: p / p.sum())


def cloud(n, d):
    return arrays(float, (n, d), elements=st.floats(-10, 10, width=32))


@st.composite
def problems(draw):
    """Two heaps on different places of a plane, and the distances between the places."""
    m, n = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    x, y = draw(cloud(m, 2)), draw(cloud(n, 2))
    return draw(heap(m)), draw(heap(n)), np.linalg.norm(x[:, None] - y, axis=-1)


def test_the_piles_of_earth():
    piles = earth_mover(P, Q, apart(range(4)))
    assert piles.distance == pytest.approx(5)
    assert piles.f == pytest.approx([0, -1, -2, -1])
    assert piles.f @ P + piles.g @ Q == pytest.approx(5)
    assert earth_mover(P / 10, Q / 10, apart(range(4))).distance == pytest.approx(0.5)


@given(problems())
def test_primal_equals_dual_and_the_plan_has_the_heaps_as_its_sums(problem):
    p, q, cost = problem
    best = earth_mover(p, q, cost)
    assert best.f @ p + best.g @ q == pytest.approx(best.distance, abs=1e-6)
    assert np.all(best.f[:, None] + best.g <= cost + 1e-6)
    assert best.plan.sum(1) == pytest.approx(p, abs=1e-7) and best.plan.sum(0) == pytest.approx(q, abs=1e-7)
    assert np.all(best.plan >= 0)


@given(problems())
def test_it_is_the_value_of_the_linear_program(problem):
    """min <plan, cost> over plans >= 0 with the heaps as their sums, by scipy's solver."""
    p, q, cost = problem
    m, n = cost.shape
    sums = np.concatenate([np.kron(np.eye(m), np.ones(n)), np.kron(np.ones(m), np.eye(n))])
    best = linprog(cost.ravel(), A_eq=sums, b_eq=np.concatenate([p, q]))
    assert best.success and earth_mover(p, q, cost).distance == pytest.approx(best.fun, abs=1e-6)


@given(heap(5), heap(5), st.lists(st.floats(-10, 10).map(lambda place: round(place, 6)), min_size=5, max_size=5))
@example(np.full(5, 0.2), np.full(5, 0.2), [0.0, 0.0, 0.0, 0.0, 2e-313])
@example(np.array([0.25, 0, 0.25, 0.25, 0.25]), np.array([0.25, 0, 0.25, 0.25, 0.25]), [0.0, 1.0, 0.0, 0.0, 2e-313])
def test_on_a_line_it_is_scipys_wasserstein_distance(p, q, places):
    expected = scipy.stats.wasserstein_distance(places, places, p, q)
    assert earth_mover(p, q, apart(places)).distance == pytest.approx(expected, abs=1e-6)


@given(heap(5), heap(5), st.lists(st.floats(-10, 10), min_size=5, max_size=5))
def test_at_any_places_of_a_line_it_is_right_or_refused(p, q, places):
    try:
        found = earth_mover(p, q, apart(places)).distance
    except ArithmeticError:  # places that differ by too many powers of ten
        return
    assert found == pytest.approx(scipy.stats.wasserstein_distance(places, places, p, q), abs=1e-6)


@given(heap(4), heap(4))
def test_on_a_line_it_is_the_earth_carried_past_each_gap(p, q):
    assert earth_mover(p, q, apart(range(4))).distance == pytest.approx(np.abs(np.cumsum(p - q)).sum(), abs=1e-6)


def test_shares_of_32_bits_are_taken_though_their_sums_differ():
    p, q = np.float32([1 / 3, 1 / 3, 1 / 3]), np.float32([0.2, 0.3, 0.5])
    assert np.float64(p).sum() != np.float64(q).sum()
    cost = np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    assert earth_mover(p, q, cost).distance == pytest.approx(0.3, rel=1e-6)
    softmax = torch.randn(2, 50, generator=torch.Generator().manual_seed(0)).softmax(dim=1)
    assert earth_mover(*softmax, np.ones((50, 50))).distance == pytest.approx(1, rel=1e-6)


@given(problems(), st.floats(1e-9, 1e9), st.floats(1e-9, 1e9))
def test_it_scales_with_the_mass_and_with_the_cost(problem, mass, unit):
    p, q, cost = problem
    scaled = earth_mover(mass * p, mass * q, unit * cost).distance
    assert scaled / (mass * unit) == pytest.approx(earth_mover(p, q, cost).distance, abs=1e-5)


def test_on_one_set_of_places_the_potential_is_one_lipschitz_function_for_both_heaps():
    f, g = earth_mover(P, Q, apart(range(4)))[2:]
    assert g == pytest.approx(-f)
    assert np.all(np.abs(f[:, None] - f) <= apart(range(4)) + 1e-9)


@given(cloud(1, 3), cloud(1, 3))
def test_two_diracs_are_as_far_apart_as_their_points(x, y):
    assert wasserstein1(x, y) == pytest.approx(np.linalg.norm(x - y))


@given(st.integers(1, 30), st.floats(-5, 5))
def test_parallel_lines_are_theta_apart(n, theta):
    z = np.linspace(0, 1, n)
    assert wasserstein1(np.stack([0 * z, z], 1), np.stack([0 * z + theta, z], 1)) == pytest.approx(abs(theta))


@given(st.integers(0, 2**32 - 1), arrays(float, 3, elements=st.floats(-5, 5)))
@settings(max_examples=30)
def test_a_translated_gaussian_cloud_is_the_translation_away(seed, shift):
    x = np.random.default_rng(seed).normal(size=(40, 3))
    assert wasserstein1(x, x + shift) == pytest.approx(np.linalg.norm(shift), abs=1e-9)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.lists(st.floats(-5, 5), min_size=1, max_size=8))
def test_points_on_a_line_follow_scipy(x, y):
    expected = scipy.stats.wasserstein_distance(x, y)
    assert wasserstein1(np.reshape(x, (-1, 1)), np.reshape(y, (-1, 1))) == pytest.approx(expected, abs=1e-9)


@given(cloud(4, 2), cloud(5, 2), cloud(6, 2))
def test_it_is_a_distance(x, y, z):
    assert wasserstein1(x, x) == pytest.approx(0, abs=1e-9)
    assert wasserstein1(x, y) == pytest.approx(wasserstein1(y, x), abs=1e-9)
    assert wasserstein1(x, z) <= wasserstein1(x, y) + wasserstein1(y, z) + 1e-9


@given(cloud(4, 2), cloud(5, 2))
def test_the_exact_distance_of_two_clouds_is_the_linear_programs(x, y):
    cost = np.linalg.norm(x[:, None] - y, axis=-1)
    assert wasserstein1(x, y) == pytest.approx(earth_mover([1 / 4] * 4, [1 / 5] * 5, cost).distance, abs=1e-5)


def test_the_points_may_be_images_in_a_tensor():
    black, gray = torch.zeros(3, 1, 4, 4), torch.full((2, 1, 4, 4), 0.5)
    assert wasserstein1(black, gray) == pytest.approx(0.5 * math.sqrt(16))


@pytest.mark.parametrize(
    ("p", "q", "cost", "complaint"),
    [
        ([2, -1], [0.5, 0.5], apart(range(2)), r"p\[1\] = -1: a mass cannot be negative"),
        ([1, 1], [1, 2], apart(range(2)), "p holds 2 and q holds 3"),
        ([0, 0], [0, 0], apart(range(2)), "no earth at all"),
        ([], [], np.zeros((0, 0)), r"p has shape \(0,\)"),
        ([1, 1], [math.nan, 1], apart(range(2)), r"q\[0\] is not a finite number"),
        ([1, 1], [1, 1], apart(range(3)), r"cost has shape \(3, 3\)"),
        ([1, 1], [1, 1], [[0, math.inf], [1, 0]], "cost has an entry that is not a finite number"),
    ],
)
def test_what_is_not_a_transport_problem_is_refused_by_name(p, q, cost, complaint):
    with pytest.raises(ValueError, match=complaint):
        earth_mover(p, q, cost)


@pytest.mark.parametrize(
    ("x", "y", "complaint"),
    [
        (np.zeros((0, 2)), np.zeros((3, 2)), r"x has shape \(0, 2\)"),
        (np.zeros((3, 2)), np.full((3, 2), np.nan), "y has a value that is not a finite number"),
        (np.zeros((3, 2)), np.zeros((3, 4)), r"a point of x has shape \(2,\) and one of y \(4,\)"),
        (0.0, np.zeros((3, 2)), r"x has shape \(\)"),
    ],
)
def test_what_is_not_two_sets_of_points_is_refused_by_name(x, y, complaint):
    with pytest.raises(ValueError, match=complaint):
        wasserstein1(x, y)


def test_importing_the_module_loads_neither_pot_nor_torch_nor_scipy():
    code = "import sys, gan_lab.theory.transport; sys.exit(bool({'ot', 'torch', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("forbidden", [1e4, 1e7, 1e12])
def test_a_forbidden_route_costs_no_digit(forbidden):
    """Of a ring of routes of cost 1 + i and 2 + i, the cheapest is 1 + 2 + 3 + 4 + 5 = 15; all others are forbidden."""
    cost = np.full((5, 5), forbidden)
    for i in range(5):
        cost[i, i], cost[i, (i + 1) % 5] = 1 + i, 2 + i
    found = earth_mover(np.ones(5), np.ones(5), cost)
    assert found.distance == pytest.approx(15, rel=1e-12)
    assert (found.f[:, None] + found.g - cost).max() <= 1e-9
    assert found.f.sum() + found.g.sum() == pytest.approx(15, rel=1e-9)


@pytest.mark.parametrize("forbidden", [1e5, 1e7])
def test_random_problems_with_forbidden_routes_have_the_distance_of_scipy_s_assignment(forbidden):
    """With equal masses some cheapest plan is an assignment, which scipy finds in another way."""
    random = np.random.default_rng(0)
    for _ in range(20):
        cost = random.random((6, 6))
        cost[(random.random((6, 6)) < 0.3) & ~np.eye(6, dtype=bool)] = forbidden
        i, j = linear_sum_assignment(cost)
        found = earth_mover(np.ones(6), np.ones(6), cost)
        assert found.distance == pytest.approx(cost[i, j].sum(), rel=1e-9)
        assert found.f.sum() + found.g.sum() == pytest.approx(found.distance, rel=1e-9)


@pytest.mark.parametrize("heap", [1e6, 1e9])
def test_a_shovelful_beside_a_great_heap_is_moved(heap):
    places = abs(np.subtract.outer(np.arange(3.0), np.arange(3.0)))
    assert earth_mover([heap, 1, 0], [heap, 0, 1], places).distance == pytest.approx(1, rel=1e-6)


def test_a_plan_that_its_prices_do_not_prove_is_refused():
    plan = np.array([[0.0, 1.0], [1.0, 0.0]])  # crosses over, where staying costs nothing
    wrong = Transport(2.0, plan, np.zeros(2), np.zeros(2))
    with pytest.raises(ArithmeticError, match="the plan costs 2, its prices prove 0 at the least"):
        transport._refuse_unproven(wrong, np.ones(2), np.ones(2), 1 - np.eye(2))


def test_heaps_that_are_equal_but_for_rounding_are_not_apart():
    random = np.random.default_rng(0)
    cost = apart(np.arange(20.0))
    for _ in range(50):
        p = random.random(20)
        q = p * 3 / 3.0 * (1 + 1e-16)
        assert earth_mover(p / p.sum(), q / q.sum(), cost).distance == pytest.approx(0, abs=1e-13)
