"""The layer against PyTorch's, and against its own promise."""

import torch
from torch import nn

from gan_lab.networks.batch_norm import PlaneBatchNorm2d


def test_it_is_batch_norm_wherever_the_channels_lie() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 3, 64, 64) + 3
    plain = nn.BatchNorm2d(3)
    for layout in (torch.contiguous_format, torch.channels_last):
        layer = PlaneBatchNorm2d(3)
        assert torch.equal(layer(x.contiguous(memory_format=layout)), plain(x))
        mean = x.double().mean((0, 2, 3)).float()  # channels last, PyTorch's own is 5e-6 off
        torch.testing.assert_close(layer.running_mean, 0.1 * mean, rtol=5e-7, atol=0)


def test_its_result_has_each_map_in_one_piece() -> None:
    x = torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    assert PlaneBatchNorm2d(3)(x).is_contiguous()
