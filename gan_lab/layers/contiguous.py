"""Convolutions to an image's few maps, each of which comes out in one piece of memory.

Elsewhere maps have their channels last. Of three such maps PyTorch's batch norm on the CPU takes nine times as long,
and rounds the averages a hundred times as coarsely.
"""

from torch import Tensor, nn


class ContiguousConv2d(nn.Conv2d):
    """nn.Conv2d, whose maps are contiguous: (N, c_in, H, W) -> (N, c_out, ...)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).contiguous()


class ContiguousConvTranspose2d(nn.ConvTranspose2d):
    """nn.ConvTranspose2d, whose maps are contiguous: (N, c_in, H, W) -> (N, c_out, ...)."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        return super().forward(x, output_size).contiguous()
