"""Batch norm's statistics for drawing: those of the images that the generator makes now."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_lab.players import asked

BATCHES, BATCH = 8, 64  # of noise, from which statistics are estimated
FORGOTTEN = 0.01  # how much of a running average's start may be left in it


@contextmanager
def fresh_statistics(G: nn.Module, z_dim: int, K: int, *, always: bool = False) -> Iterator[None]:
    """In here the batch norms of G have the mean and variance of what reaches them for fresh noise.

        mean <- average over 8 batches of 64 of the batch's mean,  variance <- the same of its variance

    That is done where a running average is young: while more than 1 % of it is still the 0 and 1 that it began with,
    (1 - momentum)^n > 0.01 after n batches. Keras' average, of momentum 0.01 as PyTorch counts, is young for 458
    batches, PyTorch's own for 43. Older ones stay as they are, unless `always`, for weights that no batch has passed.
    G: (z (N, z_dim), y (N,)) -> images; the labels that it is given are of all K classes. Each call has the same noise
    and takes nothing from torch's random numbers. Afterwards G is as it was.
    Source: torch.optim.swa_utils.update_bn, which does the same for averaged weights.
    """
    norms = [layer for layer in G.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    if not norms or not (always or any(map(young, norms))):
        yield
        return
    before = [{name: value.clone() for name, value in norm.named_buffers()} for norm in norms]
    try:
        estimate(G, norms, z_dim, K)
        yield
    finally:
        for norm, buffers in zip(norms, before, strict=True):
            for name, value in buffers.items():
                norm.get_buffer(name).copy_(value)


def young(norm: _BatchNorm) -> bool:
    """Whether the running average still holds much of what it began with."""
    n = int(norm.num_batches_tracked or 0)
    if norm.momentum is None:  # a plain mean over all batches
        return n == 0
    return bool((1 - norm.momentum) ** n > FORGOTTEN)


@torch.no_grad()
def estimate(G: nn.Module, norms: list[_BatchNorm], z_dim: int, K: int) -> None:
    """Give the batch norms of G, which is in evaluation mode, the statistics of fresh noise."""
    weight = next(G.parameters())
    random = torch.Generator().manual_seed(0)
    momenta = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over all batches
            norm.train()
        for _ in range(BATCHES):
            z, y = torch.randn(BATCH, z_dim, generator=random), torch.randint(K, (BATCH,), generator=random)
            asked(G, z.to(weight.device), y.to(weight.device))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()
