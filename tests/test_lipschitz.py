from copy import deepcopy
from functools import partial
from math import ceil

import numpy as np
import pytest
import torch
from small_game import Discriminator, equal, same, small_game, small_images
from torch import nn

from gan_lab.described import described
from gan_lab.layers.gradient_norms import norms_by_layer
from gan_lab.lessons.wrong_penalties import one_norm_for_the_batch
from gan_lab.lipschitz import clip_weights, gradient_norms, gradient_penalty, r1, r2, spectrally_normed, sum_of
from gan_lab.losses import Hinge, NonSaturating, Relativistic, Wasserstein
from gan_lab.networks import dcgan32
from gan_lab.runs import Run
from gan_lab.theory import dirac_gan
from gan_lab.training import Game, bare, play, relativistic_round

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


@pytest.mark.parametrize("penalty", [r1, r2])
@pytest.mark.parametrize("norm", [0.0, 1.0, 3.0])
def test_of_a_linear_critic_r1_and_r2_are_half_gamma_times_the_square_of_its_weights(images, penalty, norm):
    """A sum over the 9 pixels of an image: their mean would be a ninth of it."""
    w = nn.functional.normalize(torch.randn(9), dim=0) * norm
    assert penalty(linear(w), *images, gamma=4.0).item() == pytest.approx(4 / 2 * norm**2, abs=1e-5)


def test_r1_is_at_the_real_images_and_r2_at_the_fakes_and_each_image_has_a_square_of_its_own(images):
    """A quadratic critic has the gradient x."""

    def score(x):
        return x.flatten(1).square().sum(1) / 2

    of_real, of_fake = (x.flatten(1).square().sum(1).mean().item() for x in images)
    assert r1(score, *images).item() == pytest.approx(10 / 2 * of_real)
    assert r2(score, *images).item() == pytest.approx(10 / 2 * of_fake)
    both = sum_of(partial(r1, gamma=1.0), partial(r2, gamma=3.0))
    assert both(score, *images).item() == pytest.approx(1 / 2 * of_real + 3 / 2 * of_fake)
    with pytest.raises(ValueError, match="Module has a state, which would not be kept"):
        sum_of(r1, nn.Module())


@pytest.mark.parametrize("penalty", [r1, r2, sum_of(r1, r2)])
def test_a_constant_offset_and_a_moved_image_change_no_more_than_they_should_in_r1_and_r2(images, penalty):
    critic = a_critic()
    offset = penalty(lambda x: critic(x) + 64, *images)
    assert offset.item() == pytest.approx(penalty(critic, *images).item(), rel=1e-5)
    if penalty is not r2:
        assert moved_by(penalty, critic, *images) == [False, False, True, False, False, False]


def test_the_gradient_of_r1_in_the_critic_s_weights_is_that_of_finite_differences(images):
    real, fake = (x.double() for x in images)
    torch.manual_seed(4)
    W, v = (torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in ((9, 4), (4,)))
    for penalty in r1, r2:
        of_weights = lambda W, v, penalty=penalty: penalty(lambda x: torch.tanh(x.flatten(1) @ W) @ v, real, fake)  # noqa: E731
        assert torch.autograd.gradcheck(of_weights, (W, v))


def test_r1_finds_the_same_with_norms_by_layer(images):
    critic = nn.Sequential(nn.Flatten(), nn.Linear(9, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1), nn.Flatten(0))
    for penalty in r1, r2:
        quick = penalty(critic, *images, norms=norms_by_layer(critic))
        torch.testing.assert_close(quick, penalty(critic, *images))


def test_r1_does_not_see_the_slope_of_a_critic_that_ends_in_batch_norm(images):
    steep = nn.Sequential(nn.Flatten(), nn.Linear(9, 1), nn.BatchNorm1d(1), nn.Flatten(0))
    assert r1(steep, *images).item() == pytest.approx(0, abs=1e-6)
    assert r1(steep.eval(), *images).item() > 0.1
    with pytest.raises(ValueError, match=r"layers\.2, a BatchNorm1d"):
        D = Discriminator()
        D.layers.insert(2, nn.BatchNorm1d(8))
        small_game(D=D, penalty=r1)


class Point(nn.Module):
    """The Dirac-GAN's G: one picture of one pixel, theta."""

    z_dim = 1

    def __init__(self, theta):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta, dtype=torch.float64))

    def forward(self, z):
        return self.theta.expand(len(z), 1, 1, 1)


class Line(nn.Module):
    """The Dirac-GAN's D: the score psi x."""

    def __init__(self, psi):
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(psi, dtype=torch.float64))

    def forward(self, x):
        return self.psi * x.flatten()


class Origin:
    """The Dirac-GAN's data: four pictures of one pixel, 0."""

    name, classes = "origin", ("a",)

    def __len__(self):
        return 4

    def to(self, device):
        return self

    def batch(self, index):
        return torch.zeros(len(index), 1, 1, 1, dtype=torch.float64), torch.zeros(len(index), dtype=torch.long)


