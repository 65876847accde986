import pytest
import torch
from small_game import small_game, small_images
from torch import nn

from gan_lab.lipschitz import gradient_penalty
from gan_lab.noise import Noisy
from gan_lab.players import asked, takes_labels
from gan_lab.training import play, sample


def plain_players() -> tuple[nn.Sequential, nn.Sequential]:
    """A generator and a discriminator of nn.Sequential, whose forward takes one argument."""
    G = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Unflatten(1, (1, 4, 4)))
    G.z_dim = 3
    return G, nn.Sequential(nn.Flatten(), nn.Linear(16, 1), nn.Flatten(0))


@pytest.mark.parametrize("dress", [lambda D: D, lambda D: Noisy(D, 0.1)], ids=["bare", "noisy"])
def test_players_without_labels_play_and_learn(dress):
    G, D = plain_players()
    game = small_game(G=G, D=dress(D))
    before = [p.clone() for p in [*G.parameters(), *D.parameters()]]
    assert len(list(play(game, small_images(), batch_size=4))) == 5
    assert not any(torch.equal(p, q) for p, q in zip(before, [*G.parameters(), *D.parameters()], strict=True))
    assert sample(game, torch.randn(2, 3), torch.tensor([0, 1])).shape == (2, 1, 4, 4)


class WithLabels(nn.Module):
    def forward(self, x, y):
        return x + y


class WithLabelsIfThereAre(nn.Module):
    def forward(self, x, y=None):
        return x if y is None else x + y


class WithAnything(nn.Module):
    def forward(self, *inputs):
        return sum(inputs)


class WithoutLabels(nn.Module):
    def forward(self, x):
        return x


@pytest.mark.parametrize(
    ("player", "labels"),
    [(WithLabels, True), (WithLabelsIfThereAre, True), (WithAnything, True), (WithoutLabels, False)],
)
def test_labels_go_to_players_that_take_them(player, labels):
    assert takes_labels(player) == labels
    assert asked(player(), torch.tensor(2), torch.tensor(3)) == (5 if labels else 2)


class Three(nn.Module):
    def forward(self, x, y, noise):
        return x


class ByName(nn.Module):
    def forward(self, x, *, y):
        return x


@pytest.mark.parametrize("player", [Three, ByName])
def test_a_player_of_another_signature_is_refused_by_its_own_and_the_right_one(player):
    with pytest.raises(
        ValueError, match=rf"{player.__name__} has forward\(self, x.*: write forward\(self, x, y=None\)"
    ):
        asked(player(), torch.zeros(1), torch.zeros(1))


class Holder(nn.Module):
    """A player whose own part is called `module`, as in Fabric's wrapper."""

    def __init__(self):
        super().__init__()
        self.module, self.seen = nn.Sequential(nn.Flatten(), nn.Linear(16, 1), nn.Flatten(0)), []

    def forward(self, x, y=None):
        self.seen.append(y is not None)
        return self.module(x)


def test_a_player_with_a_part_called_module_gets_its_labels_in_every_step():
    D = Holder()
    list(play(small_game(D=D, penalty=gradient_penalty), small_images(), batch_size=4))
    assert all(D.seen) and len(D.seen) == 5 * 4  # real, fake, the penalty and G's step in each round
