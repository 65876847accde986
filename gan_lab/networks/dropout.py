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
        keep = random.view(torch.int16)[: x.numel()].view_as(x) < n - 32768
        return x * keep.to(x.dtype).mul_(65536 / n)
