"""Random numbers that start from a seed and leave all others as they are."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The CPU's random numbers start from `seed` in this block, and go on after it as if it had not been there."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would restart those of the GPU, too
        yield
