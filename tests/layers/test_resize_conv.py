"""The layer against the two that it stands for."""

import pytest
import torch
from torch import nn

from gan_lab.layers.resize_conv import ResizeConv2d


@pytest.mark.parametrize(("c_in", "c_out", "height", "width"), [(1, 1, 1, 1), (3, 2, 4, 4), (2, 5, 7, 3)])
def test_values_and_gradients_are_those_of_upsampling_and_convolution(
    c_in: int, c_out: int, height: int, width: int
) -> None:
    torch.manual_seed(0)
    layer = ResizeConv2d(c_in, c_out).double()
    plain = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(c_in, c_out, 3, padding=1)).double()
    plain[1].load_state_dict(layer.state_dict())
    x = torch.randn(2, c_in, height, width, dtype=torch.float64, requires_grad=True)
    given = torch.randn(2, c_out, 2 * height, 2 * width, dtype=torch.float64)
    found = layer(x), *torch.autograd.grad(layer(x), [x, *layer.parameters()], given)
    expected = plain(x), *torch.autograd.grad(plain(x), [x, *plain.parameters()], given)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_its_state_is_that_of_the_convolution() -> None:
    state = ResizeConv2d(3, 2).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == {"weight": (2, 3, 3, 3), "bias": (2,)}
