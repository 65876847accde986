"""From vectors to maps and back: the maps have their channels last in memory, as the convolutions beside them do.

Where two layouts meet, PyTorch's elementwise layers go through both value by value, which takes several times as long.
"""

import torch
from torch import Tensor, nn


def channels_last(maps: Tensor) -> Tensor:
    """The same maps (N, C, H, W), in memory pixel by pixel."""
    return maps.contiguous(memory_format=torch.channels_last)


class Unflatten(nn.Unflatten):
    """nn.Unflatten to maps, (N, C * H * W) -> (N, C, H, W), with their channels last."""

    def forward(self, x: Tensor) -> Tensor:
        return channels_last(super().forward(x))


class Flatten(nn.Flatten):
    """nn.Flatten of maps, (N, C, H, W) -> (N, C * H * W), whose gradient comes back with its channels last."""

    def forward(self, maps: Tensor) -> Tensor:
        if maps.requires_grad:
            maps.register_hook(channels_last)  # type: ignore[no-untyped-call]
        return super().forward(maps)
