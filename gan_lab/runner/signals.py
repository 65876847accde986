"""A request to end, from a batch system or a terminal that closes, ends a command as Ctrl-C does: with its kernels."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

REQUESTS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]


class Stopped(KeyboardInterrupt):
    """The command was asked to end, by the signal of that number."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """In here the first request to end raises Stopped, and later ones wait for what it sets going.

    One that is ignored, as SIGHUP is under nohup, stays so. In another thread than the main one nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        for request in heard:
            signal.signal(request, signal.SIG_IGN)
        raise Stopped(number)

    heard = {request: signal.getsignal(request) for request in REQUESTS}
    heard = {request: handler for request, handler in heard.items() if handler not in (signal.SIG_IGN, None)}
    for request in heard:
        signal.signal(request, stop)
    try:
        yield
    finally:
        for request, handler in heard.items():
            signal.signal(request, handler)
