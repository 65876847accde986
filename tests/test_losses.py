from math import log

import pytest
import torch
import torch.nn.functional as F

from gan_lab.losses import (
    AuxiliaryClassifier,
    Hinge,
    NonSaturating,
    Relativistic,
    Saturating,
    Verdict,
    Wasserstein,
    class_loss,
    cross_entropy,
    measures,
    score_of,
)

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
        (NonSaturating(), 0.5, 2 * log(2), log(2)),
        (NonSaturating(0.9), 0.45, -0.9 * log(0.45) - 1.1 * log(0.55), -log(0.45)),
        (NonSaturating(0.9, 0.1, generator_target=0.9), 0.5, 2 * log(2), log(2)),
    ],
    ids=["plain", "one-sided", "two-sided"],
)
def test_what_each_player_pays_when_fakes_are_like_the_real_images(loss, D, d_loss, g_loss):
    """There p = q, so D* = (a + b) / 2 everywhere."""
    s = torch.full((8,), log(D / (1 - D)))
    assert loss.d_loss(s, s).item() == pytest.approx(d_loss)
    assert loss.g_loss(s).item() == pytest.approx(g_loss)


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


def test_the_hinge_lets_each_kind_of_image_pay_up_to_its_own_margin_and_G_at_every_score():
    """D's slope is -1 for real scores below 1 and +1 for fake scores above -1, and 0 beyond; G's is -1 everywhere."""
    s = torch.tensor([-3.0, -1.5, -0.5, 0.5, 1.5, 3.0], requires_grad=True)
    loss, nothing = Hinge(), torch.zeros(1)
    for cost, slope in (
        (loss.d_loss(s, nothing), [-1, -1, -1, -1, 0, 0]),
        (loss.d_loss(nothing, s), [0, 0, 1, 1, 1, 1]),
        (loss.g_loss(s), [-1, -1, -1, -1, -1, -1]),
    ):
        assert (6 * torch.autograd.grad(cost, s)[0]).tolist() == pytest.approx(slope)


def test_the_best_hinged_discriminator_pays_2_minus_twice_the_total_variation():
    p, q = torch.tensor([[0.45, 0.3, 0.2, 0.05], [0.1, 0.3, 0.2, 0.4]])  # the densities at four places
    s, loss = torch.linspace(-3, 3, 61), Hinge()
    costs = torch.stack([p * loss.d_real(t[None]) + q * loss.d_fake(t[None]) for t in s])
    assert costs.min(0).values.sum().item() == pytest.approx(2 - (p - q).abs().sum().item())
    assert s[costs[:, [0, 3]].argmin(0)].tolist() == pytest.approx([1, -1], abs=1e-6)
    assert loss.d_loss(torch.zeros(5), torch.zeros(5)).item() == 2


def test_a_relativistic_pair_costs_D_the_log_of_1_plus_e_to_minus_its_difference_and_G_that_to_plus():
    real, fake = S, S.flip(0) / 3 - 1
    loss, t = Relativistic(), real - fake
    assert loss.d_loss(real, fake).item() == pytest.approx((1 + (-t).exp()).log().mean().item())
    assert loss.g_loss(fake, None, real).item() == pytest.approx((1 + t.exp()).log().mean().item())
    assert loss.d_loss(S, S).item() == loss.g_loss(S, None, S).item() == pytest.approx(log(2))


def test_the_relativistic_loss_is_of_pairs_and_not_of_all_pairs_nor_of_the_means():
    """Where each fake has the score of its own real image, however far apart those are, both players pay log 2."""
    real = torch.tensor([0.0, 20.0])
    assert Relativistic().d_loss(real, real).item() == pytest.approx(log(2))  # of all four pairs it is 5.3
    assert Relativistic().d_loss(real, real.flip(0)).item() == pytest.approx(10)  # of the means, log 2


def test_the_relativistic_generator_pulls_hardest_where_D_is_sure():
    """Its slope is -sigmoid(real - fake); the saturating loss, minus D's, would pull with 1 - sigmoid(real - fake)."""
    fake, real = S.clone().requires_grad_(), torch.full_like(S, 2.0)
    (slope,) = torch.autograd.grad(len(S) * Relativistic().g_loss(fake, None, real), fake)
    torch.testing.assert_close(slope, -torch.sigmoid(real - S))


def test_a_constant_added_to_all_scores_changes_the_relativistic_losses_in_nothing():
    real, fake = S, S.flip(0) - 1
    loss = Relativistic()
    assert loss.d_loss(real + 64, fake + 64).item() == pytest.approx(loss.d_loss(real, fake).item())
    assert loss.g_loss(fake + 64, None, real + 64).item() == pytest.approx(loss.g_loss(fake, None, real).item())


