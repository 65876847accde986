"""The layers of a network as a table, from one pass through it: what each returns, and how many numbers it keeps."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_lab.layers.resize_conv import ResizeConv2d


class Layer(NamedTuple):
    """A layer in the words of PyTorch, the shape that it returns, and its numbers: weights, batch norm's statistics."""

    words: str
    shape: tuple[int, ...]
    trainable: int
    statistics: int


def layers_of(player: nn.Module, *inputs: Tensor) -> list[Layer]:
    """Each layer that the inputs go through, in that order; first those whose weights are used without a call."""
    passed: dict[nn.Module, tuple[int, ...]] = {}
    leaves = [part for part in player.modules() if not list(part.children())]
    hooks = [
        leaf.register_forward_hook(lambda leaf, _, out: passed.update({leaf: tuple(out.shape)})) for leaf in leaves
    ]
    with torch.no_grad():
        player.eval()(*inputs)
    for hook in hooks:
        hook.remove()
    uncalled = {leaf: tuple(w.shape) for leaf in leaves if leaf not in passed for w in leaf.parameters()}
    return [Layer(words(leaf), shape, *sizes(leaf)) for leaf, shape in {**uncalled, **passed}.items() if said(leaf)]


def said(layer: nn.Module) -> bool:
    """Whether a layer does anything."""
    return not isinstance(layer, nn.Identity)


def sizes(layer: nn.Module) -> tuple[int, int]:
    """How many weights a layer has, and how many means and variances."""
    statistics = [kept for name, kept in layer.named_buffers() if name in ("running_mean", "running_var")]
    return sum(w.numel() for w in layer.parameters()), sum(kept.numel() for kept in statistics)


def words(layer: nn.Module) -> str:
    """`ConvTranspose2d 64 → 1, k5 s2`: PyTorch's name, and what tells it from others of its kind."""
    bias = ", no bias" if getattr(layer, "bias", None) is None else ""
    name = next(kind.__name__ for kind in type(layer).mro() if kind.__module__.startswith("torch.nn."))
    match layer:
        case ResizeConv2d():
            return f"nearest upsampling x 2, {name} {layer.in_channels} → {layer.out_channels}, k3 s1"
        case nn.Conv2d() | nn.ConvTranspose2d():
            size = f"k{layer.kernel_size[0]} s{layer.stride[0]}"
            return f"{name} {layer.in_channels} → {layer.out_channels}, {size}{bias}"
        case nn.Linear():
            return f"{name} {layer.in_features} → {layer.out_features}{bias}"
        case nn.LeakyReLU():
            return f"{name} {layer.negative_slope:g}"
        case nn.Dropout():
            return f"{name} {layer.p:g}"
        case nn.Embedding():
            return f"{name}, a vector for each class"
    return name


def table(layers: list[Layer]) -> str:
    """The layers in Markdown, and their sums below."""
    rows = ["| layer | output | weights | BN statistics |", "| :--- | :--- | ---: | ---: |"]
    rows += [f"| {one.words} | {shape(one.shape)} | {some(one.trainable)} | {some(one.statistics)} |" for one in layers]
    trainable, statistics = (sum(kind) for kind in list(zip(*layers, strict=True))[2:])
    rows.append(f"| **{trainable + statistics:,} in all** | | **{trainable:,}** | **{statistics:,}** |")
    return "\n".join(rows)


def shape(sizes: tuple[int, ...]) -> str:
    """64×8×8, without the number of images."""
    return "×".join(str(size) for size in sizes[1:]) or "1"


def some(count: int) -> str:
    """The count, and nothing for 0: most layers have no numbers."""
    return f"{count:,}" if count else ""
