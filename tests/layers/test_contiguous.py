"""The layers against PyTorch's."""

import pytest
import torch
from torch import nn

from gan_lab.layers.contiguous import (
    ContiguousConv2d,
    ContiguousConvTranspose2d,
    FewMapsConvTranspose2d,
    OneMapConv2d,
)

UP = {"stride": 2, "padding": 2}
PAIRS = [
    pytest.param(ContiguousConv2d(4, 3, 5, padding=2), nn.Conv2d(4, 3, 5, padding=2), id="conv"),
    pytest.param(ContiguousConvTranspose2d(4, 3, 5, **UP), nn.ConvTranspose2d(4, 3, 5, **UP), id="conv_transpose"),
    pytest.param(OneMapConv2d(4, 3), nn.Conv2d(4, 1, 3, padding=1), id="one map, k3"),
    pytest.param(OneMapConv2d(4, 5), nn.Conv2d(4, 1, 5, padding=2), id="one map, k5"),
    pytest.param(FewMapsConvTranspose2d(4, 1, 4, 2, 1), nn.ConvTranspose2d(4, 1, 4, 2, 1), id="few maps, one"),
    pytest.param(FewMapsConvTranspose2d(4, 3, 5, 3, 0), nn.ConvTranspose2d(4, 3, 5, 3, 0), id="few maps, three"),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_values_and_gradients_are_pytorchs_and_the_maps_contiguous(ours: nn.Module, theirs: nn.Module) -> None:
    torch.manual_seed(0)
    ours.double().to(memory_format=torch.channels_last).load_state_dict(theirs.double().state_dict())
    x = torch.randn(2, 4, 6, 7, dtype=torch.float64, requires_grad=True)
    given = torch.randn(theirs(x).shape, dtype=torch.float64)
    found = ours(x), *torch.autograd.grad(ours(x), [x, *ours.parameters()], given)
    expected = theirs(x), *torch.autograd.grad(theirs(x), [x, *theirs.parameters()], given)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)
    assert ours(x).is_contiguous()
