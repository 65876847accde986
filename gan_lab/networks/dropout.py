"""Dropout that does not wait for its random numbers."""

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """nn.Dropout, whose coin tosses on the CPU come four at a time: a random 64-bit number holds four of 16 bits.

        keep_i ~ Bernoulli(q),  q = 1 - p to the nearest 1/65536
        out_i = keep_i x_i / q

    PyTorch draws one such number for each toss, which on some processors takes longer than the convolution beside it.
    (...) -> (...), in evaluation mode the identity.
    """

    def forward(self, x: Tensor) -> Tensor:
        n = round((1 - self.p) * 65536)
        tossed = self.training and 0 < n < 65536
        if not tossed or x.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(x)
        random = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        tosses = random.view(torch.int16)[: x.numel()].float()
        keep = (n - 32768 - tosses).clamp_(0, 1)  # 1 where the toss is below n - 32768: whole numbers, no comparison
        return x * laid_as(x, keep.mul_(65536 / n).to(x.dtype))


def laid_as(x: Tensor, values: Tensor) -> Tensor:
    """The values in the shape of x, and in the order in which x lies in memory, if it has its channels last."""
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        N, C, H, W = x.shape
        return values.view(N, H, W, C).permute(0, 3, 1, 2)
    return values.view(x.shape)
