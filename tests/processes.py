"""Waiting for other processes, for the tests that start some."""

import time
from collections.abc import Callable

import psutil


def becomes_true(condition: Callable[[], bool], within: float = 300) -> bool:
    """Whether the condition holds at some time in that many seconds."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def ended(pid: int) -> bool:
    """Whether the process is no more, or only waits for its parent to take note."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
