import pandas as pd
import pytest
from matplotlib.figure import Figure

from gan_lab.run_folder import epochs_played
from gan_lab.runner.spread import curve, draw_spread


def test_a_curve_is_the_mean_over_equal_stretches() -> None:
    played = pd.Series([0.25, 0.5, 0.75, 1.0])
    values = pd.Series([1.0, 3.0, 5.0, 9.0])
    assert curve(played, values, points=2).to_dict() == {0.5: 2.0, 1.0: 7.0}
    assert curve(played, values, points=60).to_dict() == dict(zip(played, values, strict=True))


def test_a_row_on_the_border_of_two_stretches_ends_the_first() -> None:
    """Whatever binary fractions make of tenths: 30 rows in 30 stretches are one each."""
    played = epochs_played(pd.DataFrame([(e, i) for e in (1, 2, 3) for i in range(1, 11)], columns=["epoch", "round"]))
    means = curve(played, played, points=30)
    assert means.tolist() == played.tolist()
    assert means.index.tolist() == pytest.approx(played.tolist())


def test_a_quantity_that_is_measured_every_few_epochs_is_a_line_through_what_was_measured() -> None:
    epochs = pd.Series([float(epoch) for epoch in range(1, 11)])
    measured = pd.Series([float(epoch) if epoch % 5 == 0 else None for epoch in range(1, 11)])
    assert curve(epochs, measured).to_dict() == {5.0: 5.0, 10.0: 10.0}


def test_a_figure_is_svg_with_text_that_a_page_can_style() -> None:
    runs = [pd.Series([1.0, 2.0], [1.0, 2.0]), pd.Series([2.0, 4.0], [1.0, 2.0])]
    svg = draw_spread(
        "D's $loss^$", {"a": runs, "b": runs[:1]}, {k: {"color": "#123456", "dashes": "10 4"} for k in "ab"}
    )
    assert svg.startswith("<svg")
    assert "D's $loss^$</text>" in svg
    assert "epochs played</text>" in svg
    assert svg.count("stroke: #123456") == 2
    assert svg.count("fill: #123456") == 1  # the band, of the setting that has two runs


def test_the_line_is_the_mean_of_the_runs_and_the_band_goes_from_the_smallest_to_the_largest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr("gan_lab.runner.spread.Figure", lambda **how: figures.append(Figure(**how)) or figures[-1])
    runs = [pd.Series(values, [1.0, 2.0]) for values in ([1.0, 9.0], [3.0, 4.0], [5.0, 5.0])]
    draw_spread("loss", {"a": runs}, {"a": {"color": "#123456", "dashes": ""}})
    (ax,) = figures[0].axes
    assert ax.lines[0].get_xydata().tolist() == [[1, 3], [2, 6]]
    corners = {tuple(corner) for path in ax.collections[0].get_paths() for corner in path.vertices.tolist()}
    assert corners == {(1, 1), (1, 5), (2, 4), (2, 9)}
