"""Moving earth by hand: piles, a shovel, and the least work to compare with."""

from collections.abc import Sequence

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from gan_lab.show.transport_plots import heaps
from gan_lab.show.widgets import png, show
from gan_lab.theory.divergences import Array, masses
from gan_lab.theory.transport import Transport, earth_mover

Move = tuple[int, int, float]  # from this place, to that place, so much earth


def after(p: ArrayLike, moves: Sequence[Move]) -> Array:
    """The piles (K,) that p has become after the moves.

    Raises ValueError if a move names a place that is not there, moves a negative mass, or more than the pile holds.
    """
    piles = masses("p", p).copy()
    for source, target, mass in moves:
        for place in source, target:
            if not 0 <= place < len(piles):
                raise ValueError(f"there is no place {place}: they are numbered 0 to {len(piles) - 1}")
        if not 0 <= mass <= piles[source]:
            raise ValueError(f"place {source} holds {piles[source]:g}: {mass:g} cannot be taken from it")
        piles[source] -= mass
        piles[target] += mass
    return piles


def work(moves: Sequence[Move]) -> float:
    """What the moves cost: sum of mass times distance, in shovelfuls times places."""
    return sum(mass * abs(target - source) for source, target, mass in moves)


def transport(p: ArrayLike, q: ArrayLike) -> Transport:
    """How p becomes q on the places 0, 1, 2, ... with the least work."""
    places = np.arange(len(np.asarray(p)))
    return earth_mover(p, q, abs(places[:, None] - places))


def still_needed(p: ArrayLike, q: ArrayLike) -> float:
    """The least work that turns p into q: W1 on the places 0, 1, 2, ..."""
    return transport(p, q).distance


def best_moves(p: ArrayLike, q: ArrayLike) -> list[Move]:
    """An optimal plan as a list of moves, without the earth that stays."""
    plan = transport(p, q).plan
    return [(int(i), int(j), float(plan[i, j])) for i, j in np.argwhere(plan > 1e-9) if i != j]


def verdict(p: ArrayLike, q: ArrayLike, moves: Sequence[Move]) -> str:
    """The work so far, the least that is still needed, and what was wasted, in one line."""
    done, left, least = work(moves), still_needed(after(p, moves), q), still_needed(p, q)
    wasted = max(0.0, round(done + left - least, 6))  # never negative, by the triangle inequality, but for rounding
    return f"work so far {done:g}, still needed {left:g}, least possible {least:g}, wasted {wasted:g}"


def draw(figure: Figure, p: ArrayLike, q: ArrayLike, moves: Sequence[Move]) -> None:
    """The piles after the moves beside the piles that are wanted, the moves, and the verdict."""
    ax = figure.subplots()
    heaps(ax, after(p, moves), q, names=("now", "wanted"))
    ax.set_title(verdict(p, q, moves))
    made = ", ".join(f"{mass:g} from {source} to {target}" for source, target, mass in moves)
    ax.set_xlabel(f"place\nmoves so far: {made or 'none'}")


def by_hand(p: ArrayLike, q: ArrayLike) -> None:
    """Display piles p that the reader shovels into q; where no widget lives, the piles after an optimal plan.

    Raises ValueError if p and q are not piles of one total on the same places.
    """
    moves: list[Move] = []
    places = [(f"place {i}", i) for i in range(len(np.asarray(p)))]
    source = ipywidgets.Dropdown(options=places, value=0, description="from")
    target = ipywidgets.Dropdown(options=places, value=len(places) - 1, description="to")
    mass = ipywidgets.BoundedFloatText(value=1, min=0, max=float(np.sum(p)), step=1, description="shovelfuls")
    move, undo, solve = (ipywidgets.Button(description=text) for text in ("Move", "Undo", "Show an optimum"))
    view, complaint = ipywidgets.Image(format="png"), ipywidgets.Label()

    def redraw() -> None:
        view.value = png(lambda figure: draw(figure, p, q, moves), (8, 3.3))

    def on_move(_: ipywidgets.Button) -> None:
        tried: Move = (source.value, target.value, mass.value)
        try:
            after(p, [*moves, tried])
        except ValueError as refused:
            complaint.value = str(refused)
            return
        moves.append(tried)
        complaint.value = ""
        redraw()

    def on_undo(_: ipywidgets.Button) -> None:
        del moves[-1:]
        redraw()

    def on_solve(_: ipywidgets.Button) -> None:
        moves[:] = best_moves(p, q)
        redraw()

    move.on_click(on_move)
    undo.on_click(on_undo)
    solve.on_click(on_solve)
    redraw()
    controls = [ipywidgets.HBox([source, target, mass]), ipywidgets.HBox([move, undo, solve]), complaint]
    optimum = png(lambda figure: draw(figure, p, q, best_moves(p, q)), (8, 3.3))
    show(ipywidgets.VBox([*controls, view]), optimum)
