"""A round that is replayed against the same round played kernel by kernel, on a GPU and, from a tape, on the CPU."""

from collections import deque
from contextlib import suppress
from copy import deepcopy
from functools import partial
from itertools import islice

import pytest
import torch
from lightning_fabric import Fabric
from small_game import Discriminator, Generator, small_game, small_images
from tape import tape_rounds
from test_bench import ONCE
from test_training import TwoHeads

from bench.systems import System, play_rounds
from gan_lab.cuda_graph import WARM_UP, counting_on_the_gpu, places, plain_values
from gan_lab.data import load_images
from gan_lab.lipschitz import Score, clip_weights, gradient_penalty
from gan_lab.losses import AuxiliaryClassifier, NonSaturating, Wasserstein
from gan_lab.noise import Noisy
from gan_lab.training import Game, play

adam = partial(torch.optim.Adam, lr=1e-3, betas=(0.0, 0.9))
rmsprop = partial(torch.optim.RMSprop, lr=1e-3)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def fabric(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Fabric:
    if request.param == "cpu":
        tape_rounds(monkeypatch)
    return Fabric(accelerator=request.param, devices=1)


def new_game(name: str, fabric: Fabric, *, cuda_graph: bool) -> Game:
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
    return Game(G, D, **rules, **opts, fabric=fabric, cuda_graph=cuda_graph)


def ten_rounds(game: Game, epochs: range = range(2)) -> list[torch.Tensor]:
    """The losses of five rounds an epoch; from the fourth on they are replays."""
    images = small_images(5 * 4 * game.n_critic)
    rounds = [r for epoch in epochs for r in play(game, images, batch_size=4, epoch=epoch)]
    return [torch.stack([r.d_loss, r.g_loss, r.penalty]) for r in rounds]


@pytest.mark.parametrize("name", ["DCGAN", "AC-GAN", "WGAN", "WGAN-GP"])
def test_replayed_rounds_are_the_played_ones(name: str, fabric: Fabric) -> None:
    games = [new_game(name, fabric, cuda_graph=cuda_graph) for cuda_graph in (False, True)]
    played, replayed = (ten_rounds(game) for game in games)
    torch.testing.assert_close(torch.stack(replayed), torch.stack(played), rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(games[1].D.parameters(), games[0].D.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert len({loss.sum().item() for loss in replayed}) == 10  # each round with numbers of its own


@pytest.mark.parametrize("system", ONCE.values(), ids=ONCE)
def test_a_round_of_the_reports_systems_is_the_played_one(system: System, fabric: Fabric) -> None:
    images = load_images(size=system.size, channels=system.channels)
    rounds = [play_rounds(system, images, fabric.device, cuda_graph=cuda_graph) for cuda_graph in (False, True)]
    played, replayed = ([torch.stack(r[:3]) for r in islice(side, WARM_UP + 2)] for side in rounds)
    torch.testing.assert_close(torch.stack(replayed), torch.stack(played), rtol=1e-3, atol=1e-3)


def test_a_checkpoint_that_is_loaded_is_what_the_replay_goes_on_from(fabric: Fabric) -> None:
    game = new_game("DCGAN", fabric, cuda_graph=True)
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
def test_an_optimiser_that_cannot_count_on_the_gpu_is_refused_by_name() -> None:
    G, D = Generator(), Discriminator()
    opts = [torch.optim.Adagrad(player.parameters()) for player in (G, D)]
    with pytest.raises(ValueError, match="Adagrad has no option capturable"):
        Game(G, D, NonSaturating(), *opts, fabric=Fabric(accelerator="cuda", devices=1), cuda_graph=True)


@pytest.mark.parametrize("name", ["DCGAN", "WGAN"])
def test_a_checkpoint_goes_on_without_a_graph_and_the_other_way_round(name: str, fabric: Fabric) -> None:
    with_graph, without = (new_game(name, fabric, cuda_graph=cuda_graph) for cuda_graph in (True, False))
    ten_rounds(with_graph)
    for key, part in without.parts.items():
        part.load_state_dict(deepcopy(with_graph.parts[key].state_dict()))
    assert not any(group["capturable"] for group in without.opt_D.param_groups)
    expected, got = (ten_rounds(game, range(2, 4)) for game in (with_graph, without))
    torch.testing.assert_close(torch.stack(got), torch.stack(expected), rtol=1e-4, atol=1e-5)
    for key, part in with_graph.parts.items():
        part.load_state_dict(deepcopy(without.parts[key].state_dict()))
    expected, got = (ten_rounds(game, range(4, 6)) for game in (without, with_graph))
    torch.testing.assert_close(torch.stack(got), torch.stack(expected), rtol=1e-4, atol=1e-5)


def test_a_sigma_a_learning_rate_and_a_target_that_change_between_rounds_count_from_the_next_one_on(
    fabric: Fabric,
) -> None:
    played = []
    for cuda_graph in (False, True):
        torch.manual_seed(0)
        G, D = Generator(), Noisy(Discriminator(), 0.0)
        opts = [adam(player.parameters()) for player in (G, D)]
        loss = NonSaturating()
        game = Game(G, D, loss, *opts, fabric=fabric, cuda_graph=cuda_graph)
        rounds = []
        for i, round in enumerate(play(game, small_images(40), batch_size=4)):
            rounds.append(torch.stack([round.d_loss, round.g_loss]))
            D.sigma = 0.5 * (i > 4)
            game.opt_G.param_groups[0]["lr"] = 1e-3 * (1 + i % 2)
            loss.real_target = 0.9 if i == 7 else 1.0
        played.append(torch.stack(rounds))
    torch.testing.assert_close(played[1], played[0], rtol=1e-4, atol=1e-5)


def test_a_penalty_whose_weight_changes_between_rounds_counts_from_the_next_one_on(fabric: Fabric) -> None:
    class Weighted:
        weight = 10.0

        def __call__(self, D: Score, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
            return gradient_penalty(D, real, fake, weight=self.weight)

    played = []
    for cuda_graph in (False, True):
        game = new_game("WGAN-GP", fabric, cuda_graph=cuda_graph)
        game.penalty = Weighted()
        rounds = []
        for i, round in enumerate(play(game, small_images(200), batch_size=4)):
            rounds.append(torch.stack([round.d_loss, round.g_loss, round.penalty]))
            game.penalty.weight = 10.0 / (1 + i // 4)
        played.append(torch.stack(rounds))
    torch.testing.assert_close(played[1], played[0], rtol=1e-4, atol=1e-5)


def test_a_loss_that_waits_for_a_value_is_refused_with_the_way_out(fabric: Fabric) -> None:
    class Waits(NonSaturating):
        def g_loss(self, fake: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
            return super().g_loss(fake) * fake.mean().item()

    game = new_game("DCGAN", fabric, cuda_graph=True)
    game.loss = Waits()
    with pytest.raises(RuntimeError, match=r"waits for a value.*cuda_graph False"):
        ten_rounds(game)


def test_a_gpu_that_runs_full_while_a_round_is_recorded_says_so(fabric: Fabric) -> None:
    class Full(NonSaturating):
        calls = 0

        def g_loss(self, fake: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
            self.calls += 1
            if self.calls > WARM_UP:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().g_loss(fake)

    game = new_game("DCGAN", fabric, cuda_graph=True)
    game.loss = Full()
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        ten_rounds(game)


def test_every_plain_value_that_a_round_goes_by_is_among_those_that_are_compared() -> None:
    game = small_game(D=Noisy(Discriminator(), 0.0), loss=AuxiliaryClassifier(NonSaturating()))
    parts = [*game.parts.values(), game.loss]
    kept = plain_values(parts)
    assert plain_values(parts) == kept
    for holder, name, value in [
        (game.D.module, "sigma", 0.5),
        (game.loss, "weight", 0.5),
        (game.loss.source, "real_target", 0.5),
        (game.opt_G.param_groups[0], "lr", 0.5),
        (game.opt_D.param_groups[0], "betas", (0.5, 0.5)),
    ]:
        get, put = (dict.get, dict.__setitem__) if isinstance(holder, dict) else (getattr, setattr)
        before = get(holder, name)
        put(holder, name, value)
        assert plain_values(parts) != kept
        put(holder, name, before)
        assert plain_values(parts) == kept


def test_optimisers_count_on_the_gpu_only_inside() -> None:
    game = small_game()
    deque(play(game, small_images(), batch_size=4), maxlen=0)
    parts, group = list(game.parts.values()), game.opt_G.param_groups[0]
    with suppress(ZeroDivisionError), counting_on_the_gpu(parts):
        assert group["capturable"]
        raise ZeroDivisionError
    assert not group["capturable"]
