"""What is told apart, and what is the same: each pair is written as a student's cell."""

import functools
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from gan_lab.described import described
from gan_lab.lipschitz import clip_weights, gradient_penalty
from gan_lab.losses import NonSaturating

AT_HAND = {"torch": torch, "nn": nn, "np": np, "functools": functools, "partial": partial, "types": types}
AT_HAND |= {"dataclass": dataclass, "NamedTuple": NamedTuple}


def cell(source: str) -> Any:
    """What the cell leaves in `answer`, in a kernel of its own."""
    names: dict[str, Any] = {"__name__": "__main__", **AT_HAND}
    torch.manual_seed(0)
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
KEYWORD = """
def answer(x):
    return x.clamp(min=1.0)
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
        (KEYWORD, "min=1.0", "max=1.0"),
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


LOSS_OF = "class Loss:\n    {}\n    def d_loss(self, real, fake, y): return self.of(real)\n\nanswer = Loss()"
PENALTY_OF = "{}\ndef answer(score, real, fake): return of(score(real))"
PLAYER_OF = """
class D(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 1)
        {}

answer = D()
"""
MINE = "mine = types.ModuleType('mine')\nexec('def of(x): return A * x', vars(mine))\n"
SGD = "opt = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)\nschedules = torch.optim.lr_scheduler\n"


@pytest.mark.parametrize(
    "source",
    [
        LOSS_OF.format("def __init__(self): self.of = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([A]))"),
        LOSS_OF.format("def __init__(self): self.of = nn.CrossEntropyLoss(weight=torch.tensor([1.0, A]))"),
        LOSS_OF.format("def __init__(self): self._of = A"),
        LOSS_OF.format("of = torch.tensor([A])"),
        LOSS_OF.format("of = torch.tensor(A, dtype=torch.bfloat16)"),
        LOSS_OF.format("of = np.array([A])"),
        LOSS_OF.format("of = partial(torch.mul, A)"),
        LOSS_OF.format("of = functools.partialmethod(lambda self, rate, x: rate * x, A)"),
        LOSS_OF.format("of = functools.cached_property(lambda self: A)"),
        LOSS_OF.format("of = staticmethod(lambda x: A * x)"),
        LOSS_OF.format("of = property(lambda self: A)"),
        LOSS_OF.format("of = functools.cache(lambda self, x: A * x)"),
        LOSS_OF.format("class Inner:\n        rate = A"),
        "class Rate:\n    def __init__(self, rate): self.rate = rate\n" + LOSS_OF.format("of = Rate(A)"),
        "@dataclass(slots=True)\nclass Loss:\n    rate: float\n\nanswer = Loss(A)",
        "class Loss(NamedTuple):\n    w: int = 1\n    def d_loss(self, real, fake): return A * real\n\nanswer = Loss()",
        "class Loss(dict):\n    def d_loss(self, real, fake, y): return A * real\n\nanswer = Loss()",
        "answer = type('Loss', (), {'d_loss': lambda self, real, fake, y: A * real})()",
        "def answer(score, real, fake): return answer.rate * score(real)\nanswer.rate = A",
        "@functools.wraps(sum)\ndef answer(x): return A * x",
        "@torch.no_grad()\ndef answer(x): return A * x",
        "answer = torch.vmap(lambda x: A * x)",
        "answer = torch.compile(lambda x: A * x)",
        PENALTY_OF.format("@functools.cache\ndef of(x): return A * x"),
        PENALTY_OF.format("of = torch.distributions.Normal(0.0, A).log_prob"),
        PENALTY_OF.format("of = types.SimpleNamespace(inner=types.SimpleNamespace(rate=torch.tensor(A)))"),
        PENALTY_OF.format("import collections\nof = collections.deque([A])"),
        PENALTY_OF.format("from decimal import Decimal\nof = Decimal(A)"),
        PENALTY_OF.format("from pathlib import Path\nof = Path(str(A))"),
        PENALTY_OF.format("import pandas as pd\nof = pd.Series([A])"),
        PENALTY_OF.format("import operator\nof = operator.itemgetter(A)"),
        PENALTY_OF.format("of = nn.Linear(1, 1).requires_grad_(False)\nnn.init.constant_(of.weight, A)"),
        PENALTY_OF.format("of = range(int(A))"),
        PENALTY_OF.format("of = {torch.relu: A}"),
        PENALTY_OF.format("of = torch.tensor([[A, 1.0]])[:, 0]"),
        PENALTY_OF.format("of = torch.tensor([[A, 1.0]]).to_sparse()"),
        PENALTY_OF.format("class Named(dict):\n    __getattr__ = dict.__getitem__\nof = Named(rate=A)"),
        PENALTY_OF.format("of = slice(A)"),
        PENALTY_OF.format("of = np.float32(A)"),
        PENALTY_OF.format("of = {2.0: torch.sin, 5.0: torch.cos}[A]"),
        PENALTY_OF.format("of = {2.0: np.sin, 5.0: np.cos}[A]"),
        MINE + "answer = lambda x: mine.of(x)",
        MINE
        + "mine.losses = types.ModuleType('losses')\nmine.losses.of = mine.of\nanswer = lambda x: mine.losses.of(x)",
        MINE + "import sys\nsys.modules['mine'] = mine\ndef answer(x):\n    from mine import of\n    return of(x)",
        PLAYER_OF.format("self.rates = {'slope': A}"),
        PLAYER_OF.format("self.rates = [[A]]"),
        PLAYER_OF.format("self.rate = torch.tensor(A)"),
        PLAYER_OF.format("self._rate = A"),
        PLAYER_OF.format("self.register_buffer('rate', torch.tensor(A), persistent=False)"),
        PLAYER_OF.format("self.register_buffer('rate', torch.tensor(A))"),
        PLAYER_OF.format("self.register_forward_hook(lambda layer, x, h: A * h)"),
        PLAYER_OF.format("self.linear.requires_grad_(A == 2)"),
        PLAYER_OF.format("self.linear.weight.register_hook(lambda gradient: A * gradient)"),
        PLAYER_OF.format("self.register_full_backward_hook(lambda layer, before, after: (A * before[0],))"),
        PLAYER_OF.format("self.hook = self.register_forward_hook(lambda layer, x, h: A * h)"),
        "answer = nn.utils.spectral_norm(nn.Linear(2, 2), n_power_iterations=int(A))",
        "answer = nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2), n_power_iterations=int(A))",
        SGD + "answer = schedules.SequentialLR(opt, [schedules.ExponentialLR(opt, 0.9)] * 2, [int(A)])",
        SGD + "answer = schedules.SequentialLR(opt, [schedules.ExponentialLR(opt, A / 6)] * 2, [3])",
        SGD + "answer = schedules.MultiStepLR(opt, [int(A)])",
        SGD + "answer = schedules.LambdaLR(opt, lambda epoch: A**epoch)",
    ],
)
def test_a_number_counts_wherever_it_is_kept(source: str) -> None:
    one, again, other = (described(cell(source.replace("A", value))) for value in ("2.0", "2.0", "5.0"))
    assert one == again != other


@pytest.mark.parametrize(
    "later", ["mean = 1.5", "unused = [1]", "answer.__doc__ = 'A mean.'"], ids=["a method's name", "beside it", "a doc"]
)
def test_what_a_function_does_not_use_does_not_count(later: str) -> None:
    source = "def answer(score, real, fake): return score(real).mean()"
    assert described(cell(source)) == described(cell(f"{source}\n{later}"))


def test_a_docstring_changes_nothing() -> None:
    with_docstring = LOSS.replace("fake, y):\n", 'fake, y):\n        """What D minimises."""\n')
    assert with_docstring != LOSS
    assert described(cell(LOSS)) == described(cell(with_docstring))


def test_a_description_begins_with_name_and_settings() -> None:
    assert described(NonSaturating(0.9))[:-9] == "NonSaturating(real_target=0.9, fake_target=0.0, generator_target=1.0)"
    assert described(partial(clip_weights, c=0.01))[:-9] == "clip_weights(c=0.01)"
    assert described(gradient_penalty)[:-9] == "gradient_penalty"
    assert described(None) == "None"


def test_a_function_that_is_its_own_helper_is_described() -> None:
    names: dict[str, FunctionType] = {}
    exec("def f(n):\n    return f(n - 1) if n else 0", names)
    assert described(names["f"]).startswith("f ")
