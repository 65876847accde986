from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from gan_lab.theory.dirac_gan import instance_noise, non_saturating, r1, saturating, train, wasserstein, wasserstein_gp

coordinate = st.floats(-3, 3)
penalised = partial(wasserstein_gp, weight=0.25)
noisy = partial(instance_noise, sigma=1.0)
damped = partial(r1, weight=0.5)
FIELDS = [saturating, non_saturating, wasserstein, penalised, noisy, damped]


def jacobian(velocity, h=1e-5):
    """d(velocity) / d(theta, psi) at the equilibrium, by central differences."""
    columns = [(np.subtract(velocity(*(h * e)), velocity(*(-h * e)))) / (2 * h) for e in np.eye(2)]
    return np.stack(columns, axis=1)


# Of D(x) = psi x, a real point at 0, a fake one at theta: each velocity, and what D and G minimise
GAMES = [
    pytest.param(saturating, lambda t, s: F.softplus(s * t), lambda t, s: -F.softplus(s * t), id="saturating"),
    pytest.param(non_saturating, lambda t, s: F.softplus(s * t), lambda t, s: F.softplus(-s * t), id="non-saturating"),
    pytest.param(wasserstein, lambda t, s: s * t, lambda t, s: -s * t, id="WGAN"),
    pytest.param(penalised, lambda t, s: s * t + 0.25 * (s.abs() - 1) ** 2, lambda t, s: -s * t, id="WGAN-GP"),
    pytest.param(damped, lambda t, s: F.softplus(s * t) + 0.5 / 2 * s**2, lambda t, s: -F.softplus(s * t), id="R1"),
]


@given(coordinate, coordinate)
@pytest.mark.parametrize(("velocity", "d_loss", "g_loss"), GAMES)
def test_each_player_moves_against_the_gradient_of_its_own_loss(velocity, d_loss, g_loss, theta, psi):
    t, s = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (theta, psi))
    (slope_t,), (slope_s,) = torch.autograd.grad(g_loss(t, s), t), torch.autograd.grad(d_loss(t, s), s)
    assert velocity(theta, psi) == pytest.approx((-slope_t.item(), -slope_s.item()), abs=1e-12)


@given(coordinate, coordinate)
@pytest.mark.parametrize("velocity", [saturating, wasserstein])
def test_without_a_penalty_the_flow_turns_around_the_equilibrium_and_never_nears_it(velocity, theta, psi):
    assert np.dot((theta, psi), velocity(theta, psi)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("velocity", [saturating, non_saturating])
def test_a_gan_has_the_imaginary_eigenvalues_of_a_rotation(velocity):
    assert sorted(np.linalg.eigvals(jacobian(velocity)).imag) == pytest.approx([-0.5, 0.5], abs=1e-6)
    assert np.linalg.eigvals(jacobian(velocity)).real == pytest.approx(0, abs=1e-6)


@given(st.floats(0, 3))
def test_r1_has_the_eigenvalues_of_a_damped_rotation(weight):
    J = jacobian(lambda theta, psi: r1(theta, psi, weight))
    assert np.trace(J) == pytest.approx(-weight, abs=1e-6) and np.linalg.det(J) == pytest.approx(1 / 4, abs=1e-6)


@given(st.floats(0, 2))
def test_instance_noise_damps_the_rotation_by_half_the_variance(sigma):
    J = jacobian(lambda theta, psi: instance_noise(theta, psi, sigma))
    assert np.trace(J) == pytest.approx(-(sigma**2) / 2, abs=1e-5)
    assert np.linalg.det(J) == pytest.approx(1 / 4, abs=1e-5)


@given(coordinate, coordinate)
def test_a_penalty_of_no_weight_and_a_noise_of_no_width_change_nothing(theta, psi):
    assert r1(theta, psi, 0) == pytest.approx(saturating(theta, psi))
    assert instance_noise(theta, psi, 0) == pytest.approx(saturating(theta, psi), abs=1e-12)
    assert wasserstein_gp(theta, psi, 0) == pytest.approx(wasserstein(theta, psi))


@given(coordinate, st.floats(-2, 2), st.sampled_from([0.5, 1.0, 2.0]))
def test_the_noise_is_integrated_as_a_fine_grid_integrates_it(theta, psi, sigma):
    x = np.linspace(-10, 10, 20001)
    density = np.exp(-(x**2) / 2) / np.exp(-(x**2) / 2).sum()
    fake = 1 / (1 + np.exp(-psi * (theta + sigma * x)))
    real = 1 / (1 + np.exp(-psi * sigma * x))
    slope = np.sum(density * ((1 - real) * sigma * x - fake * (theta + sigma * x)))
    assert instance_noise(theta, psi, sigma) == pytest.approx((psi * np.sum(density * fake), slope), abs=1e-3)


@given(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=4))
@pytest.mark.parametrize("velocity", FIELDS)
def test_a_field_of_arrows_is_its_arrows_one_by_one(velocity, points):
    theta, psi = np.array(points).T
    together = np.stack(velocity(theta, psi), axis=1)
    assert together == pytest.approx(np.array([velocity(t, s) for t, s in points]))


@pytest.mark.parametrize("velocity", [noisy, damped])
def test_zero_centred_damping_reaches_the_equilibrium(velocity):
    assert np.linalg.norm(train(velocity, 1, 1, lr=0.1, rounds=2000)[-1]) < 1e-6


@pytest.mark.parametrize("n_critic", [1, 5])
def test_the_wgan_and_its_gradient_penalty_never_settle(n_critic):
    clipped = train(wasserstein, 1, 0.5, lr=0.1, rounds=2000, n_critic=n_critic, clip=1)
    assert np.abs(clipped[:, 1]).max() <= 1
    for path in clipped, train(penalised, 1, 0.5, lr=0.1, rounds=2000, n_critic=n_critic):
        assert np.ptp(path[-200:, 0]) > 0.1


def test_the_players_move_in_turns():
    assert train(wasserstein, 1, 0, lr=0.5, rounds=1)[1] == pytest.approx([1 - 0.5 * 0.5, -0.5])