def path_of(loss, penalty, round=None, epochs=400):
    """(theta, psi) after each round of a Dirac-GAN that begins at (1, 1), with steps of 0.2: (epochs + 1, 2)."""
    G, D = Point(1.0), Line(1.0)
    opt_G, opt_D = (torch.optim.SGD(player.parameters(), lr=0.2) for player in (G, D))
    game = Game(G, D, loss, opt_G, opt_D, penalty=penalty, fabric=small_game().fabric)
    path = [(1.0, 1.0)]
    for epoch in range(epochs):
        list(play(game, Origin(), batch_size=4, epoch=epoch, round=round))
        path.append((G.theta.item(), D.psi.item()))
    return np.array(path)


@pytest.mark.parametrize(
    ("loss", "round"), [(NonSaturating(), None), (Relativistic(), relativistic_round)], ids=["GAN", "relativistic"]
)
@pytest.mark.parametrize(
    ("penalty", "weight"),
    [
        (None, 0.0),
        (partial(r1, gamma=0.5), 0.5),
        (partial(r2, gamma=0.5), 0.5),
        (sum_of(partial(r1, gamma=0.2), partial(r2, gamma=0.3)), 0.5),
    ],
    ids=["without", "R1", "R2", "R1 and R2"],
)
def test_a_dirac_gan_takes_the_path_of_the_theory_home_with_r1_and_around_without(loss, round, penalty, weight):
    """The slope of D is psi everywhere, so R2 is R1. A fake's only partner is the point 0, so both losses are one."""

    def velocity(theta, psi):
        return dirac_gan.non_saturating(theta, psi)[0], dirac_gan.r1(theta, psi, weight)[1]

    path = path_of(loss, penalty, round)
    theory = dirac_gan.train(velocity, 1, 1, lr=0.2, rounds=400)
    np.testing.assert_allclose(path, theory, atol=1e-5)  # D's scores are float32 in G's step
    distance = np.linalg.norm(path, axis=1)
    if weight:
        assert distance[-1] < 1e-4
        assert np.ptp(np.sign(path[:, 0])) == 2  # it overshoots, and comes back: a spiral
    else:
        assert distance.min() > 0.2


def conv(kernel, stride, c_in=2, c_out=3):
    return nn.Conv2d(c_in, c_out, kernel, stride=stride, padding=kernel // 2, bias=False)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(9, 7),
        conv(3, 1),
        nn.Conv1d(2, 3, 3),
        nn.ConvTranspose2d(2, 5, 4, stride=2, padding=1),
        nn.Embedding(5, 7),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_the_largest_singular_value_of_a_spectrally_normed_weight_is_1(layer):
    with torch.no_grad():
        layer.weight.mul_(30)
    D = spectrally_normed(nn.Sequential(layer), n_power_iterations=400)
    first = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    matrix = D[0].weight.detach().movedim(first, 0).flatten(1)  # (c_out, ...)
    assert torch.linalg.svdvals(matrix)[0].item() == pytest.approx(1, abs=1e-4)


def test_every_convolution_and_linear_layer_of_a_network_is_divided_in_each_pass_and_only_in_training():
    torch.manual_seed(0)
    D = spectrally_normed(dcgan32.Discriminator(width=0.1))
    plain = [name for name, _ in dcgan32.Discriminator(width=0.1).named_parameters() if name.endswith("weight")]
    assert len(plain) == 3
    x = torch.randn(2, 1, 32, 32)
    for _ in range(200):
        D(x)
    D.eval()
    for name in plain:
        weight = D.get_submodule(name.removesuffix(".weight")).weight
        assert torch.linalg.svdvals(weight.flatten(1))[0].item() == pytest.approx(1, abs=1e-3)
    before = {name: value.clone() for name, value in D.state_dict().items()}
    D(x)
    assert equal(before, dict(D.state_dict()))


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (4, 2), (5, 2), (5, 1)])
def test_a_spectrally_normed_convolution_stretches_by_more_than_1_but_within_its_bound(kernel, stride):
    """Its norm as a map of whole pictures, against that of its reshaped matrix; a constant kernel comes near it."""
    layer = conv(kernel, stride, 1, 1)
    with torch.no_grad():
        layer.weight.fill_(0.7)
    D = spectrally_normed(nn.Sequential(layer), n_power_iterations=50).eval()
    side = 24
    columns = torch.eye(side * side).view(-1, 1, side, side)
    with torch.no_grad():
        norm = torch.linalg.matrix_norm(D(columns).flatten(1), ord=2).item()
    bound = ceil(kernel / stride)  # the square root of m
    assert 0.75 * bound < norm < bound + 1e-4
    assert (norm > 1.3) == (bound > 1)


