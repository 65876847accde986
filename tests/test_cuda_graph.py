"""A round that is replayed against the same round played kernel by kernel."""

from collections import deque
from copy import deepcopy
from functools import partial

import pytest
import torch
from lightning_fabric import Fabric
from small_game import Discriminator, Generator, small_game, small_images
from test_training import TwoHeads

from gan_lab.cuda_graph import places
from gan_lab.lipschitz import clip_weights, gradient_penalty
from gan_lab.losses import AuxiliaryClassifier, NonSaturating, Wasserstein
from gan_lab.training import Game, play

adam = partial(torch.optim.Adam, lr=1e-3, betas=(0.0, 0.9), capturable=True)
rmsprop = partial(torch.optim.RMSprop, lr=1e-3, capturable=True)


def game_on_the_gpu(name: str, *, cuda_graph: bool) -> Game:
    torch.manual_seed(0)
    G, D = Generator(), TwoHeads(5) if name == "AC-GAN" else Discriminator()
    optimiser = rmsprop if name == "WGAN" else adam
    rules = {
        "DCGAN": {"loss": NonSaturating()},
        "AC-GAN": {"loss": AuxiliaryClassifier(NonSaturating())},
        "WGAN": {"loss": Wasserstein(), "project": clip_weights, "n_critic": 5},
        "WGAN-GP": {"loss": Wasserstein(), "penalty": gradient_penalty, "n_critic": 5},
    }[name]
    opts = {"opt_G": optimiser(G.parameters()), "opt_D": optimiser(D.parameters())}
    fabric = Fabric(accelerator="cuda", devices=1)
    return Game(G, D, **rules, **opts, fabric=fabric, cuda_graph=cuda_graph)


def ten_rounds(game: Game, epochs: range = range(2)) -> list[torch.Tensor]:
    """The losses of five rounds an epoch; from the fourth on they are replays."""
    images = small_images(5 * 4 * game.n_critic)
    rounds = [r for epoch in epochs for r in play(game, images, batch_size=4, epoch=epoch)]
    return [torch.stack([r.d_loss, r.g_loss, r.penalty]) for r in rounds]


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["DCGAN", "AC-GAN", "WGAN", "WGAN-GP"])
def test_replayed_rounds_are_the_played_ones(name: str) -> None:
    games = [game_on_the_gpu(name, cuda_graph=cuda_graph) for cuda_graph in (False, True)]
    played, replayed = (ten_rounds(game) for game in games)
    torch.testing.assert_close(torch.stack(replayed), torch.stack(played), rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(games[1].D.parameters(), games[0].D.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert len({loss.sum().item() for loss in replayed}) == 10  # each round with numbers of its own


@pytest.mark.gpu
def test_a_checkpoint_that_is_loaded_is_what_the_replay_goes_on_from() -> None:
    game = game_on_the_gpu("DCGAN", cuda_graph=True)
    ten_rounds(game)
    kept = deepcopy({name: part.state_dict() for name, part in game.parts.items()})
    first = ten_rounds(game, range(2, 4))
    for name, part in game.parts.items():
        part.load_state_dict(kept[name])
    torch.testing.assert_close(torch.stack(ten_rounds(game, range(2, 4))), torch.stack(first), rtol=1e-4, atol=1e-5)


def test_without_a_gpu_it_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="cuda_graph needs one CUDA device: leave it False"):
        small_game(cuda_graph=True)


def test_the_states_stay_where_they_are_in_a_game_and_move_when_one_is_loaded() -> None:
    game, images = small_game(), small_images()
    parts = list(game.parts.values())
    deque(play(game, images, batch_size=4), maxlen=0)
    before = places(parts)
    deque(play(game, images, batch_size=4), maxlen=0)
    assert places(parts) == before and len(set(before)) > 20
    game.opt_D.load_state_dict(deepcopy(game.opt_D.state_dict()))
    assert places(parts) != before


@pytest.mark.gpu
def test_an_optimiser_that_counts_on_the_cpu_is_refused_by_name() -> None:
    G, D = Generator(), Discriminator()
    opts = [torch.optim.Adam(player.parameters()) for player in (G, D)]
    with pytest.raises(ValueError, match="Adam has to count on the GPU: give it capturable=True"):
        Game(G, D, NonSaturating(), *opts, fabric=Fabric(accelerator="cuda", devices=1), cuda_graph=True)
