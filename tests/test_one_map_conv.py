"""The layer against the convolution that it stands for."""

import pytest
import torch
from torch import nn

from gan_lab.networks.one_map_conv import OneMapConv2d


@pytest.mark.parametrize(
    ("c_in", "kernel", "height", "width"), [(1, 1, 2, 3), (4, 3, 1, 1), (3, 3, 6, 4), (2, 5, 7, 5)]
)
def test_values_and_gradients_are_those_of_the_convolution(c_in: int, kernel: int, height: int, width: int) -> None:
    torch.manual_seed(0)
    layer, plain = OneMapConv2d(c_in, kernel).double(), nn.Conv2d(c_in, 1, kernel, padding=kernel // 2).double()
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(2, c_in, height, width, dtype=torch.float64, requires_grad=True)
    given = torch.randn(2, 1, height, width, dtype=torch.float64)
    found = layer(x), *torch.autograd.grad(layer(x), [x, *layer.parameters()], given)
    expected = plain(x), *torch.autograd.grad(plain(x), [x, *plain.parameters()], given)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
