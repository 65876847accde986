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


def test_the_oscillation_of_a_sine_is_its_amplitude_over_root_two() -> None:
    """After the burn-in; before it the loss fell from far above."""
    t = np.arange(4000)
    loss = np.where(t < 2000, 50 - t / 50, 3 * np.sin(2 * np.pi * t / 100))
    rounds = pd.DataFrame({"epoch": t // 100 + 1, "g_loss": loss})
    assert oscillation(rounds, "g_loss") == pytest.approx(3 / np.sqrt(2), rel=1e-3)
    assert oscillation(rounds, "g_loss", burn_in=0) > 10


def test_a_constant_does_not_oscillate() -> None:
    assert oscillation(measured(9, 9, 1, 1), "kid") == 0


def test_one_value_after_the_burn_in_says_nothing_of_oscillation() -> None:
    assert np.isnan(oscillation(measured(1, 2), "kid"))


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
