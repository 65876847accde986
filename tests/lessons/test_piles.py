from typing import Any

import ipywidgets
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_lab.lessons import piles
from gan_lab.lessons.piles import after, best_moves, by_hand, still_needed, verdict, work

P, Q = [3, 2, 1, 4], [1, 2, 4, 3]


@st.composite
def shovelling(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int, float]]]:
    """Four piles, and moves that they allow."""
    p = draw(st.lists(st.integers(0, 5), min_size=4, max_size=4).filter(any))
    moves: list[tuple[int, int, float]] = []
    for _ in range(draw(st.integers(0, 4))):
        source, target = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        moves.append((source, target, draw(st.integers(0, int(after(p, moves)[source])))))
    return p, moves


@given(shovelling(), st.permutations(range(4)))
@settings(deadline=None)  # the first example waits for the solver's import
def test_moves_keep_the_earth_and_never_beat_the_optimum(shovelled: Any, order: list[int]) -> None:
    p, moves = shovelled
    q = np.array(p)[order]
    assert after(p, moves).sum() == sum(p)
    assert work(moves) + still_needed(after(p, moves), q) >= still_needed(p, q) - 1e-6


def test_the_best_moves_do_it_with_the_least_work() -> None:
    moves = best_moves(P, Q)
    assert after(P, moves) == pytest.approx(np.array(Q))
    assert work(moves) == pytest.approx(still_needed(P, Q)) == 5


def test_the_verdict_counts_what_a_detour_wastes() -> None:
    assert verdict(P, Q, [(0, 1, 2), (1, 2, 2)]) == "work so far 4, still needed 1, least possible 5, wasted 0"
    assert verdict(P, Q, [(3, 0, 1)]) == "work so far 3, still needed 6, least possible 5, wasted 4"


@pytest.mark.parametrize(
    ("move", "complaint"),
    [
        ((0, 4, 1), "no place 4: they are numbered 0 to 3"),
        ((-1, 0, 1), "no place -1"),
        ((2, 0, 2), "place 2 holds 1: 2 cannot be taken from it"),
        ((2, 0, -1), "place 2 holds 1: -1 cannot"),
    ],
)
def test_a_move_that_cannot_be_made_is_refused(move: tuple[int, int, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        after(P, [move])


def test_the_buttons_shovel_undo_and_solve(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    drawn: list[list[Any]] = []
    monkeypatch.setattr(piles, "show", lambda widget, picture: shown.append(widget))
    monkeypatch.setattr(piles, "draw", lambda figure, p, q, moves: drawn.append(list(moves)))
    by_hand(P, Q)
    widgets = {getattr(w, "description", "") or type(w).__name__: w for w in leaves(shown[0])}
    widgets["from"].value, widgets["to"].value, widgets["shovelfuls"].value = 0, 1, 2
    widgets["Move"].click()
    assert drawn[-1] == [(0, 1, 2)]
    widgets["Move"].click()
    assert widgets["Label"].value == "place 0 holds 1: 2 cannot be taken from it"
    widgets["Undo"].click()
    assert drawn[-1] == []
    widgets["Show an optimum"].click()
    assert drawn[-1] == best_moves(P, Q)


def leaves(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    inside = getattr(widget, "children", ())
    return [leaf for child in inside for leaf in leaves(child)] if inside else [widget]


def test_piles_of_different_totals_are_refused() -> None:
    with pytest.raises(ValueError, match="p holds 10 and q holds 11"):
        by_hand(P, [1, 2, 4, 4])
