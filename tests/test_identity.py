"""Which games are one training, and which are two."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from small_game import Discriminator, Generator, small_game, small_images
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gan_lab.data.images import ImageSet
from gan_lab.described import settings
from gan_lab.identity import identity
from gan_lab.lessons.ladder import IDEAS, rules
from gan_lab.lipschitz import clip_weights, gradient_penalty, r1, sum_of
from gan_lab.losses import NonSaturating
from gan_lab.noise import Noisy
from gan_lab.training import bare, play


def adam(player: nn.Module, **settings: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(player.parameters(), **{"lr": 1e-2, **settings})


def game_of(**changed: Any) -> dict[str, str]:
    G, D = Generator(), changed.pop("D", Discriminator)()
    also = {name: make(adam(G)) for name, make in changed.pop("also", {}).items()}
    how = changed.pop("average", {"multi_avg_fn": get_ema_multi_avg_fn(0.9)})
    average = None if how is None else AveragedModel(G, **how)
    told = {"batch_size": 4, "seed": 0, "round": None, "images": small_images()}
    told |= {name: changed.pop(name) for name in told.keys() & changed.keys()}
    game = small_game(changed.pop("loss", None), G, D, average=average, also=also, **changed)
    return identity(game, told.pop("images"), **told)


def schedule(gamma: float) -> Callable[[torch.optim.Optimizer], Any]:
    return lambda opt: torch.optim.lr_scheduler.ExponentialLR(opt, gamma)


@pytest.mark.parametrize(
    ("part", "one", "other"),
    [
        ("loss", {}, {"loss": NonSaturating(0.9)}),
        ("penalty", {}, {"penalty": gradient_penalty}),
        ("penalty", {"penalty": partial(gradient_penalty, weight=1)}, {"penalty": gradient_penalty}),
        ("penalty", {"penalty": sum_of(partial(r1, gamma=1))}, {"penalty": sum_of(partial(r1, gamma=2))}),
        ("project", {"project": partial(clip_weights, c=0.1)}, {"project": partial(clip_weights, c=0.01)}),
        ("n_critic", {}, {"n_critic": 2}),
        ("average", {}, {"average": {"multi_avg_fn": get_ema_multi_avg_fn(0.99)}}),
        ("average", {}, {"average": {}}),
        ("average", {"average": None}, {"average": {}}),
        ("average", {"average": {}}, {"average": {"use_buffers": True}}),
        ("slower", {"also": {"slower": schedule(0.9)}}, {"also": {"slower": schedule(0.8)}}),
        ("batch_size", {}, {"batch_size": 5}),
        ("seed", {}, {"seed": 1}),
        ("round", {}, {"round": lambda game, batches: None}),
        ("images", {}, {"images": small_images(19)}),
        ("D", {}, {"D": lambda: Discriminator(dropout=0)}),
        ("D", {"D": lambda: Noisy(Discriminator(), 0.1)}, {"D": lambda: Noisy(Discriminator(), 0.2)}),
    ],
)
def test_each_part_of_what_is_played_is_told_apart(part: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    a, b = game_of(**one), game_of(**other)
    assert {name for name in {*a, *b} if a.get(name) != b.get(name)} == {part}


def test_an_optimiser_is_told_by_its_kind_and_settings_and_by_the_rate_that_it_began_with() -> None:
    w = [nn.Parameter(torch.zeros(1))]
    made = [torch.optim.Adam(w, lr=1e-3), torch.optim.Adam(w, lr=2e-3), torch.optim.AdamW(w, lr=1e-3)]
    made += [torch.optim.Adam(w, lr=1e-3, betas=(0.5, 0.999)), torch.optim.RMSprop(w, lr=1e-3)]
    assert len({settings(opt) for opt in made}) == 5
    before = settings(made[0])
    slower = torch.optim.lr_scheduler.ExponentialLR(made[0], 0.9)
    made[0].step()
    slower.step()
    assert made[0].param_groups[0]["lr"] != 1e-3
    assert settings(made[0]) == before


def test_training_changes_nothing_in_it() -> None:
    game = small_game(also={"slower": schedule(0.9)(adam(Generator()))})
    before = identity(game, small_images(), 4, 0)
    for _ in play(game, small_images(), batch_size=4):
        pass
    game.also["slower"].optimizer.step()
    game.also["slower"].step()
    assert identity(game, small_images(), 4, 0) == before


@pytest.mark.parametrize("idea", IDEAS)
def test_training_changes_nothing_in_the_course_s_own_games(idea: str) -> None:
    x = torch.randint(256, (18, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images = ImageSet(x, torch.arange(18) % 2, ("0", "1"), "noise")
    game = IDEAS[idea](images)
    before = identity(game, images, 16, 0, rules(idea))
    for _ in play(game, images, batch_size=16, round=rules(idea)):
        pass
    assert identity(game, images, 16, 0, rules(idea)) == before


class Remembering(Discriminator):
    """It keeps what a loss might compare, and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.features = None
        self.scores: list[torch.Tensor] = []
        self.register_buffer("mean", torch.zeros(16))

    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
        self.seen += 1
        self.mean.lerp_(x.detach().flatten(1).mean(0), 0.1)
        self.features = self.layers[:2](x)
        self.scores.append(super().forward(x, y).detach())
        return super().forward(x, y)


