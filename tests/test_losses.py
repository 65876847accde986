from math import log

import pytest
import torch
import torch.nn.functional as F

from gan_lab.losses import NonSaturating, Verdict, Wasserstein, cross_entropy, score_of

S = torch.linspace(-9, 9, 37, dtype=torch.float64)


def test_a_discriminator_that_cannot_tell_pays_2_log_2_and_its_generator_log_2():
    loss, cannot_tell = NonSaturating(), torch.zeros(8)
    assert loss.d_loss(cannot_tell, cannot_tell).item() == pytest.approx(2 * log(2))
    assert loss.g_loss(cannot_tell).item() == pytest.approx(log(2))


def test_d_loss_is_minus_the_value_function():
    real, fake = S, S.flip(0) - 1
    V = torch.sigmoid(real).log().mean() + (1 - torch.sigmoid(fake)).log().mean()
    assert NonSaturating().d_loss(real, fake).item() == pytest.approx(-V.item())


@pytest.mark.parametrize("target", [0.0, 0.1, 0.9, 1.0])
def test_cross_entropy_is_that_of_the_definition(target):
    D = torch.sigmoid(S)
    by_definition = (-target * D.log() - (1 - target) * (1 - D).log()).mean()
    assert cross_entropy(S, target).item() == pytest.approx(by_definition.item())


def test_cross_entropy_stays_finite_for_scores_whose_sigmoid_is_0_or_1():
    assert cross_entropy(torch.tensor([-1e4]), 1.0).item() == pytest.approx(1e4)
    assert cross_entropy(torch.tensor([1e4]), 1.0).item() == 0


@pytest.mark.parametrize(("a", "b"), [(1.0, 0.0), (0.9, 0.0), (0.9, 0.1)])
def test_the_best_discriminator_is_the_mean_target_weighted_by_the_densities(a, b):
    """D* = (a p + b q) / (p + q) where the real density is p and the fake density q: there the slope in s is zero."""
    p, q = 0.7, 0.2
    best = (a * p + b * q) / (p + q)
    s = torch.tensor([log(best / (1 - best))], dtype=torch.float64, requires_grad=True)
    loss = NonSaturating(real_target=a, fake_target=b)
    (slope,) = torch.autograd.grad(p * loss.d_real(s) + q * loss.d_fake(s), s)
    assert slope.item() == pytest.approx(0, abs=1e-12)


def test_the_generator_pulls_with_slope_one_minus_D_where_the_saturating_loss_pulls_with_D():
    s = S.clone().requires_grad_()
    (slope,) = torch.autograd.grad(len(S) * NonSaturating().g_loss(s), s)
    torch.testing.assert_close(-slope, 1 - torch.sigmoid(S))
    (saturating,) = torch.autograd.grad(-F.softplus(s).sum(), s)
    torch.testing.assert_close(-saturating, torch.sigmoid(S))


def test_a_smoothed_real_target_leaves_the_generator_s_loss_as_it_is():
    assert torch.equal(NonSaturating(real_target=0.9).g_loss(S), NonSaturating().g_loss(S))


@pytest.mark.parametrize(
    ("loss", "D", "d_loss", "g_loss"),
    [
        (NonSaturating(), 0.5, 1.3863, 0.6931),
        (NonSaturating(0.9), 0.45, 1.3763, 0.7985),
        (NonSaturating(0.9, 0.1, generator_target=0.9), 0.5, 1.3863, 0.6931),
    ],
    ids=["plain", "one-sided", "two-sided"],
)
def test_what_each_player_pays_when_fakes_are_like_the_real_images(loss, D, d_loss, g_loss):
    """There p = q, so D* = (a + b) / 2 everywhere."""
    s = torch.full((8,), log(D / (1 - D)))
    assert loss.d_loss(s, s).item() == pytest.approx(d_loss, abs=5e-5)
    assert loss.g_loss(s).item() == pytest.approx(g_loss, abs=5e-5)


def test_two_sided_smoothing_asks_the_generator_for_a_score_and_not_for_more():
    """With c = 0.9 its loss is least where D says 0.9; a larger score costs it again."""
    s = torch.linspace(-4, 8, 1201, dtype=torch.float64)
    costs = torch.stack([NonSaturating(0.9, 0.1, generator_target=0.9).g_loss(one[None]) for one in s])
    assert torch.sigmoid(s[costs.argmin()]).item() == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("targets", [{"real_target": 1.1}, {"fake_target": -0.1}, {"generator_target": 2.0}])
def test_a_target_that_is_no_probability_is_refused_by_name(targets):
    (name,) = targets
    with pytest.raises(ValueError, match=rf"{name} is a probability"):
        NonSaturating(**targets)


def test_the_score_of_a_verdict_and_of_a_plain_score():
    score, classes = torch.randn(4), torch.randn(4, 5)
    assert score_of(Verdict(score, classes)) is score
    assert score_of(score) is score


def test_the_critic_s_loss_is_the_difference_of_the_means_and_a_constant_offset_changes_nothing():
    real, fake = torch.tensor([3.0, 1.0]), torch.tensor([-2.0, 1.0])
    loss = Wasserstein()
    assert loss.d_loss(real, fake).item() == -0.5 - 2
    assert loss.d_loss(real + 100, fake + 100).item() == loss.d_loss(real, fake).item()
    assert loss.g_loss(fake).item() == 0.5
