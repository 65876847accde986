"""The layer against the convolution that it stands for."""

import pytest
import torch
from torch import nn

from gan_lab.networks.keras_defaults import conv
from gan_lab.networks.strided_conv import StridedConv2d


def pair(c_in: int, c_out: int, kernel: int) -> tuple[StridedConv2d, nn.Conv2d]:
    torch.manual_seed(0)
    layer = StridedConv2d(c_in, c_out, kernel).double()
    plain = nn.Conv2d(c_in, c_out, kernel, stride=2, padding=kernel // 2).double()
    plain.load_state_dict(layer.state_dict())
    return layer, plain


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("asks_for_the_image", [True, False])
@pytest.mark.parametrize(
    ("c_in", "c_out", "height", "width"), [(1, 1, 2, 2), (1, 4, 6, 10), (3, 2, 8, 4), (2, 3, 5, 8)]
)
def test_values_and_gradients_are_those_of_the_convolution(
    c_in: int, c_out: int, height: int, width: int, asks_for_the_image: bool, kernel: int
) -> None:
    layer, plain = pair(c_in, c_out, kernel)
    x = torch.randn(3, c_in, height, width, dtype=torch.float64, requires_grad=asks_for_the_image)
    wanted = [x] if asks_for_the_image else []
    given = torch.randn(plain(x).shape, dtype=torch.float64)
    found = layer(x), *torch.autograd.grad(layer(x), [*wanted, *layer.parameters()], given)
    expected = plain(x), *torch.autograd.grad(plain(x), [*wanted, *plain.parameters()], given)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("kernel", [3, 5])
def test_a_gradient_penalty_on_it_has_the_gradient_of_the_convolutions(kernel: int) -> None:
    layer, plain = pair(2, 3, kernel)
    x = torch.randn(4, 2, 6, 6, dtype=torch.float64, requires_grad=True)

    def gradient_of_penalty(conv: nn.Module) -> torch.Tensor:
        (slope,) = torch.autograd.grad(conv(x).tanh().sum(), x, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), conv.weight)[0]

    torch.testing.assert_close(gradient_of_penalty(layer), gradient_of_penalty(plain))


@pytest.mark.parametrize("kernel", [1, 4, 7])
def test_another_kernel_is_refused_with_the_way_out(kernel: int) -> None:
    with pytest.raises(ValueError, match=rf"3 or 5 taps a side, not {kernel}: take nn\.Conv2d"):
        StridedConv2d(1, 1, kernel)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_a_convolution_of_any_odd_kernel_is_the_plain_one(kernel: int) -> None:
    layer, x = conv(2, 3, kernel, stride=2), torch.randn(2, 2, 8, 8, requires_grad=True)
    plain = nn.functional.conv2d(x, layer.weight, layer.bias, stride=2, padding=kernel // 2)
    torch.testing.assert_close(layer(x), plain, rtol=1e-4, atol=1e-5)
