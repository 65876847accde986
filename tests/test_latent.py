"""The space of the noise against closed forms."""

import pytest
import torch
from scipy import stats
from torch import nn

from gan_lab.latent import invert, slerp, truncated_noise


class Linear(nn.Module):
    """x = A z (+ 10 y), as images (N, 1, 2, 3)."""

    z_dim = 4

    def __init__(self) -> None:
        super().__init__()
        self.A = nn.Parameter(torch.randn(6, 4, generator=torch.Generator().manual_seed(1)))

    def forward(self, z, y=None):
        x = (z @ self.A.T).view(-1, 1, 2, 3)
        return x if y is None else x + 10 * y.view(-1, 1, 1, 1)


class Valleys(nn.Module):
    """An even pixel and an odd one: of z = 1 and z = -1 only one draws what is asked, and between them is a hill."""

    z_dim = 1

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(()))

    def forward(self, z, y=None):
        return torch.cat([4 * z.square(), z], 1).view(-1, 1, 1, 2)


def images(n=5):
    return torch.randn(n, 1, 2, 3, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("prior", [0.0, 0.02, 1.0])
def test_of_a_linear_generator_it_is_the_least_squares_solution_with_the_prior(prior):
    G, x = Linear().eval(), images()
    A, flat = G.A.detach(), x.flatten(1)
    expected = torch.linalg.solve(A.T @ A / 6 + prior * torch.eye(4) / 4, A.T @ flat.T / 6).T

    z, error = invert(G, x, prior=prior, steps=800)

    torch.testing.assert_close(z, expected, rtol=0, atol=1e-3)
    torch.testing.assert_close(error, (G(z) - x).square().flatten(1).mean(1))


def test_the_best_of_all_starts_counts():
    x = torch.tensor([4.0, -1.0]).view(1, 1, 1, 2).repeat(8, 1, 1, 1)

    z, error = invert(Valleys().eval(), x, starts=16, prior=0.0)

    torch.testing.assert_close(z, -torch.ones(8, 1), rtol=0, atol=1e-2)
    assert error.max() < 1e-3


def test_labels_reach_a_conditional_generator_and_weights_stay():
    G, x, y = Linear().eval(), images(3), torch.tensor([0, 1, 2])
    before = G.A.clone()

    z, error = invert(G, x + 10 * y.view(-1, 1, 1, 1), y, prior=0.0, steps=800)
    alone, expected = invert(G, x, prior=0.0, steps=800)

    torch.testing.assert_close(z, alone, rtol=0, atol=2e-3)
    torch.testing.assert_close(error, expected, rtol=0, atol=1e-4)
    assert torch.equal(G.A, before)
    assert G.A.grad is None


def test_what_cannot_be_inverted_is_refused():
    with pytest.raises(ValueError, match=r"G.eval\(\)"):
        invert(Linear().train(), images())
    with pytest.raises(ValueError, match=r"shape \(1, 2, 3\).*\(1, 3, 2\)"):
        invert(Linear().eval(), images().transpose(2, 3))


def test_slerp_goes_at_constant_speed_on_the_sphere():
    z_0, z_1 = torch.tensor([[3.0, 0, 0]]), torch.tensor([[0, 3.0, 0]])
    t = torch.linspace(0, 1, 7)

    z = slerp(z_0, z_1, t)

    angle = t * torch.pi / 2
    torch.testing.assert_close(z, 3 * torch.stack([angle.cos(), angle.sin(), torch.zeros(7)], 1))
    torch.testing.assert_close(slerp(z_0, z_1, torch.tensor([0.0])), z_0)


def test_slerp_keeps_the_length_of_noise_and_a_straight_line_does_not():
    z = torch.randn(2, 1000, 100, generator=torch.Generator().manual_seed(0))
    half = torch.full((1000,), 0.5)

    assert slerp(z[0], z[1], half).norm(dim=1).mean() == pytest.approx(z.norm(dim=2).mean().item(), rel=0.01)
    assert z.mean(0).norm(dim=1).mean() == pytest.approx(z.norm(dim=2).mean().item() / 2**0.5, rel=0.01)


def test_slerp_between_vectors_of_one_direction_is_a_straight_line():
    z = torch.tensor([[1.0, 2, 2]])
    t = torch.tensor([0.0, 0.25, 1.0])

    torch.testing.assert_close(slerp(z, 3 * z, t), (1 + 2 * t)[:, None] * z)
    torch.testing.assert_close(slerp(z, z, t), z.expand(3, -1))


@pytest.mark.parametrize("most", [0.3, 1.0, 2.0])
def test_truncated_noise_has_the_truncated_normal_distribution(most):
    z = truncated_noise(400, 50, most)

    assert z.shape == (400, 50)
    assert z.abs().max() <= most
    assert stats.kstest(z.flatten().numpy(), stats.truncnorm(-most, most).cdf).pvalue > 0.01
    assert not torch.equal(z, truncated_noise(400, 50, most, seed=1))
    assert torch.equal(z, truncated_noise(400, 50, most))


def test_noise_that_is_hardly_truncated_is_normal_and_finite():
    z = truncated_noise(400, 50, 100.0)

    assert z.isfinite().all()
    assert stats.kstest(z.flatten().numpy(), stats.norm.cdf).pvalue > 0.01


@pytest.mark.parametrize("most", [0.0, -1.0, float("nan")])
def test_a_bound_that_bounds_nothing_is_refused(most):
    with pytest.raises(ValueError, match="above 0"):
        truncated_noise(2, 3, most)


def test_slerp_goes_where_the_noise_is_whatever_t_is():
    """On another device, and from whole numbers."""
    z = torch.ones(1, 4, device="meta")
    assert slerp(z, z, torch.linspace(0, 1, 3)).device.type == "meta"
    assert slerp(*torch.eye(2)[:, None], torch.tensor([0, 1])).tolist() == [[1, 0], [0, 1]]
