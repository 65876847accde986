"""What a check of an exercise is made of: claims about an answer, of which the first that does not hold is the hint.

    @check
    def check_double(answer):
        \"\"\"Does answer(x) double x?\"\"\"
        for x in 1.5, -2.0:
            found = number(answer(x))
            yield close(found, 2 * x), f"for x = {x:g} it gives {found:g}, not {2 * x:g}"

    check_double(lambda x: x + x)      prints "Correct."
    check_double(lambda x: x ** 2)     prints "Not yet: for x = 1.5 it gives 2.25, not 3"

An answer may be of any type that says the same: a float, a NumPy number, a tensor. Whatever goes wrong in it is said in
one line.
"""

import functools
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec

import numpy as np
import torch
from torch import Tensor

Claims = Iterator[tuple[Any, str]]  # whether it holds, and the hint if it does not
P = ParamSpec("P")
OURS = (str(Path(__file__).parents[2]), sysconfig.get_path("stdlib"), "site-packages", "dist-packages")


class Result(NamedTuple):
    """Whether an answer is correct, and the hint if it is not. True in an `if` and an `assert` only if it is."""

    correct: bool
    hint: str = ""

    def __bool__(self) -> bool:
        return self.correct

    def insist(self) -> None:
        """Raises AssertionError with the hint if the answer is not correct."""
        if not self.correct:
            raise AssertionError(self.hint)

    def _ipython_display_(self) -> None:
        """It has been printed."""


class AnswerError(Exception):
    """An answer that cannot be looked at; its text is the hint."""


def check(claims: Callable[P, Claims]) -> Callable[P, Result]:
    """A function that prints and returns what the claims, made one after another, say of an answer."""

    @functools.wraps(claims)
    def checked(*args: P.args, **kwargs: P.kwargs) -> Result:
        result = Result(*judged(claims(*args, **kwargs)))
        print("Correct." if result else f"Not yet: {result.hint}")
        return result

    return checked


def judged(claims: Claims) -> tuple[bool, str]:
    """Whether all claims hold, and the hint of the first that does not."""
    try:
        for holds, hint in claims:
            if not holds:
                return False, hint
    except AnswerError as why:
        return False, str(why)
    except (Exception, SystemExit) as error:
        return False, raised(error)
    return True, ""


def raised(error: BaseException) -> str:
    """An exception of the answer in one line, with the line of the reader's own code that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not any(place in frame.filename for place in OURS)]
    where = f" (line {theirs[-1].lineno} of the cell: {theirs[-1].line})" if theirs and theirs[-1].line else ""
    return f"your code raised {type(error).__name__}: {' '.join(str(error).split())[:300] or 'no text'}{where}"


def number(answer: object, name: str = "your answer") -> float:
    """The answer as a number. Raises AnswerError, which names it, if it is none."""
    refuse_none(answer, name)
    try:
        return float(as_array(answer.detach().cpu().numpy() if isinstance(answer, Tensor) else answer).item())
    except (TypeError, ValueError, AttributeError):
        raise AnswerError(f"{name} is {shown(answer)}: one number is asked for") from None


def numbers(answer: object, like: Tensor, name: str = "your answer") -> Tensor:
    """The answer as float64 numbers of the shape of `like`. Raises AnswerError if it cannot be that."""
    refuse_none(answer, name)
    try:
        found = answer.detach().cpu() if isinstance(answer, Tensor) else as_array(answer)
        found = torch.as_tensor(found, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise AnswerError(f"{name} is {shown(answer)}: numbers of shape {tuple(like.shape)} are asked for") from None
    if found.shape != like.shape:
        raise AnswerError(f"{name} has shape {tuple(found.shape)}, not {tuple(like.shape)}")
    return found


def as_array(answer: object) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The answer as an array of numbers. Raises TypeError or ValueError if it is none."""
    found = np.asarray(answer)
    if found.dtype.kind in "bUS":  # True, and a text
        raise TypeError
    return found.astype(np.float64)


def refuse_none(answer: object, name: str) -> None:
    if answer is None:
        raise AnswerError(f"{name} is None: does your function end with return?")


def learns(answer: object, name: str = "your answer", way_out: str = "leave detach and no_grad out") -> float:
    """The value of a loss, through which a gradient has to pass. Raises AnswerError, with the way out, if none does."""
    value = number(answer, name)
    if not isinstance(answer, Tensor):
        raise AnswerError(f"{name} is no tensor: a {type(answer).__name__} passes no gradient; use no .item()")
    if not answer.requires_grad:
        raise AnswerError(f"no gradient passes through {name}: {way_out}")
    return value


def close(a: Any, b: Any, tolerance: float = 1e-4) -> bool:
    """Are the numbers equal, up to this share of the true ones and of 1?"""
    a, b = (torch.as_tensor(value, dtype=torch.float64) for value in (a, b))
    return bool(((a - b).abs() <= tolerance * b.abs().clamp(min=1)).all())


def shown(answer: object) -> str:
    """A value as a hint can print it, to four digits and not too long."""
    values = answer.detach().cpu().numpy() if isinstance(answer, Tensor) else answer
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        if values.ndim > 1 or values.size > 12:
            return f"of shape {values.shape}"
        each = [f"{value:.4g}" for value in values.flatten().tolist()]
        return f"[{', '.join(each)}]" if values.ndim else each[0]
    if isinstance(answer, float):
        return f"{answer:.4g}"
    text = " ".join(repr(answer).split())
    return text if len(text) < 80 else f"{text[:77]}..."
