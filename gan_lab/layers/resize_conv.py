"""Nearest upsampling and a 3 x 3 convolution, in one layer and with less than half of the arithmetic."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d

from gan_lab.layers.channels_last import channels_last


class ResizeConv2d(nn.Conv2d):
    """The same as nn.Upsample(scale_factor=2) and then nn.Conv2d(c_in, c_out, 3, padding=1).

    Along one axis, upsampling makes two of each pixel x_i, and the kernel (w_0, w_1, w_2) meets some of them twice:

        out_2i     = w_0 x_(i-1) + (w_1 + w_2) x_i
        out_(2i+1) =               (w_0 + w_1) x_i + w_2 x_(i+1)

    Seen from x_i, it sends (w_2, w_1 + w_2, w_0 + w_1, w_0) = A w to out_(2i-1), ..., out_(2i+2): a transposed
    convolution of stride 2, whose 4 taps are A w along one axis and A w A^T over both. Each pixel is multiplied 4 x 4
    times, not 4 x 9 times.

    (N, c_in, H, W) -> (N, c_out, 2 H, 2 W). The weight is that of the 3 x 3 convolution, (c_out, c_in, 3, 3).
    Source of the layer: Odena, Dumoulin & Olah 2016, "Deconvolution and checkerboard artifacts".
    """

    bias: nn.Parameter

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        one = torch.eye(4, 3, dtype=self.weight.dtype, device=self.weight.device)
        A = (one + one.roll(1, 0)).flip(0)  # ((0, 0, 1), (0, 1, 1), (1, 1, 0), (1, 0, 0))
        taps = torch.einsum("ai,bj,ocij->coab", A, A, self.weight)  # (c_in, c_out, 4, 4)
        out = conv_transpose2d(
            x, channels_last(taps), stride=2, padding=1
        )  # of other taps it would be copied once more
        return out.add_(self.bias.view(-1, 1, 1))  # inside the convolution the bias's gradient takes ten times as long
