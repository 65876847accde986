"""Dropout that does not wait for its random numbers."""

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """nn.Dropout, whose coin tosses on the CPU come several at a time: a random 64-bit number holds eight of 8 bits.

        keep_i ~ Bernoulli(q),  q = 1 - p
        out_i = keep_i x_i / q

    Where q is no multiple of 1/256, they are four of 16 bits, and q is 1 - p to the nearest 1/65536. PyTorch draws one
    such number for each toss, which on some processors takes longer than the convolution beside it.
    (...) -> (...), in evaluation mode the identity.
    """

    def forward(self, x: Tensor) -> Tensor:
        q = round((1 - self.p) * 65536) / 65536
        tossed = self.training and 0 < q < 1
        if not tossed or x.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(x)
        kind = torch.int8 if (256 * q).is_integer() else torch.int16
        sides = 256**kind.itemsize  # a toss shows one of -sides / 2, ..., sides / 2 - 1
        random = torch.empty(-(-x.numel() * kind.itemsize // 8), dtype=torch.int64).random_(-(2**63), None)
        tosses = random.view(kind)[: x.numel()].float()
        keep = (sides * (q - 0.5) - tosses).clamp_(0, 1)  # 1 where a toss is below that: whole numbers, no comparison
        return x * laid_as(x, keep.mul_(1 / q).to(x.dtype))


def laid_as(x: Tensor, values: Tensor) -> Tensor:
    """The values in the shape of x, and in the order in which x lies in memory, if it has its channels last."""
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        N, C, H, W = x.shape
        return values.view(N, H, W, C).permute(0, 3, 1, 2)
    return values.view(x.shape)