def test_no_step_of_d_is_longer_than_the_product_of_the_layers_bounds():
    """k5 s2 twice, and a linear layer: 3 * 3 * 1, in evaluation mode, where dropout is the identity."""
    torch.manual_seed(0)
    D, x = dcgan32.Discriminator(width=0.1), torch.randn(50, 1, 32, 32)
    with torch.no_grad():
        for weight in D.parameters():
            weight.mul_(30)
    assert gradient_norms(D.eval(), x).max().item() > 90
    D = spectrally_normed(D.train(), n_power_iterations=20)
    for _ in range(10):
        D(torch.randn(2, 1, 32, 32))
    assert gradient_norms(D.eval(), x).max().item() <= 9


def test_the_length_of_a_weight_has_no_gradient_for_the_division_takes_it_out():
    """W / sigma(W) is the same for 2 W, so <dL/dW, W> = 0: of sigma's own gradient nothing is missing."""
    torch.manual_seed(0)
    D = spectrally_normed(Discriminator(dropout=0), n_power_iterations=50)
    D(torch.randn(9, 1, 4, 4)).square().mean().backward()
    weights = [weight for name, weight in D.named_parameters() if name.endswith("original")]
    assert len(weights) == 2
    for weight in weights:
        lengths = weight.grad.norm() * weight.norm()
        assert lengths > 1e-3 and (weight.grad * weight).sum().abs() < 1e-4 * lengths


def normed_game(**more):
    torch.manual_seed(3)
    return small_game(Hinge(), D=spectrally_normed(Discriminator(), **more))


def test_an_optimiser_that_was_made_before_moves_the_weights_before_the_division():
    D = Discriminator()
    before = list(D.parameters())
    assert {*map(id, before)} == {*map(id, spectrally_normed(D).parameters())}


def test_a_spectrally_normed_run_goes_on_to_the_same_bits(tmp_path):
    """u and v ride in the checkpoint: without them the first passes would divide by another number."""

    def train(folder, *parts):
        for epochs in parts:
            game = normed_game()
            run = Run("normed", game, small_images(), folder, batch_size=4)
            for epoch in run.epochs(epochs):
                for round in play(game, small_images(), batch_size=4, epoch=epoch):
                    run.log(round)
                run.save()
        return game

    assert same(train(tmp_path / "halves", 1, 2), train(tmp_path / "whole", 2))
    assert "layers.1.parametrizations.weight.0._u" in normed_game().parts["D"].state_dict()


def test_spectral_norm_is_told_apart_and_so_is_the_code_of_a_layer_under_it():
    class Shifted(nn.Linear):
        def forward(self, x):
            return super().forward(x) + 1

    class Doubled(nn.Linear):
        def forward(self, x):
            return super().forward(x) * 2

    Doubled.__name__ = Doubled.__qualname__ = "Shifted"
    plain, normed = Discriminator(), spectrally_normed(Discriminator())
    more = spectrally_normed(Discriminator(), n_power_iterations=2)
    wider = spectrally_normed(Discriminator(), eps=1e-6)
    assert len({described(D) for D in (plain, normed, more, wider)}) == 4
    shifted, doubled = (spectrally_normed(nn.Sequential(kind(2, 2))) for kind in (Shifted, Doubled))
    assert described(shifted) != described(doubled)
    game, before = normed_game(), described(normed)
    list(play(game, small_images(), batch_size=4))
    assert described(bare(game.D)) == before


def test_a_copy_of_a_spectrally_normed_critic_scores_alike_and_learns_apart():
    D = spectrally_normed(Discriminator(dropout=0)).eval()
    x = torch.randn(3, 1, 4, 4)
    other = deepcopy(D)
    assert torch.equal(D(x), other(x))
    with torch.no_grad():
        next(other.parameters()).add_(1)
    assert not torch.equal(D(x), other(x))


def test_clipping_bounds_the_weights_before_the_division_and_not_those_that_are_used():
    D = spectrally_normed(Discriminator(), n_power_iterations=100)
    clip_weights(D, c=0.01)
    assert max(w.abs().max().item() for w in D.parameters()) == pytest.approx(0.01)
    assert torch.linalg.svdvals(D.layers[1].weight.detach())[0].item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("penalty", [None, r1, gradient_penalty])
def test_a_spectrally_normed_critic_plays_with_and_without_a_penalty(penalty):
    game = small_game(Hinge(), D=spectrally_normed(Discriminator()), penalty=penalty)
    layers = [game.D.module.layers[i] for i in (1, 4)]
    before = [layer.weight.detach().clone() for layer in layers]
    for round in play(game, small_images(), batch_size=4):
        assert torch.isfinite(round.d_loss + round.g_loss + round.penalty)
        assert round.real.abs().max() < 20
    for layer, old in zip(layers, before, strict=True):
        assert not torch.allclose(layer.weight, old, atol=1e-3)
        assert torch.linalg.svdvals(layer.weight.detach())[0].item() == pytest.approx(1, abs=0.2)


def test_spectral_norm_twice_or_on_nothing_is_refused():
    with pytest.raises(ValueError, match=r"layers\.1 is parametrized already"):
        spectrally_normed(spectrally_normed(Discriminator()))
    with pytest.raises(ValueError, match="Flatten has no convolution and no linear layer"):
        spectrally_normed(nn.Flatten())
