from copy import deepcopy

import pytest
import torch
from small_game import Discriminator, Generator, equal, same, small_game, small_images
from torch import nn

from gan_lab.average import average_of
from gan_lab.layers.fresh_statistics import fresh_statistics
from gan_lab.losses import Relativistic
from gan_lab.runs import Run
from gan_lab.training import bare, play, relativistic_round, sample


def averaging_game(decay=0.9, **more):
    torch.manual_seed(2)
    G = Generator()
    return small_game(G=G, average=average_of(G, decay), **more)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9])
def test_the_average_is_that_of_the_equation_over_g_s_steps_whatever_d_does(decay):
    """One step of the average for each of G's, and none for D's three: a_1 = w_1, a <- decay a + (1 - decay) w."""
    game, a = averaging_game(decay, n_critic=3), None
    for epoch in range(3):
        for _ in play(game, small_images(), batch_size=3, epoch=epoch):
            w = [weight.detach().clone() for weight in bare(game.G).parameters()]
            a = w if a is None else [decay * old + (1 - decay) * new for old, new in zip(a, w, strict=True)]
    torch.testing.assert_close([*game.average.module.parameters()], a)
    assert game.average.n_averaged == 3 * 2
    shapes = [weight.shape for weight in game.average.parameters()]
    assert shapes == [weight.shape for weight in Generator().parameters()]  # and nothing of D


def test_of_the_first_weights_decay_to_the_n_minus_1_is_left():
    G = nn.Linear(1, 1, bias=False)
    average = average_of(G)
    for n in range(1000):
        G.weight.data.fill_(float(n == 0))
        average.update_parameters(G)
    assert average.module.weight.item() == pytest.approx(0.998**999, rel=1e-3)  # 14 %, as the docstring says


def test_batch_norm_s_buffers_are_g_s_latest_and_not_averaged():
    game = averaging_game()
    for epoch in range(4):
        list(play(game, small_images(), batch_size=4, epoch=epoch))
    latest, kept = (dict(of.named_buffers()) for of in (bare(game.G), game.average.module))
    assert len(kept) == 3 and equal(kept, latest)  # mean, variance, and the count of batches
    assert kept["layers.1.num_batches_tracked"] == 4 * 5 * 2  # a batch of fakes for D and one for G in each round


def test_samples_of_the_average_have_statistics_of_its_own_which_are_neither_g_s_nor_those_of_the_start():
    game, z = averaging_game(0.95), torch.randn(64, 3)
    for epoch in range(30):
        list(play(game, small_images(), batch_size=4, epoch=epoch))
    drawn, a = sample(game, z), deepcopy(game.average.module).eval()
    with torch.no_grad():
        with fresh_statistics(a, 3, 5, always=True):
            torch.testing.assert_close(drawn, a(z))
        of_g = a(z)
        a.layers[1].reset_running_stats()
        of_the_start = a(z)
    assert (drawn - of_g).abs().max() > 0.01 and (drawn - of_the_start).abs().max() > 0.01


def test_an_average_rides_in_the_checkpoint_and_its_decay_in_the_run_s_identity(tmp_path):
    def train(folder, *parts, decay=0.9):
        for epochs in parts:
            game = averaging_game(decay)
            run = Run("averaged", game, small_images(), folder, batch_size=4)
            for epoch in run.epochs(epochs):
                for round in play(game, small_images(), batch_size=4, epoch=epoch):
                    run.log(round)
                run.save()
        return game, run.folder

    halves, _ = train(tmp_path / "halves", 1, 2)
    whole, folder = train(tmp_path / "whole", 2)
    assert same(halves, whole)
    assert train(tmp_path / "whole", 2)[1] == folder != train(tmp_path / "whole", 1, decay=0.8)[1]


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0])
def test_a_decay_that_is_no_share_is_refused(decay):
    with pytest.raises(ValueError, match=f"at least 0 and below 1, not {decay}"):
        average_of(Generator(), decay)


def test_a_relativistic_game_with_an_average_plays_by_its_own_round_and_is_refused_by_the_usual_one():
    game = averaging_game(loss=Relativistic(), D=Discriminator(dropout=0))
    before = [w.clone() for w in game.D.parameters()]
    with pytest.raises(ValueError, match=r"round=relativistic_round, of gan_lab\.training"):
        next(play(game, small_images(), batch_size=4))
    assert all(w.requires_grad for w in game.D.parameters())
    (round,) = play(game, small_images(), batch_size=20, round=relativistic_round)
    torch.testing.assert_close(round.d_loss, Relativistic().d_loss(round.real, round.fake))
    assert not equal(before[:-1], list(game.D.parameters())[:-1])
