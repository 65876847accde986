"""Every check takes every right answer, whatever its style, and refuses every wrong one with a hint that names it."""

from typing import Any

import pytest
from answers import EXERCISES, Exercise

from gan_lab.lessons import exercises

RIGHT = [(exercise, answer) for exercise in EXERCISES for answer in exercise.right]
WRONG = [(exercise, answer, hint) for exercise in EXERCISES for answer, hint in exercise.wrong]


def name(exercise: Any) -> str:
    return exercise.check.__name__ if isinstance(exercise, Exercise) else ""


@pytest.mark.parametrize(("exercise", "answer"), RIGHT, ids=name)
def test_a_right_answer_is_correct(exercise: Exercise, answer: Any, capsys: Any) -> None:
    result = exercise.check(answer, *exercise.more)
    assert capsys.readouterr().out == "Correct.\n", result.hint
    assert result


@pytest.mark.parametrize(("exercise", "answer", "hint"), WRONG, ids=name)
def test_a_wrong_answer_gets_a_hint(exercise: Exercise, answer: Any, hint: str, capsys: Any) -> None:
    result = exercise.check(answer, *exercise.more)
    assert not result
    said = capsys.readouterr().out
    assert said == f"Not yet: {result.hint}\n" and said.count("\n") == 1
    assert hint in said


def test_every_check_is_tried_with_three_right_answers_and_eight_wrong_ones() -> None:
    assert {exercise.check.__name__ for exercise in EXERCISES} == set(exercises.__all__)
    for exercise in EXERCISES:
        assert len(exercise.right) >= 3 and len(exercise.wrong) >= 8, exercise.check.__name__
