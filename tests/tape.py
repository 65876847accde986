"""A CUDA graph without a GPU: a tape of PyTorch's operations, which keeps and forgets what a graph does."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gan_lab import cuda_graph, training


class Tape(TorchDispatchMode):
    """As torch.cuda.CUDAGraph: the operations with their tensors and with the Python numbers of the recording; a replay
    does them again on the same memory, with new random numbers, and no line of Python in between."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, list[Tensor]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if waits(func, *args):
            raise RuntimeError("operation not permitted when stream is capturing")
        for memory in {x.untyped_storage() for x in tensors((args, kwargs))}:
            if memory.data_ptr() not in self.made:
                self.found.setdefault(memory.data_ptr(), (memory, memory.clone()))
        out = func(*args, **kwargs)
        self.made |= {x.untyped_storage().data_ptr() for x in tensors(out)} - self.found.keys()
        self.operations.append((func, args, kwargs, tensors(out)))
        return out

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Writes down, and does nothing: what was there before is as it was."""
        self.found: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        self.made: set[int] = set()
        state = torch.get_rng_state()
        try:
            with self:
                yield
        finally:
            torch.set_rng_state(state)
            for memory, before in self.found.values():
                memory.copy_(before)

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, recorded in self.operations:
            for old, new in zip(recorded, tensors(func(*args, **kwargs)), strict=True):
                if new.data_ptr() != old.data_ptr():
                    old.copy_(new)


def waits(func: Any, x: Any = None, indices: Any = (), *_: Any) -> bool:
    """Whether the operation needs a value of x on the host. Whole numbers do not count: those are labels, whose range
    the course looks at on a CPU alone."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        return False
    if func is torch.ops.aten.index.Tensor:
        return any(index is not None and index.dtype == torch.bool for index in indices)
    return bool({torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(func.tags))


def tape_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the end of the test, a game with cuda_graph is played on the CPU from a tape."""
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Tape)
    monkeypatch.setattr(torch.cuda, "graph", Tape.recording)
    monkeypatch.setattr(cuda_graph.CudaGraph, "aside", lambda self, batches: self.f(batches))
    monkeypatch.setattr(training, "refuse_cuda_graph", lambda *_: None)
    for optimiser in ("torch.optim.adam", "torch.optim.rmsprop"):
        monkeypatch.setattr(import_module(optimiser), "_get_capturable_supported_devices", lambda **_: ["cpu"])


def tensors(nest: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(nest) if isinstance(leaf, Tensor)]
