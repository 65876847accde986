"""What one round asks of the machine, and the most that the machine gives: FLOPs, FLOP/s, bytes."""

import gc
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import conv2d
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

Rounds = Iterator[Any]
WARM_UP = 5  # rounds, in the last of which all is there: memory, threads, what libraries set up
os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else the profiler prints when it starts and stops


class Count(TorchDispatchMode):
    """Adds up the operations of all that runs under it. (FlopCounterMode also tells them by layer, for which it hooks
    into the backward pass, and the gradient of a penalty does not allow that.)"""

    total = 0

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = operator(*args, **(kwargs or {}))
        formula = flop_registry.get(operator.overloadpacket)
        if formula:
            self.total += formula(*args, **(kwargs or {}), out_val=out)
        return out


def flops(rounds: Rounds) -> int:
    """The floating-point operations of the next round's matrix products and convolutions, forward and backward.

    A multiply-add counts twice, also where it meets the zeros of a padding. All else, such as batch norm, dropout and
    the optimisers, counts nothing.
    """
    with Count() as count:
        next(rounds)
    return count.total


def matmuls(device: torch.device) -> Rounds:
    """Large matrix products without end, in the precision that play has."""
    n = 8192 if device.type == "cuda" else 2048
    A, B = torch.randn(2, n, n, device=device)
    while True:
        yield A @ B


def convolutions(device: torch.device) -> Rounds:
    """Large 3 x 3 convolutions without end, in the precision that play has."""
    N, C, H = (256, 256, 64) if device.type == "cuda" else (32, 128, 32)
    x, w = torch.randn(N, C, H, H, device=device), torch.randn(C, C, 3, 3, device=device)
    while True:
        yield conv2d(x, w, padding=1)


def peak_bytes(make: Callable[[], Rounds], device: torch.device) -> int:
    """The most bytes that tensors hold at once, from nothing through a few rounds: weights, gradients, the optimisers'
    memory, activations."""

    def some_rounds() -> None:
        rounds = make()
        for _ in range(WARM_UP):
            next(rounds)

    gc.collect()  # what is freed later would be taken off the peak
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        some_rounds()
        return torch.cuda.max_memory_allocated(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        some_rounds()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "trace.json")
        profiled.export_chrome_trace(str(file))
        events = json.loads(file.read_text())["traceEvents"]
    events = sorted((event for event in events if event["name"] == "[memory]"), key=lambda event: event["ts"])
    memory = [event["args"] for event in events]
    before = memory[0]["Total Allocated"] - memory[0]["Bytes"]  # what an earlier profile left in the counter
    return int(max(args["Total Allocated"] for args in memory) - before)


def wait(device: torch.device) -> None:
    """Until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