def test_the_saturating_generator_minimises_what_d_maximises_with_any_target_of_fakes():
    real, fake = S, S.flip(0) + 0.3
    for loss in (Saturating(), Saturating(0.9), Saturating(0.9, 0.2)):
        value = -loss.d_loss(real, fake)  # V, whose second half G can move
        assert loss.g_loss(fake).item() == pytest.approx((value + loss.d_real(real)).item())
    with pytest.raises(TypeError, match="generator_target"):
        Saturating(generator_target=0.9)


def test_relativistic_scores_that_do_not_pair_up_and_a_round_without_real_scores_are_refused():
    with pytest.raises(ValueError, match=r"pair up: shape \(1,\) is not \(37,\)"):
        Relativistic().d_loss(S[:1], S)
    with pytest.raises(ValueError, match=r"pair up"):
        Relativistic().g_loss(S, None, S[:1])
    with pytest.raises(ValueError, match=r"round=relativistic_round"):
        Relativistic().g_loss(S, None)


def verdict(seed, N=8, K=5):
    random = torch.Generator().manual_seed(seed)
    score, classes = torch.randn(N, generator=random), torch.randn(N, K, generator=random)
    return Verdict(score.requires_grad_(), classes.requires_grad_())


Y = torch.tensor([0, 1, 2, 3, 4, 4, 3, 0])


@pytest.mark.parametrize("K", [2, 5, 10])
def test_a_discriminator_that_cannot_tell_anything_pays_2_log_2_and_2_log_K(K):
    knows_nothing = Verdict(torch.zeros(6), torch.zeros(6, K))
    y = torch.arange(6) % K
    assert AuxiliaryClassifier(NonSaturating()).d_loss(knows_nothing, knows_nothing, y).item() == pytest.approx(
        2 * log(2) + 2 * log(K)
    )
    assert AuxiliaryClassifier(NonSaturating()).g_loss(knows_nothing, y).item() == pytest.approx(log(2) + log(K))


def test_the_class_loss_is_minus_the_log_of_the_softmax_at_the_label():
    said = verdict(0)
    by_definition = -torch.softmax(said.classes, 1)[range(8), Y].log().mean()
    assert class_loss(said, Y).item() == pytest.approx(by_definition.item())


def test_d_maximises_L_S_plus_L_C_and_g_its_own_terms_of_L_C_minus_L_S():
    real, fake = verdict(1), verdict(2)
    p_real, p_fake = (torch.softmax(v.classes, 1)[range(8), Y].log().mean() for v in (real, fake))
    L_S = torch.sigmoid(real.score).log().mean() + (1 - torch.sigmoid(fake.score)).log().mean()
    loss = AuxiliaryClassifier(NonSaturating())
    assert loss.d_loss(real, fake, Y).item() == pytest.approx(-(L_S + p_real + p_fake).item())
    assert loss.g_loss(fake, Y).item() == pytest.approx(-(torch.sigmoid(fake.score).log().mean() + p_fake).item())


@pytest.mark.parametrize("source", [NonSaturating(0.9), Wasserstein()], ids=["non-saturating", "Wasserstein"])
def test_any_source_loss_is_its_own_plus_the_weighted_class_terms(source):
    real, fake = verdict(1), verdict(2)
    loss = AuxiliaryClassifier(source, weight=3)
    of_classes = class_loss(real, Y) + class_loss(fake, Y)
    assert loss.d_loss(real, fake, Y).item() == pytest.approx(
        (source.d_loss(real.score, fake.score) + 3 * of_classes).item()
    )
    assert loss.g_loss(fake, Y).item() == pytest.approx((source.g_loss(fake.score) + 3 * class_loss(fake, Y)).item())


def test_a_source_that_compares_with_real_scores_gets_them():
    loss, real, fake = AuxiliaryClassifier(Relativistic()), verdict(0), verdict(1)
    of_pairs = Relativistic().g_loss(fake.score, Y, real.score)
    assert loss.g_loss(fake, Y, real).item() == pytest.approx((of_pairs + class_loss(fake, Y)).item())


def test_without_its_classes_an_ac_gan_is_the_source_gan():
    real, fake = verdict(1), verdict(2)
    loss = AuxiliaryClassifier(Wasserstein(), weight=0)
    assert loss.d_loss(real, fake, Y).item() == Wasserstein().d_loss(real.score, fake.score).item()
    assert loss.g_loss(fake, Y).item() == Wasserstein().g_loss(fake.score).item()


