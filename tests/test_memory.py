"""A thousand rounds need no more memory than a hundred: counted in tensors and in bytes, which do not vary."""

import gc
from collections import deque

import pytest
import torch
from small_game import Discriminator, small_game, small_images
from test_training import TwoHeads, half_square_of_the_slope
from torch.profiler import profile

from gan_lab.losses import AuxiliaryClassifier, NonSaturating
from gan_lab.runs import Run
from gan_lab.training import Game, play

IMAGES = small_images(100)  # 25 rounds an epoch


class KeepsItsGraphs(NonSaturating):
    """A loss with the common mistake: it remembers a tensor that it did not detach."""

    def __init__(self):
        super().__init__()
        self.history = []

    def g_loss(self, fake, y=None):
        self.history.append(fake.mean())
        return super().g_loss(fake, y)


def game_with_all() -> Game:
    return small_game(AuxiliaryClassifier(NonSaturating()), D=TwoHeads(5), penalty=half_square_of_the_slope)


def tensors_after(run: Run, game: Game, epochs: int) -> int:
    """The tensors that live once the run has so many epochs."""
    for epoch in run.epochs(epochs):
        for round in play(game, IMAGES, batch_size=4, epoch=epoch):
            run.log(round, twice=2 * round.g_loss)
        del round
        run.save()
    gc.collect()
    return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())


def bytes_left_by(game: Game) -> int:
    """What torch has allocated and not freed in the rounds of an epoch, once the profiler is warm."""
    for _ in range(2):
        with profile(profile_memory=True) as watched:
            deque(play(game, small_images(), batch_size=4), maxlen=0)  # plays, and keeps nothing
            gc.collect()
    return sum(event.self_cpu_memory_usage for event in watched.events())


def test_a_thousand_rounds_more_leave_not_one_tensor_more(tmp_path):
    game = game_with_all()
    run = Run("memory", game, IMAGES, tmp_path, batch_size=4)
    after_100_rounds = tensors_after(run, game, 4)
    assert tensors_after(run, game, 44) == after_100_rounds


@pytest.mark.parametrize("n_critic", [1, 5])
def test_a_round_gives_back_every_byte(n_critic):
    game = small_game(D=Discriminator(), penalty=half_square_of_the_slope, n_critic=n_critic)
    assert bytes_left_by(game) == 0


def test_a_graph_that_is_kept_is_noticed(tmp_path):
    game = small_game(KeepsItsGraphs())
    run = Run("memory", game, IMAGES, tmp_path, batch_size=4)
    after_an_epoch = tensors_after(run, game, 1)
    assert tensors_after(run, game, 2) == after_an_epoch + 25
    assert bytes_left_by(game) == 5 * 4  # a number in each of 5 rounds
