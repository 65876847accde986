"""Batch norm of an image's few maps."""

from torch import Tensor, nn


class PlaneBatchNorm2d(nn.BatchNorm2d):
    """nn.BatchNorm2d, that has each map in one piece of memory.

    Convolutions here leave their channels last. On the CPU PyTorch's batch norm of maps that lie so is quick if there
    are many; of three it takes nine times as long, and rounds their averages a hundred times as coarsely.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.contiguous())
