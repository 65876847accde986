from functools import partial

import pytest
import torch
from small_game import small_game, small_images
from torch import nn

from gan_lab.lessons.wrong_penalties import one_norm_for_the_batch
from gan_lab.lipschitz import clip_weights, gradient_norms, gradient_penalty
from gan_lab.losses import Wasserstein
from gan_lab.training import bare, play

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


def a_critic():
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(9, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))


def moved_by(penalty, critic, real, fake):
    """Which images' parts of the penalty's gradient move when only image 2 does."""

    def parts(real):
        torch.manual_seed(2)
        x = real.clone().requires_grad_()
        return torch.autograd.grad(penalty(critic, x, fake), x)[0].flatten(1)

    other = real.clone()
    other[2] += 1
    return ((parts(real) - parts(other)).abs().amax(1) > 1e-6).tolist()


def test_moving_one_image_moves_no_other_image_s_part_of_the_penalty_s_gradient(images):
    assert moved_by(gradient_penalty, a_critic(), *images) == [False, False, True, False, False, False]


def test_one_norm_for_the_batch_and_a_critic_with_batch_norm_tie_the_images_together(images):
    tied = a_critic()
    tied.insert(2, nn.BatchNorm1d(8))
    assert all(moved_by(one_norm_for_the_batch, a_critic(), *images))
    assert all(moved_by(gradient_penalty, tied, *images))


def test_slopes_are_the_norms_of_the_gradient_and_can_be_differentiated_again(images):
    x, _ = images
    w = torch.ones(9, requires_grad=True)
    steep = gradient_norms(lambda x: torch.sin(x.flatten(1)) @ w, x)
    torch.testing.assert_close(steep, torch.cos(x).flatten(1).norm(dim=1))
    (slope,) = torch.autograd.grad(steep.sum(), w)  # d/dw_k of the sum of |w cos x|
    torch.testing.assert_close(slope, (torch.cos(x).flatten(1).square() / steep[:, None]).sum(0))


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


def test_a_constant_offset_of_the_critic_changes_neither_loss_nor_penalty(images):
    critic, x = a_critic(), torch.cat(images)

    def losses(offset):
        def score(x):
            return critic(x) + offset

        torch.manual_seed(5)
        real, fake = score(x).chunk(2)
        return Wasserstein().d_loss(real, fake).item(), gradient_penalty(score, *images).item()

    assert losses(1000.0) == pytest.approx(losses(0.0), abs=1e-3)


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


def test_whenever_a_clipped_critic_is_asked_again_its_weights_lie_within_c():
    """Each of its steps is taken on clipped weights, and so is the generator's step after the last of them."""
    game = small_game(Wasserstein(), project=partial(clip_weights, c=0.02), n_critic=3)
    largest = []
    bare(game.D).register_forward_pre_hook(
        lambda D, _: largest.append(max(w.abs().max().item() for w in D.parameters()))
    )
    list(play(game, small_images(), batch_size=3))  # 2 rounds
    assert len(largest) == 2 * (3 * 2 + 1)  # on real and on fake images for each step of D, and for the step of G
    assert min(largest[:2]) > 0.1  # before the first step
    assert max(largest[2:]) == pytest.approx(0.02)  # the step of 0.01 that Adam takes would leave it


def test_five_steps_of_the_critic_for_one_of_the_generator():
    """Algorithm 1's "for t = 0, ..., n_critic" is n_critic steps, not n_critic + 1."""
    game = small_game(Wasserstein(), project=clip_weights, n_critic=5)
    steps = {"D": 0, "G": 0}
    game.opt_D.register_step_post_hook(lambda *_: steps.update(D=steps["D"] + 1))
    game.opt_G.register_step_post_hook(lambda *_: steps.update(G=steps["G"] + 1))
    list(play(game, small_images(20), batch_size=2))
    assert steps == {"D": 10, "G": 2}
