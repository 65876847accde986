from dataclasses import replace
from functools import partial
from itertools import islice

import pytest
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from small_game import Discriminator, Generator, equal, same, small_game, small_images
from torch import nn

from bench.systems import reusing_fakes
from gan_lab import training
from gan_lab.average import average_of
from gan_lab.data.images import load_images
from gan_lab.identity import identity
from gan_lab.losses import AuxiliaryClassifier, NonSaturating, Verdict
from gan_lab.training import generator_of, play, play_on, sample, step_D, step_G


class Recorded:
    """An ImageSet that remembers which images it gave."""

    def __init__(self, images):
        self.images = small_images(images) if isinstance(images, int) else images
        self.name, self.classes, self.given = self.images.name, self.images.classes, []

    def __len__(self):
        return len(self.images)

    def to(self, device):
        return self

    def batch(self, index):
        self.given.append(index.tolist())
        return self.images.batch(index)


@pytest.mark.parametrize("rules", [None, reusing_fakes])
def test_a_round_is_the_textbook_s_two_steps(monkeypatch, rules):
    """`play` against the two steps written out with binary cross-entropy, on the same noise and the same images."""
    z1, z2 = torch.randn(2, 6, 3)
    drawn = iter([z1] if rules else [z1, z2])
    monkeypatch.setattr(training, "noise", lambda game, n: next(drawn))
    game, images = small_game(D=Discriminator(dropout=0)), Recorded(6)
    torch.manual_seed(1)
    D, G = Discriminator(dropout=0), Generator()
    D.load_state_dict(training.bare(game.D).state_dict())
    G.load_state_dict(training.bare(game.G).state_dict())

    (round,) = play(game, images, batch_size=6, round=rules)

    opt_G = torch.optim.Adam(G.parameters(), lr=1e-2, betas=(0.5, 0.999))
    opt_D = torch.optim.Adam(D.parameters(), lr=1e-2, betas=(0.5, 0.999))
    x, _ = images.images.batch(torch.tensor(images.given[0]))
    ones, zeros, bce = torch.ones(6), torch.zeros(6), F.binary_cross_entropy_with_logits
    d_loss = bce(D(x), ones) + bce(D(G(z1).detach()), zeros)
    opt_D.zero_grad()
    d_loss.backward()
    opt_D.step()
    g_loss = bce(D(G(z1 if rules else z2)), ones)
    opt_G.zero_grad()
    g_loss.backward()
    opt_G.step()

    assert round.d_loss.item() == pytest.approx(d_loss.item(), rel=1e-5)
    assert round.g_loss.item() == pytest.approx(g_loss.item(), rel=1e-5)
    for ours, theirs in ((game.G, G), (game.D, D)):
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(p, q)


def test_d_s_step_leaves_g_s_weights_and_g_s_step_leaves_d_and_its_gradients():
    game, (x, y) = small_game(), small_images().batch(slice(0, 8))
    G_before = [p.clone() for p in game.G.parameters()]
    step_D(game, x, game.G(torch.randn(8, 3)), y)
    assert equal(G_before, list(game.G.parameters()))
    assert all(p.grad is None for p in game.G.parameters())

    D_before = [(p.clone(), p.grad.clone()) for p in game.D.parameters()]
    step_G(game, game.G(torch.randn(8, 3)), y)
    for (weight, slope), p in zip(D_before, game.D.parameters(), strict=True):
        assert torch.equal(weight, p)
        assert torch.equal(slope, p.grad)
        assert p.requires_grad


def half_square_of_the_slope(score, real, fake):
    """The R1 penalty of Mescheder et al. 2018, with weight 1."""
    x = real.requires_grad_()
    (slope,) = torch.autograd.grad(score(x).sum(), x, create_graph=True)
    return slope.flatten(1).square().sum(1).mean() / 2


@pytest.mark.parametrize(("n_critic", "rounds"), [(1, 5), (2, 2), (5, 1)])
def test_an_epoch_has_as_many_rounds_as_there_are_whole_ones_and_shows_no_image_twice(n_critic, rounds):
    images = Recorded(23)
    assert len(list(play(small_game(n_critic=n_critic), images, batch_size=4))) == rounds
    seen = [i for batch in images.given for i in batch]
    assert len(seen) == len(set(seen)) == rounds * n_critic * 4


