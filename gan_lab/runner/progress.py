"""How far something long is: a bar on a terminal, drawn every second; elsewhere a line now and then."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm

EVERY = 30.0  # seconds between two lines


@contextmanager
def shown(name: str, total: int, noun: str, look: Callable[[], tuple[int, str]], stream: TextIO) -> Iterator[None]:
    """While the block is at work: how many of the total are done, and what else there is to say.

    look: answers with both; asked from another thread.  noun: what they are, "cells".
    """
    layout = "{desc} {bar:30} {n_fmt} of {total_fmt} " + noun + ", {elapsed}{postfix}"
    bar = tqdm(total=total, desc=name, bar_format=layout, file=stream, disable=None)
    start, ended = time.monotonic(), threading.Event()

    def tell() -> None:
        while not ended.wait(EVERY if bar.disable else 1):
            done, words = look()
            if bar.disable:
                facts = [f"{name}: {done} of {total} {noun}", clock(time.monotonic() - start), words]
                print(", ".join(filter(None, facts)), file=stream, flush=True)
            else:
                bar.n = done
                bar.set_postfix_str(words)

    telling = threading.Thread(target=tell, daemon=True)
    telling.start()
    try:
        yield
        bar.n = total
    finally:
        ended.set()
        telling.join()
        bar.set_postfix_str("")
        bar.close()


def left(seconds: float) -> str:
    """How much longer, in words: "1:20 left"."""
    return f"{clock(seconds)} left"


def clock(seconds: float) -> str:
    """Seconds as "1:20" or "2:03:20"."""
    return tqdm.format_interval(seconds)
