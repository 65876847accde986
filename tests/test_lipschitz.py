import pytest
import torch
from torch import nn

from gan_lab.lipschitz import clip_weights, gradient_penalty

N = 6


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.randn(N, 1, 3, 3), torch.randn(N, 1, 3, 3)


class Recorded:
    """A score function that keeps the points it was asked for."""

    def __init__(self, score):
        self.score = score

    def __call__(self, x):
        self.x = x
        return self.score(x)


def linear(w):
    return lambda x: x.flatten(1) @ w


@pytest.mark.parametrize("norm", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("one_sided", [False, True])
def test_a_linear_critic_pays_for_the_norm_of_its_weights(images, norm, one_sided):
    """score(x) = w x has the gradient w everywhere: the penalty is weight (|w| - 1)^2, for any t."""
    w = torch.nn.functional.normalize(torch.randn(9), dim=0) * norm
    excess = max(0, norm - 1) if one_sided else norm - 1
    penalty = gradient_penalty(linear(w), *images, weight=7.0, one_sided=one_sided)
    assert penalty.item() == pytest.approx(7 * excess**2, abs=1e-5)


def test_each_image_has_its_own_t_between_0_and_1(images):
    real, fake = images
    score = Recorded(linear(torch.ones(9)))
    gradient_penalty(score, real, fake)
    t = ((score.x - fake) / (real - fake)).flatten(1)  # (N, 9)
    torch.testing.assert_close(t, t[:, :1].expand_as(t), atol=1e-4, rtol=1e-4)  # one for all pixels
    assert len(t[:, 0].unique()) == N  # another for each image
    assert t.min() >= 0
    assert t.max() <= 1


def test_t_is_uniform():
    score = Recorded(lambda x: x.flatten(1).sum(1))
    torch.manual_seed(0)
    gradient_penalty(score, torch.ones(20_000, 1), torch.zeros(20_000, 1))
    deciles = torch.histc(score.x.detach(), bins=10, min=0, max=1) / 20_000
    assert (deciles - 0.1).abs().max().item() < 0.01  # a normal or a constant t misses this by far


def test_the_norm_is_one_for_each_image_not_one_for_the_batch(images):
    """A quadratic critic has the gradient x: the penalty is the mean of (|x_hat| - 1)^2."""
    score = Recorded(lambda x: x.flatten(1).square().sum(1) / 2)
    penalty = gradient_penalty(score, *images, weight=1.0)
    norms = score.x.detach().flatten(1).norm(dim=1)
    assert penalty.item() == pytest.approx((norms - 1).square().mean().item(), rel=1e-5)


def test_moving_one_image_moves_no_other_image_s_part(images):
    """Per-image penalties of a critic without batch norm: another image j changes only part j."""
    torch.manual_seed(1)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(9, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))

    def slopes(real, fake):
        torch.manual_seed(2)
        score = Recorded(critic)
        gradient_penalty(score, real, fake)
        x = score.x.detach().requires_grad_()
        return torch.autograd.grad(critic(x).sum(), x)[0].flatten(1).norm(dim=1)

    real, fake = images
    moved = real.clone()
    moved[2] += 1
    changed = slopes(real, fake) != slopes(moved, fake)
    assert changed.tolist() == [False, False, True, False, False, False]


def test_its_gradient_in_the_critic_s_weights_is_that_of_finite_differences(images):
    real, fake = (x.double() for x in images)

    def penalty(W, v):
        torch.manual_seed(3)
        return gradient_penalty(lambda x: torch.tanh(x.flatten(1) @ W) @ v, real, fake)

    torch.manual_seed(4)
    W, v = (torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in ((9, 4), (4,)))
    assert torch.autograd.gradcheck(penalty, (W, v))


def test_a_critic_without_slope_has_a_finite_gradient(images):
    w = torch.zeros(9, requires_grad=True)
    penalty = gradient_penalty(linear(w), *images)
    penalty.backward()
    assert penalty.item() == 10
    assert torch.isfinite(w.grad).all()


def test_images_of_another_shape_are_refused(images):
    with pytest.raises(ValueError, match=r"\(6, 1, 3, 3\) is not the shape \(5, 1, 3, 3\)"):
        gradient_penalty(linear(torch.ones(9)), images[0], images[1][:5])


def test_clipped_weights_lie_within_c_and_those_that_did_stay(images):
    critic = nn.Linear(3, 1)
    with torch.no_grad():
        critic.weight[:] = torch.tensor([[-5.0, 0.003, 0.02]])
    clip_weights(critic, c=0.01)
    torch.testing.assert_close(critic.weight.data, torch.tensor([[-0.01, 0.003, 0.01]]))
    assert critic.bias.abs().item() <= 0.01


def test_a_bound_that_leaves_no_weight_is_refused():
    with pytest.raises(ValueError, match="above 0, not 0"):
        clip_weights(nn.Linear(3, 1), c=0)
