import io

import pytest
from processes import becomes_true

from gan_lab.runner import progress
from gan_lab.runner.progress import left, shown


def test_without_a_terminal_a_line_is_said_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.01)
    said = io.StringIO()
    with shown("tiny", 8, "cells", lambda: (3, "B1: epoch 7"), said):
        assert becomes_true(lambda: said.getvalue().count("\n") > 2)
    lines = said.getvalue().splitlines()
    assert lines[0] == "tiny: 3 of 8 cells, 00:00, B1: epoch 7"
    assert "\r" not in said.getvalue()
    lines = len(lines)
    with shown("tiny", 8, "cells", lambda: (3, ""), said):
        pass
    assert len(said.getvalue().splitlines()) == lines  # what is quickly done says nothing


def test_time_is_said_as_on_a_clock() -> None:
    assert (left(80), left(7400)) == ("01:20 left", "2:03:20 left")
