import os
import signal

import pytest

from gan_lab.runner.signals import REQUESTS, Stopped, stopped_by_signals

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals"),
    pytest.mark.usefixtures("hangups_heard"),
]


@pytest.mark.parametrize("number", REQUESTS)
def test_a_request_to_end_is_an_interrupt_that_names_its_signal(number: int) -> None:
    before = [signal.getsignal(request) for request in REQUESTS]
    with pytest.raises(KeyboardInterrupt) as interrupt, stopped_by_signals():
        os.kill(os.getpid(), number)
    assert isinstance(interrupt.value, Stopped) and interrupt.value.number == number
    assert [signal.getsignal(request) for request in REQUESTS] == before


def test_a_second_request_does_not_disturb_what_the_first_set_going() -> None:
    steps = []
    with pytest.raises(Stopped), stopped_by_signals():
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        finally:
            steps.append("began to end")
            os.kill(os.getpid(), signal.SIGTERM)
            steps.append("ended")
    assert steps == ["began to end", "ended"]


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
