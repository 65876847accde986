"""The layer against the convolution that it stands for."""

import pytest
import torch
from torch import nn

from gan_lab.networks.strided_conv import StridedConv2d


def pair(c_in: int, c_out: int) -> tuple[StridedConv2d, nn.Conv2d]:
    torch.manual_seed(0)
    layer, plain = StridedConv2d(c_in, c_out).double(), nn.Conv2d(c_in, c_out, 5, stride=2, padding=2).double()
    plain.load_state_dict(layer.state_dict())
    return layer, plain


@pytest.mark.parametrize(
    ("c_in", "c_out", "height", "width"), [(1, 1, 2, 2), (1, 4, 6, 10), (3, 2, 8, 4), (2, 3, 5, 8)]
)
def test_values_and_gradients_are_those_of_the_convolution(c_in: int, c_out: int, height: int, width: int) -> None:
    layer, plain = pair(c_in, c_out)
    x = torch.randn(3, c_in, height, width, dtype=torch.float64, requires_grad=True)
    given = torch.randn(plain(x).shape, dtype=torch.float64)
    found = layer(x), *torch.autograd.grad(layer(x), [x, *layer.parameters()], given)
    expected = plain(x), *torch.autograd.grad(plain(x), [x, *plain.parameters()], given)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("frozen", ["the image", "the weights", "the bias"])
def test_what_is_frozen_gets_no_gradient_and_the_rest_gets_its_own(frozen: str) -> None:
    layer, plain = pair(2, 3)
    for conv in (layer, plain):
        conv.weight.requires_grad_(frozen != "the weights")
        conv.bias.requires_grad_(frozen == "the image")
    x = torch.randn(3, 2, 6, 4, dtype=torch.float64)
    ours, theirs = (x.clone().requires_grad_(frozen != "the image") for _ in range(2))
    layer(ours).square().sum().backward()
    plain(theirs).square().sum().backward()
    pairs = [(ours, theirs), (layer.weight, plain.weight), (layer.bias, plain.bias)]
    assert [a.grad is None for a, _ in pairs] == [b.grad is None for _, b in pairs]
    for a, b in pairs:
        if b.grad is not None:
            torch.testing.assert_close(a.grad, b.grad)


def test_second_derivatives_are_those_of_the_convolution() -> None:
    layer, plain = pair(2, 3)
    x = torch.randn(4, 2, 6, 6, dtype=torch.float64, requires_grad=True)

    def gradients_of_penalty(conv: nn.Module) -> tuple[torch.Tensor, ...]:
        (slope,) = torch.autograd.grad(conv(x).tanh().sum(), x, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), [x, *conv.parameters()])

    for ours, theirs in zip(gradients_of_penalty(layer), gradients_of_penalty(plain), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_in_mixed_precision_it_is_pytorchs() -> None:
    layer, plain = (conv.float() for conv in pair(1, 2))
    x = torch.randn(2, 1, 4, 4, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, expected = layer(x), plain(x)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, expected)
    (ours,), (theirs,) = (torch.autograd.grad(out.float().sum(), x) for out in (found, expected))
    assert torch.equal(ours, theirs)
