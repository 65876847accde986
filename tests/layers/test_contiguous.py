"""The layers against PyTorch's."""

import pytest
import torch
from torch import nn

from gan_lab.layers.contiguous import ContiguousConv2d, ContiguousConvTranspose2d

PAIRS = [
    pytest.param(ContiguousConv2d, nn.Conv2d, {"padding": 2}, id="conv"),
    pytest.param(ContiguousConvTranspose2d, nn.ConvTranspose2d, {"stride": 2, "padding": 2}, id="conv_transpose"),
]


@pytest.mark.parametrize(("planes", "plain", "options"), PAIRS)
def test_values_and_gradients_are_pytorchs_in_planes(
    planes: type[nn.Module], plain: type[nn.Module], options: dict[str, int]
) -> None:
    torch.manual_seed(0)
    ours, theirs = planes(4, 3, 5, **options).double(), plain(4, 3, 5, **options).double()
    ours.to(memory_format=torch.channels_last).load_state_dict(theirs.state_dict())
    x = torch.randn(2, 4, 6, 7, dtype=torch.float64, requires_grad=True)
    given = torch.randn(theirs(x).shape, dtype=torch.float64)
    found = ours(x), *torch.autograd.grad(ours(x), [x, *ours.parameters()], given)
    expected = theirs(x), *torch.autograd.grad(theirs(x), [x, *theirs.parameters()], given)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)
    assert ours(x).is_contiguous()
