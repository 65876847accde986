"""The gradient norms of a piecewise linear critic, layer by layer: what a gradient penalty pays for, at half the price.

A critic of convolutions, linear layers and leaky ReLUs is linear near almost every image: D(x) = c_x . x + const. The
gradient c_x depends on the weights directly and, through the choice of pieces, in jumps, which have no derivative. So
the way back through the layers can be written down as a forward pass of its own, with the pieces held fixed, and
autograd differentiates that once, like any network. `lipschitz.gradient_norms` has it differentiate a derivative: then
it also follows the choice of the pieces, through all layers, to find zeros.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d

from gan_lab.layers.resize_conv import ResizeConv2d
from gan_lab.lipschitz import Score

Pullback = Callable[[Tensor], Tensor]
WRITTEN_OUT = nn.Conv2d | nn.Linear | nn.LeakyReLU | nn.ReLU | nn.Dropout | nn.Flatten | nn.Identity


def norms_by_layer(layers: Iterable[nn.Module]) -> Callable[[Score, Tensor], Tensor]:
    """What `lipschitz.gradient_norms` finds, for a critic of these layers, one after another. It can be differentiated
    in their weights (not in x).

        h_0 = x,  h_l = layer_l(h_(l-1)),  score = h_L              forward, without a graph
        g_L = 1,  g_(l-1) = J_l(h_(l-1))^T g_l,  norm = |g_0|      backward, each step written out

    layers: a critic's `layers`, of nn.Conv2d, nn.Linear, nn.LeakyReLU, nn.ReLU, nn.Dropout, nn.Flatten, nn.Identity,
    without hooks.
    Returns (score, x (N, ...)) -> (N,), for `gradient_penalty(..., norms=norms_by_layer(D.layers))`; the score is not
    asked. Raises ValueError for any other layer, one that is derived from these included.
    """
    chain = list(unfolded(layers))
    for layer in chain:
        if not written_out(layer):
            raise ValueError(f"the way back through {layer} is not written out: take gan_lab.lipschitz.gradient_norms")

    def gradient_norms(score: Score, x: Tensor) -> Tensor:
        back: list[Pullback] = []
        with torch.no_grad():
            h = x
            for layer in chain:
                h, pullback = step(layer, h)
                back.append(pullback)
        g = torch.ones_like(h)
        for pullback in reversed(back):
            g = pullback(g)
        norms: Tensor = g.flatten(1).norm(dim=1)
        return norms

    return gradient_norms


def unfolded(layers: Iterable[nn.Module]) -> Iterator[nn.Module]:
    """The layers in their order, those inside an nn.Sequential one by one."""
    for layer in layers:
        if isinstance(layer, nn.Sequential):
            yield from unfolded(layer)
        else:
            yield layer


def step(layer: nn.Module, h: Tensor) -> tuple[Tensor, Pullback]:
    """layer(h), and g -> J^T g with the layer's Jacobian J at h."""
    match layer:
        case nn.Conv2d():
            return layer(h), partial(transposed, layer, h.shape[2:])
        case nn.Linear():
            return layer(h), lambda g: g @ layer.weight
        case nn.LeakyReLU() | nn.ReLU():
            piece = torch.where(h > 0, 1.0, getattr(layer, "negative_slope", 0.0))
            return h * piece, lambda g: g * piece
        case nn.Dropout():
            kept = layer(torch.ones_like(h))
            return h * kept, lambda g: g * kept
        case _:  # nn.Flatten, nn.Identity
            return layer(h), lambda g: g.view_as(h)


def written_out(layer: nn.Module) -> bool:
    """Whether `step` has the way back through it: its forward pass is PyTorch's or the course's, without hooks."""
    code: str = type(layer).forward.__module__
    known = isinstance(layer, WRITTEN_OUT) and code.startswith(("torch.nn.", "gan_lab.layers."))
    hooked = layer._forward_pre_hooks or layer._forward_hooks  # weight_norm has one, which sets the weight
    return known and not hooked and not (isinstance(layer, nn.Conv2d) and odd(layer))


def odd(conv: nn.Conv2d) -> bool:
    """Whether it upsamples first, or pads with something else than so many zeros."""
    return isinstance(conv, ResizeConv2d) or isinstance(conv.padding, str) or conv.padding_mode != "zeros"


def transposed(conv: nn.Conv2d, size: torch.Size, g: Tensor) -> Tensor:
    """The transpose of a convolution of maps of that size: (N, c_out, ...) -> (N, c_in, *size)."""
    stride, padding, dilation, kernel = conv.stride, conv.padding, conv.dilation, conv.kernel_size
    assert not isinstance(padding, str)
    cut = [(size[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) % stride[i] for i in (0, 1)]  # seen by no tap
    return conv_transpose2d(g, conv.weight, None, stride, padding, cut, conv.groups, dilation)
