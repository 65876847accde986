"""A whole round as one launch: what a small GAN on a GPU waits for is not arithmetic, but the start of each kernel."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._pytree import tree_leaves, tree_map

Out = TypeVar("Out")
Batches = Sequence[tuple[Tensor, Tensor]]

PLAIN = (bool, int, float, str, tuple, type(None))
WARM_UP = 3  # calls before the first recording, in which libraries and optimisers set up what they keep


class CudaGraph(Generic[Out]):
    """The same as f, once it has been called a few times: a CUDA graph, recorded once and then replayed.

    f: batches [(x, y), ...] on a GPU -> tensors, in any nest of tuples. It may draw random numbers, which go on from
    replay to replay as they would from call to call, and change the tensors of `parts` in place. It may not wait for a
    value, and what else it does in Python, such as to count its calls, it does not do in a replay.
    parts: the modules and optimisers that f changes, and whatever else it goes by. Where one of their plain values is
    another one than when f was recorded, such as a learning rate or a sigma, f is recorded anew.
    terms: anything else that f is made for, such as the size of the batches.
    Raises RuntimeError if f waits for a value.
    Source: the documentation of PyTorch 2, "CUDA Graphs", whole-network capture.
    """

    def __init__(self, f: Callable[[Batches], Out], parts: Sequence[object], terms: object) -> None:
        self.f, self.parts, self.terms = f, parts, terms
        self.calls = 0
        self.recorded_with: list[object] = []

    def __call__(self, batches: Batches) -> Out:
        self.calls += 1
        if self.calls <= WARM_UP:
            return self.aside(batches)
        now = plain_values(self.parts)
        if now != self.recorded_with:
            self.record(batches)
            self.recorded_with = now
        for (x, y), (new_x, new_y) in zip(self.batches, batches, strict=True):
            x.copy_(new_x)
            y.copy_(new_y)
        self.graph.replay()
        out: Out = tree_map(torch.clone, self.out)  # the next replay writes over it
        return out

    def record(self, batches: Batches) -> None:
        """Write down what f does with such batches, and do nothing yet."""
        self.graph = torch.cuda.CUDAGraph()
        self.batches = [(x.clone(), y.clone()) for x, y in batches]
        with counting_on_the_gpu(self.parts):
            self.places = places(self.parts)
            try:
                with torch.cuda.graph(self.graph):
                    self.out = self.f(self.batches)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                raise RuntimeError(
                    "this round cannot be recorded as a CUDA graph: something in it waits for a value, as .item() or a "
                    "print of a tensor does. Take that out, or play with cuda_graph False"
                ) from error

    def suits(self, terms: object) -> bool:
        """Whether it can go on: on the same terms, and with all tensors where they were, which a checkpoint that was
        loaded in the meantime may have changed."""
        return terms == self.terms and (self.calls <= WARM_UP or self.places == places(self.parts))

    def aside(self, batches: Batches) -> Out:
        """f as it is, on a stream of its own, as the recording will be."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream), counting_on_the_gpu(self.parts):
            out = self.f(batches)
        torch.cuda.current_stream().wait_stream(stream)
        return out


@contextmanager
def counting_on_the_gpu(parts: Sequence[object]) -> Iterator[None]:
    """In here the optimisers count their steps on the GPU, where a replay counts on: PyTorch's option `capturable`."""
    optimizers = [part for part in parts if isinstance(part, Optimizer)]
    groups = [group for opt in optimizers for group in opt.param_groups]
    before = [group["capturable"] for group in groups]
    for opt in optimizers:
        for weight, state in opt.state.items():
            state["step"] = state["step"].to(weight.device)
    try:
        for group in groups:
            group["capturable"] = True
        yield
    finally:
        for group, capturable in zip(groups, before, strict=True):
            group["capturable"] = capturable  # a checkpoint that holds True is of no use to a CPU


def places(parts: Sequence[object]) -> list[int]:
    """Where in memory each tensor of the parts' states is."""
    states = [part.state_dict() for part in parts if isinstance(part, nn.Module | Optimizer)]
    return [leaf.data_ptr() for leaf in tree_leaves(states) if isinstance(leaf, Tensor)]


def plain_values(parts: Sequence[object]) -> list[object]:
    """The numbers, flags and words that the parts go by, which a recording holds fast: a sigma, a learning rate."""
    return [value for part in parts for value in attributes(part) if isinstance(value, PLAIN)]


def attributes(part: object) -> Iterator[object]:
    """What a module and those in it, an optimiser, or another object and those it holds go by."""
    if isinstance(part, nn.Module):
        return chain.from_iterable(vars(module).values() for module in part.modules())
    if isinstance(part, Optimizer):
        return (value for group in part.param_groups for key, value in group.items() if key != "params")
    held = vars(part).values() if hasattr(part, "__dict__") else ()
    return chain(held, *(vars(thing).values() for thing in held if hasattr(thing, "__dict__")))
