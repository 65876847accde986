from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gan_lab import exercises
from gan_lab.divergences import js

P, Q = [3, 2, 1, 4], [1, 2, 4, 3]


def solve_noise() -> float:
    """The least noise, on a fine grid, under which two points one apart have half of the JSD they had."""
    x = np.linspace(-6, 6, 2401)
    for sigma in np.arange(0.1, 2, 0.01):
        p, q = (np.exp(-(((x - place) / sigma) ** 2) / 2) for place in (0, 1))
        if js(p / p.sum(), q / q.sum()) < np.log(2) / 2:
            return float(sigma)
    raise AssertionError


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (exercises.check_emd_1d, (lambda p, q: np.abs(np.cumsum(np.subtract(p, q))).sum(),)),
        (exercises.check_moves, ([(0, 1, 2), (1, 2, 2), (3, 2, 1)], P, Q)),
        (exercises.check_potential, ([0, -1, -2, -1], P, Q)),
        (exercises.check_potential, ([5, 4, 3, 4], P, Q)),
        (exercises.check_potential, ([0, 1, 0, 1, 0], [0, 6, 0, 2, 1], [2, 2, 3, 0, 2])),
        (exercises.check_largest_slope, (lambda c, h1, h2: c**3 * h1 * h2,)),
        (exercises.check_noise, (solve_noise(),)),
        (exercises.check_r1_weight, (1,)),
    ],
)
def test_a_solution_is_correct(check: Callable[..., None], answer: tuple[Any, ...], capsys: Any) -> None:
    check(*answer)
    assert capsys.readouterr().out == "Correct.\n"


@pytest.mark.parametrize(
    ("check", "answer", "hint"),
    [
        (exercises.check_emd_1d, (lambda p, q: None,), "it gives None; the least work is 5"),
        (exercises.check_emd_1d, (lambda p, q: 5.0,), "it gives 5.0; the least work is"),
        (exercises.check_moves, ([], P, Q), "the piles end as [3.0, 2.0, 1.0, 4.0]"),
        (exercises.check_moves, ([(0, 2, 2), (3, 2, 1)], P, Q), "a neighbouring place"),
        (exercises.check_moves, ([(0, 1, 2), (1, 2, 2), (3, 2, 2), (2, 3, 1)], P, Q), "it can be done with 5"),
        (exercises.check_potential, ([0, -2, -4, -2], P, Q), "f changes by 2"),
        (exercises.check_potential, ([0, 0, 0, 0], P, Q), "a 1-Lipschitz f can reach 5"),
        (exercises.check_potential, ([0, 1], P, Q), "one number for each of the 4 places"),
        (exercises.check_largest_slope, (lambda c, h1, h2: c**2 * h1,), "for c = 0.01, h1 = 64, h2 = 64"),
        (exercises.check_noise, (0.1,), "with sigma = 0.1 the JSD is 1.00 log 2"),
        (exercises.check_noise, (None,), "sigma is None"),
        (exercises.check_r1_weight, (0.5,), "when does the root become real?"),
        (exercises.check_r1_weight, (None,), "None is not a number"),
    ],
)
def test_what_is_not_a_solution_gets_a_hint(check: Callable[..., None], answer: Any, hint: str, capsys: Any) -> None:
    check(*answer)
    said = capsys.readouterr().out
    assert said.startswith("Not yet: ") and hint in said