class Counting(NonSaturating):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.calls = 0

    def d_loss(self, real: torch.Tensor, fake: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
        self.calls += 1
        return self.rate * super().d_loss(real, fake, y)


def test_what_a_round_leaves_in_players_and_losses_does_not_count() -> None:
    game = small_game(Counting(2.0), D=Remembering())
    before = identity(game, small_images(), 4, 0)
    for _ in play(game, small_images(), batch_size=4):
        pass
    assert game.loss.calls > 0 < bare(game.D).seen
    assert identity(game, small_images(), 4, 0) == before
    assert identity(small_game(Counting(3.0), D=Remembering()), small_images(), 4, 0)["loss"] != before["loss"]


class Slower(AveragedModel):
    def update_parameters(self, model: nn.Module) -> None:
        for _ in range(2):
            super().update_parameters(model)


def test_an_average_of_an_own_class_is_another_average() -> None:
    game, other = small_game(), small_game()
    game.average, other.average = AveragedModel(bare(game.G)), Slower(bare(other.G))
    told = [identity(each, small_images(), 4, 0)["average"] for each in (game, other)]
    assert told[0] != told[1]


class Flipped(ImageSet):
    """Images, the wrong way round."""

    def batch(self, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = super().batch(index)
        return x.flip(-1), y


def test_images_of_an_own_class_are_other_images() -> None:
    images = small_images()
    flipped = Flipped(**vars(images))
    assert flipped.fingerprint == images.fingerprint
    told, other = game_of(images=images), game_of(images=flipped)
    assert {name for name in told if told[name] != other[name]} == {"images"}


class Paler:
    """Images times a rate."""

    def __init__(self, images: ImageSet, rate: float) -> None:
        self.images, self.rate = images, rate

    def __getattr__(self, name: str) -> Any:
        return getattr(self.images, name)

    def __len__(self) -> int:
        return len(self.images)


def test_images_with_another_setting_are_other_images() -> None:
    told, other = (game_of(images=Paler(small_images(), rate)) for rate in (0.5, 0.7))
    assert {name for name in told if told[name] != other[name]} == {"images"}


class Fading(NonSaturating):
    """A noise that falls from round to round, and begins as it is told."""

    def __init__(self, sigma: float | None = None) -> None:
        super().__init__()
        self.sigma = sigma or 0.3
        self.rounds = 0

    def d_loss(self, real: torch.Tensor, fake: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
        self.sigma *= 0.9
        self.rounds += 1
        return super().d_loss(real + self.sigma, fake)


def test_what_is_given_or_has_a_fallback_counts_and_a_count_of_rounds_does_not() -> None:
    assert game_of(loss=Fading(0.1)) != game_of(loss=Fading(0.5))
    played = Fading(0.1)
    played.rounds = 7
    assert game_of(loss=Fading(0.1)) == game_of(loss=played)


class Halving:
    """A schedule of one's own, in torch's idiom: its state has its settings, too."""

    def __init__(self, optimizer: Any, gamma: float) -> None:
        self.optimizer, self.gamma = optimizer, gamma
        self.epochs = 0

    def step(self) -> None:
        self.epochs += 1
        self.optimizer.param_groups[0]["lr"] *= self.gamma

    def state_dict(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.gamma, self.epochs = state["gamma"], state["epochs"]


def test_a_setting_that_an_own_state_names_counts_and_what_is_gathered_in_it_does_not() -> None:
    def of(gamma: float, epochs: int = 0) -> dict[str, str]:
        def made(opt: torch.optim.Optimizer) -> Halving:
            halving = Halving(opt, gamma)
            halving.epochs = epochs
            return halving

        return game_of(also={"schedule": made})

    assert of(0.9) != of(0.8)
    assert of(0.9) == of(0.9, epochs=3)
