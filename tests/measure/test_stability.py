import numpy as np
import pandas as pd
import pytest

from gan_lab.measure.stability import epochs_until, oscillation


def measured(*kid: float) -> pd.DataFrame:
    return pd.DataFrame({"epoch": range(1, len(kid) + 1), "kid": kid})


def test_the_first_epoch_below_counts_even_if_a_later_one_is_above() -> None:
    assert epochs_until(measured(3, 2, 0.9, 1.5, 0.5), "kid", 1.0) == 3


def test_epochs_without_a_measurement_do_not_count() -> None:
    assert epochs_until(measured(np.nan, 2, np.nan, 0.9), "kid", 1.0) == 4


def test_what_never_came_takes_longer_than_the_training() -> None:
    assert epochs_until(measured(3, 2, 1.0), "kid", 1.0) == 4


def rounds(g_loss: np.ndarray) -> pd.DataFrame:
    """A run of a hundred rounds an epoch."""
    t = np.arange(len(g_loss))
    return pd.DataFrame({"epoch": t // 100 + 1, "round": t % 100 + 1, "g_loss": g_loss})


def test_the_oscillation_of_a_sine_is_its_amplitude_over_root_two() -> None:
    """After the burn-in; before it the loss fell from far above."""
    t = np.arange(4000)
    loss = rounds(np.where(t < 2000, 50 - t / 50, 3 * np.sin(2 * np.pi * t / 100)))
    assert oscillation(loss, "g_loss") == pytest.approx(3 / np.sqrt(2), rel=2e-3)
    assert oscillation(loss, "g_loss", burn_in=0) > 6


def test_a_sine_of_two_periods_keeps_nine_tenths_of_its_size_wherever_it_begins() -> None:
    t = np.arange(2000)
    for periods in np.linspace(2, 4, 9):
        for begin in np.linspace(0, 1, 9):
            wave = rounds(np.sin(2 * np.pi * (periods * t / 2000 + begin)))
            assert oscillation(wave, "g_loss", burn_in=0) == pytest.approx(1 / np.sqrt(2), rel=0.1)


def test_the_differences_of_neighbours_would_have_lost_a_slow_sine() -> None:
    slow = np.sin(2 * np.pi * np.arange(2000) / 500)
    neighbours = np.sqrt(np.mean(np.diff(slow) ** 2) / 2)
    assert neighbours < 0.02 < 0.6 < oscillation(rounds(slow), "g_loss")


def test_a_line_does_not_oscillate_in_rounds_or_in_epochs_with_gaps() -> None:
    assert oscillation(rounds(7 - 0.01 * np.arange(1000)), "g_loss") == pytest.approx(0, abs=1e-9)
    kid = 7 - 0.5 * np.arange(1, 32)
    kid[[2, 5, 6, 18, 19, 20, 29]] = np.nan
    assert oscillation(measured(*kid), "kid") == pytest.approx(0, abs=1e-9)
    assert oscillation(measured(*kid).dropna(), "kid") == pytest.approx(0, abs=1e-9)


def test_noise_on_a_line_keeps_its_deviation_however_few_the_values() -> None:
    """The mean square over many runs of ten epochs after the burn-in: within the error of 1000 of them."""
    noise = np.random.default_rng(0).normal(scale=0.3, size=(1000, 20))
    runs = [measured(*(5 - 0.8 * np.arange(20) + one)) for one in noise]
    square = np.mean([oscillation(run, "kid") ** 2 for run in runs])
    assert square == pytest.approx(0.3**2, rel=3 * np.sqrt(2 / (1000 * 8)))


def test_a_constant_does_not_oscillate() -> None:
    assert oscillation(measured(9, 9, 9, 1, 1, 1), "kid") == 0


@pytest.mark.parametrize("kid", [(1, 2), (1, 2, 3, 4), (1, 1, 1, 2, np.inf, 3)])
def test_two_values_or_an_infinite_one_say_nothing_of_oscillation(kid: tuple[float, ...]) -> None:
    assert np.isnan(oscillation(measured(*kid), "kid"))


@pytest.mark.parametrize(
    ("ask", "complaint"),
    [
        (lambda: epochs_until(measured(1, 2), "fid", 1), "fid was not measured; measured was kid"),
        (lambda: epochs_until(measured(np.nan, np.nan), "kid", 1), "kid was not measured"),
        (lambda: oscillation(measured(1, 2, 3), "kid", burn_in=1.0), "a share of the epochs"),
    ],
)
def test_what_was_not_measured_is_named(ask, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        ask()
