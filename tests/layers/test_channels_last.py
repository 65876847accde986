"""Flatten and Unflatten against PyTorch's, which know no layout."""

import torch
from torch import nn

from gan_lab.layers.channels_last import Flatten, Unflatten, channels_last

LAST = {"memory_format": torch.channels_last}


def test_unflatten_is_pytorchs_with_the_channels_last() -> None:
    x = torch.randn(2, 60, requires_grad=True)
    maps = Unflatten(1, (3, 4, 5))(x)
    assert torch.equal(maps, nn.Unflatten(1, (3, 4, 5))(x))
    assert maps.is_contiguous(**LAST)
    given = torch.randn(2, 3, 4, 5)
    assert torch.equal(torch.autograd.grad(maps, x, given)[0], given.flatten(1))


def test_flatten_is_pytorchs_and_the_gradient_before_it_has_the_channels_last() -> None:
    x = channels_last(torch.randn(2, 3, 4, 5)).requires_grad_()
    out = Flatten()(2 * x)
    assert torch.equal(out, (2 * x).flatten(1))
    given = torch.randn(2, 60)
    (gradient,) = torch.autograd.grad(out, x, given)
    assert torch.equal(gradient, 2 * given.view(2, 3, 4, 5))
    assert gradient.is_contiguous(**LAST)


def test_flatten_can_be_differentiated_twice() -> None:
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: Flatten()(x * x), [x])