@pytest.mark.parametrize("fakes", [True, False])
def test_the_class_head_learns_from_fakes_only_if_it_is_asked_for_theirs(fakes):
    """d CE / d logits = (softmax - one_hot) / N, for the fakes as for the real images."""
    real, fake = verdict(1), verdict(2)
    AuxiliaryClassifier(NonSaturating(), fakes=fakes).d_loss(real, fake, Y).backward()
    of_real, of_fake = ((torch.softmax(v.classes, 1) - F.one_hot(Y, 5)).detach() / 8 for v in (real, fake))
    torch.testing.assert_close(real.classes.grad, of_real)
    assert (fake.classes.grad is not None) == fakes
    if fakes:
        torch.testing.assert_close(fake.classes.grad, of_fake)


@pytest.mark.parametrize("fakes", [True, False])
def test_the_generator_is_asked_for_the_class_in_either_case(fakes):
    fake = verdict(2)
    AuxiliaryClassifier(NonSaturating(), fakes=fakes).g_loss(fake, Y).backward()
    torch.testing.assert_close(fake.classes.grad, (torch.softmax(fake.classes, 1) - F.one_hot(Y, 5)).detach() / 8)


@pytest.mark.parametrize(
    ("said", "y", "says"),
    [
        (torch.zeros(4), torch.zeros(4, dtype=torch.long), r"Verdict\(score, classes\), not scores alone"),
        (
            Verdict(torch.zeros(4), torch.zeros(4, 1)),
            torch.zeros(4, dtype=torch.long),
            "images of two classes at least",
        ),
        (Verdict(torch.zeros(4), torch.zeros(4, 5)), torch.tensor([1, 2, 3, 5]), r"from 1 to 5, but .* 5 classes 0..4"),
        (Verdict(torch.zeros(4), torch.zeros(4, 5)), torch.tensor([-1, 2, 3, 4]), "from -1 to 4"),
    ],
    ids=["one head", "one class", "labels from 1", "a label below 0"],
)
def test_what_has_no_class_to_be_told_is_refused(said, y, says):
    with pytest.raises(ValueError, match=says):
        AuxiliaryClassifier(NonSaturating()).g_loss(said, y)


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match="weight is that of the class terms: at least 0, not -1"):
        AuxiliaryClassifier(NonSaturating(), weight=-1)


def test_what_a_gan_keeps_adds_up_to_its_loss_and_counts_scores_on_the_right_side_of_zero():
    real, fake = torch.tensor([2.0, -1.0, 3.0, 0.1]), torch.tensor([-1.0, 1.0])
    for loss in (NonSaturating(), NonSaturating(0.9, 0.1), Hinge()):
        kept = loss.measures(real, fake)
        torch.testing.assert_close(kept["d_real"] + kept["d_fake"], loss.d_loss(real, fake))
        assert (kept["acc_real"], kept["acc_fake"]) == (0.75, 0.5)


def test_a_critic_keeps_mean_scores_whose_gap_is_its_loss_and_no_accuracy():
    real, fake = torch.randn(2, 7)
    kept = Wasserstein().measures(real, fake)
    torch.testing.assert_close(kept["mean_fake"] - kept["mean_real"], Wasserstein().d_loss(real, fake))
    assert kept.keys() == {"mean_real", "mean_fake"}


def test_a_relativistic_gan_keeps_the_share_of_pairs_in_their_order_and_no_accuracy_at_a_threshold():
    kept = Relativistic().measures(torch.tensor([5.0, -3.0, 0.0, 1.0]), torch.tensor([4.0, -4.0, 2.0, 1.0]))
    assert {name: value.item() for name, value in kept.items()} == {"acc_pairs": 0.5}


def test_an_ac_gan_keeps_what_its_source_keeps_and_which_classes_are_named():
    y = torch.tensor([0, 1, 2])
    real = Verdict(torch.randn(3), torch.eye(3)[[0, 1, 1]])
    fake = Verdict(torch.randn(3), torch.eye(3)[[2, 2, 2]])
    kept = AuxiliaryClassifier(NonSaturating()).measures(real, fake, y)
    source = NonSaturating().measures(real.score, fake.score)
    assert all(torch.equal(kept[name], source[name]) for name in source)
    assert (kept["named_real"].item(), kept["named_fake"].item()) == pytest.approx((2 / 3, 1 / 3))
    assert kept["class_real"] == class_loss(real, y)


def test_a_loss_that_says_nothing_keeps_nothing():
    assert measures(object(), torch.zeros(1), torch.zeros(1), torch.zeros(1)) == {}
