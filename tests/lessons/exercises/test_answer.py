"""What a check makes of an answer: of any type that says the same, and of whatever goes wrong in it."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from gan_lab.lessons.exercises.answer import AnswerError, Claims, Result, check, close, learns, number, numbers, shown


@check
def check_double(answer: Any) -> Claims:
    """Does answer(x) double x?"""
    for x in 1.5, -2.0:
        found = number(answer(x))
        yield close(found, 2 * x), f"for x = {x:g} it gives {found:g}, not {2 * x:g}"


def test_a_right_answer_is_printed_returned_and_true(capsys: Any) -> None:
    result = check_double(lambda x: x + x)
    assert capsys.readouterr().out == "Correct.\n"
    assert result and result == Result(True)
    result.insist()


def test_a_wrong_answer_is_printed_returned_and_false_and_can_raise(capsys: Any) -> None:
    result = check_double(lambda x: x**2)
    assert capsys.readouterr().out == "Not yet: for x = 1.5 it gives 2.25, not 3\n"
    assert not result
    with pytest.raises(AssertionError, match=r"for x = 1\.5 it gives 2\.25, not 3"):
        result.insist()


def test_what_the_answer_raises_is_said_in_one_line_with_the_line_that_did(capsys: Any) -> None:
    def divides(x: float) -> float:
        return x / (x - x)  # by nothing

    check_double(divides)
    said = capsys.readouterr().out
    assert said.startswith("Not yet: your code raised ZeroDivisionError: ")
    assert "return x / (x - x)" in said and said.count("\n") == 1


def test_an_answer_that_ends_the_program_does_not(capsys: Any) -> None:
    def leaves(x: float) -> float:
        raise SystemExit(3)

    assert "your code raised SystemExit: 3" in check_double(leaves).hint


def test_a_function_that_returns_nothing_is_told_so() -> None:
    assert check_double(lambda x: None).hint == "your answer is None: does your function end with return?"


@pytest.mark.parametrize(
    "answer",
    [
        3,
        3.0,
        np.float32(3),
        np.int64(3),
        np.array(3.0),
        np.array([3]),
        torch.tensor(3),
        torch.tensor([3.0]),
        Fraction(3),
    ],
)
def test_a_number_may_have_any_type(answer: Any) -> None:
    assert number(answer) == 3.0


@pytest.mark.parametrize("answer", [True, np.True_, torch.tensor(True), "3 apples", [1, 2], torch.zeros(2), {}, print])
def test_what_is_no_number_is_shown(answer: Any) -> None:
    with pytest.raises(AnswerError, match="one number is asked for"):
        number(answer)


@pytest.mark.parametrize(
    "answer",
    [
        [1, 2],
        (1.0, 2.0),
        [Fraction(1), Fraction(2)],
        [torch.tensor(1.0), torch.tensor(2)],
        np.array([1, 2]),
        np.array([2, 1])[::-1],
        torch.tensor([1.0, 2.0]).requires_grad_(),
    ],
)
def test_numbers_may_come_in_any_container(answer: Any) -> None:
    assert numbers(answer, torch.zeros(2)).tolist() == [1.0, 2.0]


def test_numbers_of_another_shape_are_told_both_shapes() -> None:
    with pytest.raises(AnswerError, match=r"has shape \(3,\), not \(2,\)"):
        numbers([1, 2, 3], torch.zeros(2))


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (torch.tensor(1.0), "no gradient passes through d_loss"),
        (1.0, "d_loss is no tensor: a float passes no gradient"),
        (torch.ones(2, requires_grad=True), "one number is asked for"),
        (None, "d_loss is None"),
    ],
)
def test_a_loss_is_a_scalar_through_which_a_gradient_passes(answer: Any, hint: str) -> None:
    with pytest.raises(AnswerError, match=hint):
        learns(answer, "d_loss")


def test_what_is_not_finite_is_close_to_nothing() -> None:
    assert not close(float("nan"), 1.0) and not close(float("inf"), 1.0)
    assert close(1000.05, 1000.0) and not close(1000.2, 1000.0)


def test_what_is_shown_is_short() -> None:
    assert shown(torch.tensor([1.23456, -2])) == "[1.235, -2]"
    assert shown(torch.tensor(1.23456)) == "1.235"
    assert shown(torch.zeros(20)) == "of shape (20,)"
    assert shown(np.array([2.0, 1.0])[::-1]) == "[1, 2]"
    assert shown(np.array("two")) == "array('two', dtype='<U3')"
    assert len(shown("a" * 200)) == 80
