"""What is told apart, and what is the same: each pair is written as a student's cell."""

from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any

import pytest
import torch
from small_game import Discriminator, Generator, small_game, small_images
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gan_lab.identity import described, identity
from gan_lab.lipschitz import clip_weights, gradient_penalty, r1, sum_of
from gan_lab.losses import NonSaturating
from gan_lab.noise import Noisy


def cell(source: str) -> Any:
    """What the cell leaves in `answer`, in a kernel of its own."""
    names: dict[str, Any] = {"__name__": "__main__", "torch": torch, "nn": nn, "partial": partial}
    exec(source, names)
    return names["answer"]


LOSS = """
class Loss:
    def d_loss(self, real, fake, y):
        return fake.mean() - real.mean()

answer = Loss()
"""
CLOSURE = """
def penalty(weight):
    def answer(score, real, fake):
        return weight * score(real).mean()
    return answer

answer = penalty(10)
"""
HELPER = """
rate = 3

def helper(x):
    return rate * x

def answer(x):
    return helper(x) + 1
"""
PLAYER = """
class D(nn.Module):
    slope = 0.2

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 3), nn.LeakyReLU(0.2), nn.Linear(3, 1))

    def forward(self, x):
        return self.layers(x).squeeze(1)

answer = D()
"""
TWICE = """
def double(x):
    return 2 * x

def square(x):
    return x**2

answer = (double, square, double)
"""


@pytest.mark.parametrize(
    ("before", "one", "other"),
    [
        (LOSS, "fake.mean() - real.mean()", "real.mean() - fake.mean()"),
        (LOSS, "fake.mean()", "fake.sum()"),
        (LOSS, "answer = Loss()", "class Other(Loss):\n    pass\n\nanswer = Other()"),
        (LOSS, "answer = Loss()", "answer = Loss()\nanswer.weight = 2"),
        (CLOSURE, "penalty(10)", "penalty(11)"),
        (CLOSURE, "answer = penalty(10)", "answer = lambda score, real, fake: 10 * score(real).mean()"),
        (HELPER, "rate * x", "rate + x"),
        (HELPER, "rate = 3", "rate = 4"),
        (HELPER, "+ 1", "+ 2"),
        (HELPER, "def answer(x):", "def answer(x, more=1):"),
        (HELPER, "helper(x) + 1", "sum(helper(i) for i in x)"),
        (PLAYER, "nn.Linear(4, 3)", "nn.Linear(4, 3, bias=False)"),
        (PLAYER, "nn.LeakyReLU(0.2)", "nn.LeakyReLU(0.3)"),
        (PLAYER, ".squeeze(1)", ".sum(1)"),
        (PLAYER, "slope = 0.2", "slope = 0.3"),
        (PLAYER, "nn.LeakyReLU(0.2), ", ""),
        (TWICE, "(double, square, double)", "(double, square, square)"),
    ],
)
def test_a_change_in_a_cell_makes_another_description(before: str, one: str, other: str) -> None:
    assert one in before
    assert described(cell(before)) != described(cell(before.replace(one, other)))


@pytest.mark.parametrize("before", [LOSS, CLOSURE, HELPER, PLAYER, TWICE])
@pytest.mark.parametrize(
    "rewrite",
    [
        lambda source: source,
        lambda source: "\n\n\n" + source,
        lambda source: source.replace("\n", "  # a comment\n"),
        lambda source: source.replace("answer", "answer ").replace("return", "return  "),
        lambda source: "unused = 5\n" + source,
    ],
    ids=["again", "lower down", "comments", "spaces", "something beside it"],
)
def test_what_changes_nothing_makes_the_same_description(before: str, rewrite: Callable[[str], str]) -> None:
    assert described(cell(before)) == described(cell(rewrite(before)))


def test_a_docstring_changes_nothing() -> None:
    with_docstring = LOSS.replace("fake, y):\n", 'fake, y):\n        """What D minimises."""\n')
    assert with_docstring != LOSS
    assert described(cell(LOSS)) == described(cell(with_docstring))


def test_a_description_begins_with_name_and_settings() -> None:
    assert described(NonSaturating(0.9))[:-9] == "NonSaturating(real_target=0.9, fake_target=0.0, generator_target=1.0)"
    assert described(partial(clip_weights, c=0.01))[:-9] == "clip_weights(c=0.01)"
    assert described(gradient_penalty)[:-9] == "gradient_penalty"
    assert described(None) == "None"


def adam(player: nn.Module, **settings: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(player.parameters(), **{"lr": 1e-2, **settings})


def game_of(**changed: Any) -> dict[str, str]:
    G, D = Generator(), changed.pop("D", Discriminator)()
    also = {name: make(adam(G)) for name, make in changed.pop("also", {}).items()}
    average = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(changed.pop("decay", 0.9)))
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
        ("average", {}, {"decay": 0.99}),
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
    from gan_lab.identity import settings

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
    from gan_lab.training import play

    game = small_game(also={"slower": schedule(0.9)(adam(Generator()))})
    before = identity(game, small_images(), 4, 0)
    for _ in play(game, small_images(), batch_size=4):
        pass
    game.also["slower"].optimizer.step()
    game.also["slower"].step()
    assert identity(game, small_images(), 4, 0) == before


def test_a_function_that_is_its_own_helper_is_described() -> None:
    names: dict[str, FunctionType] = {}
    exec("def f(n):\n    return f(n - 1) if n else 0", names)
    assert described(names["f"]).startswith("f ")