@pytest.mark.parametrize("batch_size", [8, 64, 256])
def test_every_class_reaches_the_discriminator_in_every_epoch(batch_size):
    """In proportion, too: no batch is drawn from one folder after the other, and what fills no batch is of all classes.

    Report B took the 1005 images as they came and dropped the last, partial batch of 256: class 5 was in no other.
    """
    digits = load_images(size=4)
    assert digits.labels[: 1005 // 256 * 256].unique().tolist() == [0, 1, 2, 3]
    for epoch in range(3):
        images = Recorded(digits)
        list(play(small_game(), images, batch_size=batch_size, epoch=epoch))
        share = digits.labels[torch.tensor(images.given)].flatten().bincount(minlength=5) / (
            1005 // batch_size * batch_size
        )
        torch.testing.assert_close(share, torch.full((5,), 0.2), atol=0.03, rtol=0)


def test_the_order_of_the_images_is_a_function_of_seed_and_epoch_alone():
    def order(**where):
        torch.rand(1)  # whatever happened to the random numbers before
        images = Recorded(20)
        list(play(small_game(), images, batch_size=4, **where))
        return images.given

    assert order(seed=1, epoch=2) == order(seed=1, epoch=2)
    assert order(seed=1, epoch=2) != order(seed=2, epoch=1)
    assert order(seed=1, epoch=2) != order(seed=1, epoch=3)


def test_an_epoch_played_again_from_the_same_weights_has_the_same_bits():
    a, b = small_game(), small_game()
    list(play(a, small_images(), batch_size=4, seed=5, epoch=1))
    torch.rand(100)
    list(play(b, small_images(), batch_size=4, seed=5, epoch=1))
    assert same(a, b)


def test_an_epoch_that_is_watched_or_not_has_the_same_bits():
    a, b = small_game(), small_game()
    for _ in play(a, small_images(), batch_size=4):
        sample(a, torch.ones(2, 3))
    list(play(b, small_images(), batch_size=4))
    assert same(a, b)


def test_to_play_on_is_to_play_one_epoch_after_another():
    images = small_images()
    by_epoch = [
        r.d_loss for game in [small_game()] for e in range(3) for r in play(game, images, batch_size=4, epoch=e)
    ]
    without_end = [played.d_loss for played in islice(play_on(small_game(), images, batch_size=4), len(by_epoch))]

    assert len(by_epoch) == 15
    assert by_epoch == without_end


@pytest.mark.parametrize("average", [False, True])
def test_the_generator_to_keep_draws_what_sample_draws_and_shares_nothing_with_the_game(average):
    G = Generator()
    game = small_game(G=G, average=average_of(G, 0.9) if average else None)
    for epoch in range(3):
        list(play(game, small_images(), batch_size=4, epoch=epoch))
    z = torch.randn(5, 3)
    before = [value.clone() for value in game.G.state_dict().values()]

    kept = generator_of(game)

    assert torch.equal(kept(z), sample(game, z))
    assert not kept.training
    assert game.G.training
    assert all(map(torch.equal, game.G.state_dict().values(), before))
    drawn = kept(z)
    list(play(game, small_images(), batch_size=4, epoch=3))
    assert torch.equal(kept(z), drawn)


def test_sample_draws_each_image_by_itself_and_changes_nothing():
    game, z = small_game(), torch.randn(5, 3)
    list(play(game, small_images(), batch_size=4))
    before, random = {k: v.clone() for k, v in game.G.state_dict().items()}, torch.get_rng_state()
    one_by_one = torch.cat([sample(game, row[None]) for row in z])
    torch.testing.assert_close(sample(game, z), one_by_one)  # in training mode batch norm would see the batch
    assert game.G.training and all(layer.training for layer in game.G.modules())
    assert equal(before, dict(game.G.state_dict()))
    assert torch.equal(random, torch.get_rng_state())


def test_a_penalty_is_minimised_with_the_loss_and_reported_apart():
    """With a loss that is constant, D descends on the penalty alone: here, half the square of its slope."""

    class Nothing:
        def d_loss(self, real, fake, y):
            return 0 * real.sum()

        def g_loss(self, fake, y):
            return 0 * fake.sum()

    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.full((16,), 0.5))

        def forward(self, x, y=None):
            return x.flatten(1) @ self.w

    game = small_game(loss=Nothing(), D=Linear(), penalty=half_square_of_the_slope)
    game.opt_D.param_groups[0]["lr"] = 0.0
    (round,) = play(game, small_images(8), batch_size=8)
    assert round.penalty.item() == pytest.approx(16 * 0.5**2 / 2)  # |w|^2 / 2 for a linear D
    assert round.d_loss.item() == 0
    torch.testing.assert_close(game.D.w.grad, torch.full((16,), 0.5))  # its gradient is w


