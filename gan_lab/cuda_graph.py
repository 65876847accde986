"""A whole round as one launch: what a small GAN on a GPU waits for is not arithmetic, but the start of each kernel."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._pytree import tree_leaves, tree_map

Out = TypeVar("Out")
Batches = Sequence[tuple[Tensor, Tensor]]

WARM_UP = 3  # calls before the recording, in which libraries and optimisers set up what they keep


class CudaGraph(Generic[Out]):
    """The same as f, once it has been called a few times: a CUDA graph, recorded once and then replayed.

    f: batches [(x, y), ...] on a GPU -> tensors, in any nest of tuples. It may draw random numbers, which go on from
    replay to replay as they would from call to call, and change the tensors of `parts` in place; it may not wait for a
    value. parts: modules and optimisers, all that f changes. size: anything that says what the batches are like.
    Source: the documentation of PyTorch 2, "CUDA Graphs", whole-network capture.
    """

    def __init__(self, f: Callable[[Batches], Out], parts: Sequence[nn.Module | Optimizer], size: object) -> None:
        self.f, self.parts, self.size = f, parts, size
        self.calls = 0
        self.graph = torch.cuda.CUDAGraph()

    def __call__(self, batches: Batches) -> Out:
        self.calls += 1
        if self.calls <= WARM_UP:
            return self.aside(batches)
        if self.calls == WARM_UP + 1:
            self.places = places(self.parts)
            self.batches = [(x.clone(), y.clone()) for x, y in batches]
            with torch.cuda.graph(self.graph):  # writes down, and does nothing yet
                self.out = self.f(self.batches)
        for (x, y), (new_x, new_y) in zip(self.batches, batches, strict=True):
            x.copy_(new_x)
            y.copy_(new_y)
        self.graph.replay()
        out: Out = tree_map(torch.clone, self.out)  # the next replay writes over it
        return out

    def suits(self, size: object) -> bool:
        """Whether it can go on: batches of this size, and all tensors where they were, which a checkpoint that was
        loaded in the meantime may have changed."""
        return size == self.size and (self.calls <= WARM_UP or self.places == places(self.parts))

    def aside(self, batches: Batches) -> Out:
        """f as it is, on a stream of its own, as the recording will be."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            out = self.f(batches)
        torch.cuda.current_stream().wait_stream(stream)
        return out


def places(parts: Sequence[nn.Module | Optimizer]) -> list[int]:
    """Where in memory each tensor of the parts' states is."""
    return [leaf.data_ptr() for part in parts for leaf in tree_leaves(part.state_dict()) if isinstance(leaf, Tensor)]
