import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gan_lab.theory.divergences import js, kl, total_variation

P, Q = np.array([3, 2, 1, 4]) / 10, np.array([1, 2, 4, 3]) / 10


@st.composite
def two_distributions(draw, least=0.0):
    places = draw(st.integers(1, 6))
    heap = arrays(float, places, elements=st.just(0.0) | st.floats(1e-3, 1.0) if least == 0 else st.floats(least, 1.0))
    p, q = draw(heap.filter(np.any)), draw(heap.filter(np.any))
    return p / p.sum(), q / q.sum()


def test_the_piles_of_earth():
    assert kl(P, Q) == pytest.approx(0.3 * math.log(3) + 0.1 * math.log(1 / 4) + 0.4 * math.log(4 / 3))
    assert kl(Q, P) == pytest.approx(0.1 * math.log(1 / 3) + 0.4 * math.log(4) + 0.3 * math.log(3 / 4))
    m = (P + Q) / 2
    assert m == pytest.approx([0.2, 0.2, 0.25, 0.35])
    of_p = 0.3 * math.log(3 / 2) + 0.1 * math.log(2 / 5) + 0.4 * math.log(8 / 7)
    of_q = 0.1 * math.log(1 / 2) + 0.4 * math.log(8 / 5) + 0.3 * math.log(6 / 7)
    assert js(P, Q) == pytest.approx((of_p + of_q) / 2)
    assert total_variation(P, Q) == pytest.approx(0.3)


def test_the_optimal_discriminator_earns_2_js_minus_2_log_2():
    D = P / (P + Q)
    assert np.sum(P * np.log(D) + Q * np.log(1 - D)) == pytest.approx(2 * js(P, Q) - 2 * math.log(2))


@given(two_distributions())
def test_two_distributions_without_a_common_place_are_log_2_and_1_apart_and_infinitely_in_kl(pair):
    p, q = pair
    p, q = np.append(p, 0 * q), np.append(0 * p, q)
    assert js(p, q) == pytest.approx(math.log(2))
    assert total_variation(p, q) == pytest.approx(1)
    assert kl(p, q) == kl(q, p) == math.inf


@given(st.floats(0, 1))
def test_two_coins_follow_their_closed_forms(a):
    b = 0.25
    expected = sum(x * math.log(x / y) for x, y in [(a, b), (1 - a, 1 - b)] if x > 0)
    assert kl([a, 1 - a], [b, 1 - b]) == pytest.approx(expected, abs=1e-12)
    assert total_variation([a, 1 - a], [b, 1 - b]) == pytest.approx(abs(a - b))


@given(st.floats(-3, 3), st.floats(0.5, 2))
def test_two_gaussians_of_one_width_have_kl_half_the_squared_distance_in_widths(mean, sigma):
    x = np.linspace(-12, 12, 4801)
    p, q = (np.exp(-(((x - m) / sigma) ** 2) / 2) for m in (0, mean))
    assert kl(p / p.sum(), q / q.sum()) == pytest.approx(mean**2 / (2 * sigma**2), rel=1e-4, abs=1e-9)


@given(two_distributions())
def test_js_and_total_variation_are_symmetric_bounded_and_zero_on_the_diagonal(pair):
    p, q = pair
    assert js(p, q) == pytest.approx(js(q, p), abs=1e-12) and -1e-12 <= js(p, q) <= math.log(2) + 1e-12
    assert total_variation(p, q) == total_variation(q, p) and 0 <= total_variation(p, q) <= 1 + 1e-12
    assert kl(p, p) == js(p, p) == total_variation(p, p) == 0


@given(two_distributions(least=1e-3))
def test_pinsker_and_lin_bound_the_total_variation(pair):
    p, q = pair
    assert 2 * total_variation(p, q) ** 2 <= kl(p, q) + 1e-12
    assert js(p, q) <= total_variation(p, q) * math.log(2) + 1e-12


@given(two_distributions(), st.randoms())
def test_no_divergence_knows_where_the_places_are(pair, random):
    p, q = pair
    order = random.sample(range(len(p)), len(p))
    for divergence in kl, js, total_variation:
        assert divergence(p[order], q[order]) == pytest.approx(divergence(p, q), abs=1e-12)


@pytest.mark.parametrize("divergence", [kl, js, total_variation])
@pytest.mark.parametrize(
    ("p", "q", "complaint"),
    [
        ([0.5, 0.5], [1.5, -0.5], r"q\[1\] = -0.5"),
        ([0.5, math.nan], [0.5, 0.5], r"p\[1\] is not a finite number"),
        ([math.inf, 0.5], [0.5, 0.5], r"p\[0\] is not a finite number"),
        ([3, 2, 1, 4], [0.1, 0.2, 0.4, 0.3], "p sums to 10, not to 1"),
        ([0.0, 0.0], [0.5, 0.5], "p sums to 0"),
        ([], [], r"p has shape \(0,\)"),
        ([[0.5, 0.5]], [[0.5, 0.5]], r"p has shape \(1, 2\)"),
        ([0.5, 0.5], [1.0], "p has 2 places and q has 1"),
    ],
)
def test_what_is_not_two_distributions_is_refused_by_name(divergence, p, q, complaint):
    with pytest.raises(ValueError, match=complaint):
        divergence(p, q)