def test_the_projection_holds_after_every_step_of_d():
    bounds = []

    @torch.no_grad()
    def clip(D):
        for p in D.parameters():
            p.clamp_(-0.01, 0.01)
        bounds.append(max(p.abs().max().item() for p in D.parameters()))

    game = small_game(project=clip, n_critic=2)
    for _ in play(game, small_images(), batch_size=4):
        assert max(p.abs().max().item() for p in game.D.parameters()) <= 0.01 + 1e-9
    assert len(bounds) == 2 * 2  # two rounds of two steps


def test_a_loss_of_one_s_own_trains_the_generator_to_the_data():
    """Least squares, written here, with a penalty under which it converges: all real images are one, and G finds it."""

    class LeastSquares:
        def d_loss(self, real, fake, y):
            return (real - 1).square().mean() / 2 + fake.square().mean() / 2

        def g_loss(self, fake, y):
            return (fake - 1).square().mean() / 2

    class OneImage(nn.Module):
        z_dim = 1

        def __init__(self):
            super().__init__()
            self.x = nn.Parameter(torch.zeros(1, 4, 4))

        def forward(self, z, y=None):
            return self.x.expand(len(z), 1, 4, 4)

    images = small_images(40)
    images.pixels.fill_(204)
    target = images.batch(slice(0, 1))[0]
    D = Discriminator(dropout=0)
    game = small_game(loss=LeastSquares(), G=OneImage(), D=D, penalty=half_square_of_the_slope)
    start = (sample(game, torch.zeros(1, 1)) - target).abs().max()
    for epoch in range(60):
        list(play(game, images, batch_size=8, epoch=epoch))
    assert (sample(game, torch.zeros(1, 1)) - target).abs().max() < 0.15 * start


def test_scores_of_the_wrong_shape_are_refused():
    D = Discriminator()
    D.forward = lambda x, y=None: D.layers(x)  # (N, 1)
    with pytest.raises(ValueError, match=r"shape \(4,\), not \(4, 1\)"):
        next(play(small_game(D=D), small_images(), batch_size=4))


class TwoHeads(nn.Module):
    """Scores, and logits of K classes, with a linear layer each."""

    def __init__(self, K):
        super().__init__()
        self.score, self.classes = nn.Linear(16, 1), nn.Linear(16, K)

    def forward(self, x, y=None):
        h = x.flatten(1)
        return Verdict(self.score(h).squeeze(1), self.classes(h))


@pytest.mark.parametrize("K", [1, 4, 6])
def test_a_discriminator_of_other_classes_than_the_data_s_is_refused_before_its_first_step(K):
    D = TwoHeads(K)
    before = [p.clone() for p in D.parameters()]
    with pytest.raises(ValueError, match=rf"shape \(4, {K}\), but the images have 5 classes: .* \(4, 5\)"):
        next(play(small_game(AuxiliaryClassifier(NonSaturating()), D=D), small_images(), batch_size=4))
    assert equal(before, list(D.parameters()))


def test_both_heads_reach_the_round_and_learn():
    game = small_game(AuxiliaryClassifier(NonSaturating()), D=TwoHeads(5))
    before = [p.clone() for p in game.D.parameters()]
    (round,) = play(game, small_images(), batch_size=20)
    assert round.y.bincount().tolist() == [4] * 5  # all 20 images, four of each class
    for said in (round.real, round.fake):
        assert (said.score.shape, said.classes.shape) == ((20,), (20, 5))
        assert not said.score.requires_grad and not said.classes.requires_grad
    assert not any(torch.equal(p, q) for p, q in zip(before, game.D.parameters(), strict=True))


def test_a_generator_of_another_size_than_the_images_is_refused():
    class Larger(Generator):
        def forward(self, z, y=None):
            return super().forward(z).repeat(1, 3, 2, 2)

    with pytest.raises(ValueError, match=r"G makes images of shape \(3, 8, 8\), the real ones have \(1, 4, 4\)"):
        next(play(small_game(G=Larger()), small_images(), batch_size=4))


def test_fewer_images_than_a_round_needs_are_refused_before_anything_is_played():
    with pytest.raises(
        ValueError, match=r"needs 24 images \(batch_size 8 x n_critic 3 x 1 processes\), but small has 20"
    ):
        play(small_game(n_critic=3), small_images(20), batch_size=8)


@pytest.mark.parametrize("wrong", [{"n_critic": 0}, {"G": nn.Linear(2, 2)}])
def test_a_game_that_cannot_be_played_is_refused(wrong):
    with pytest.raises(ValueError, match=r"n_critic counts|Linear has no z_dim"):
        small_game(**wrong)


class BatchNormDiscriminator(Discriminator):
    def __init__(self):
        super().__init__()
        self.layers.insert(2, nn.BatchNorm1d(8))


@pytest.mark.parametrize("penalty", [half_square_of_the_slope, partial(half_square_of_the_slope), lambda *_: 0])
def test_a_penalty_on_a_critic_with_batch_norm_is_refused_by_layer_and_reason(penalty):
    with pytest.raises(ValueError, match=r"layers\.2, a BatchNorm1d.*depend on all images.*allow_batch_norm=True"):
        small_game(D=BatchNormDiscriminator(), penalty=penalty)


def test_a_penalty_on_a_critic_with_batch_norm_is_played_if_one_insists():
    game = small_game(D=BatchNormDiscriminator(), penalty=half_square_of_the_slope, allow_batch_norm=True)
    assert next(play(game, small_images(), batch_size=4)).penalty > 0


def test_batch_norm_without_a_penalty_and_other_norms_with_one_are_allowed():
    small_game(D=BatchNormDiscriminator())
    D = Discriminator()
    D.layers.insert(2, nn.LayerNorm(8))
    small_game(D=D, penalty=half_square_of_the_slope)


def test_the_names_that_a_game_keeps_for_itself_are_all_that_its_identity_has():
    assert identity(small_game(), small_images(), 4, 0).keys() == {*training.OWN}


@pytest.mark.parametrize("name", ["G", "opt_D", "average", "loss", "round", "precision"])
def test_no_part_of_a_game_is_hidden_behind_another_of_its_name(name):
    with pytest.raises(ValueError, match=f"a game has a {name} of its own"):
        small_game(also={name: nn.Linear(1, 1)})


class Learned(NonSaturating, nn.Module):
    """A loss with a state: a count of its calls."""

    def __init__(self):
        nn.Module.__init__(self)
        NonSaturating.__init__(self)
        self.register_buffer("calls", torch.zeros(()))


def test_the_state_of_a_rule_is_a_part_of_the_game_also_inside_another():
    alone, penalty = Learned(), nn.Linear(1, 1)
    assert small_game(alone).parts["loss"] is alone
    assert small_game(AuxiliaryClassifier(alone)).parts["loss"] is alone
    assert small_game(penalty=partial(penalty)).parts["penalty"] is penalty
    assert "loss" not in small_game(AuxiliaryClassifier(NonSaturating())).parts


def test_what_16_bits_are_scaled_by_is_a_part_of_the_game():
    game = small_game()
    game.fabric.strategy.precision = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=1024.0))
    assert game.parts["precision"].state_dict()["scale"] == 1024
    assert "precision" not in small_game().parts


def test_a_batch_of_none_is_refused():
    with pytest.raises(ValueError, match="batch_size counts images"):
        play(small_game(), small_images(), batch_size=0)


@pytest.mark.gpu
def test_a_game_moves_to_the_gpu_and_plays_there():
    from lightning_fabric import Fabric

    G, D = Generator(), Discriminator()
    adam = (torch.optim.Adam(p.parameters(), fused=True) for p in (G, D))
    game = training.Game(G, D, NonSaturating(), *adam, fabric=Fabric(accelerator="cuda", devices=1))
    (round,) = play(game, small_images(), batch_size=20)
    assert round.d_loss.is_cuda
    assert sample(game, torch.randn(2, 3)).is_cuda


def test_an_error_in_g_s_loss_leaves_d_able_to_learn():
    class Broken(NonSaturating):
        def g_loss(self, fake, y=None):
            raise ArithmeticError("a typo")

    game = small_game(loss=Broken())
    with pytest.raises(ArithmeticError):
        next(play(game, small_images(), batch_size=4))
    assert all(p.requires_grad for p in game.D.parameters())


@pytest.mark.parametrize("precision", ["bf16-true", "64-true"])
def test_a_precision_in_which_weights_have_other_than_32_bits_is_refused(precision):
    """The steps hand float32 images to the bare players."""
    with pytest.raises(ValueError, match=f"32-true, bf16-mixed, 16-mixed, .* not {precision}"):
        replace(small_game(), fabric=Fabric(accelerator="cpu", devices=1, precision=precision))
