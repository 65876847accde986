"""A convolution of stride 2 over an image, whose gradient at the image is found in half the time."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad, pixel_shuffle, pixel_unshuffle


class StridedConv2d(nn.Conv2d):
    """The same as nn.Conv2d(c_in, c_out, 5, stride=2, padding=2).

    Along one axis out_i = sum_t w_t x_(2i + t), t from -2 to 2. With t = 2 s + r and w_3 = 0, the gradient g of out
    reaches the even pixels (r = 0) and the odd ones (r = 1) each through three taps:

        grad x_(2j + r) = sum_s w_(2s + r) g_(j - s),  s in {-1, 0, 1}

    so it is a transposed convolution of stride 1 to 4 c_in maps, which are then laid out as pixels. PyTorch's is one of
    stride 2 to c_in maps, and convolutions are made for many.
    (N, c_in, H, W) -> (N, c_out, ceil(H / 2), ceil(W / 2)). On the CPU in single or double precision; elsewhere, and
    for images of odd sides, PyTorch's gradient is taken.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out, 5, stride=2, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        odd = x.shape[2] % 2 or x.shape[3] % 2
        if odd or not x.requires_grad or x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        out: Tensor = Strided.apply(x, self.weight, self.bias)
        return out


class Strided(torch.autograd.Function):
    """conv2d(x, w, bias, stride=2, padding=2) for 5 x 5 kernels, with the gradient of `StridedConv2d`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return conv2d(x, w, bias, stride=2, padding=2)

    @staticmethod
    def backward(ctx: Any, *g: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, w = ctx.saved_tensors
        at_x, *at_w = ctx.needs_input_grad
        grad_x = grad_w = grad_bias = None
        if at_x:
            kinds = pixel_unshuffle(pad(w, (0, 1, 0, 1)), 2)  # (c_out, 4 c_in, 3, 3)
            grad_x = pixel_shuffle(conv_transpose2d(g[0], kinds, padding=1), 2)
        if any(at_w):
            _, grad_w, grad_bias = torch.ops.aten.convolution_backward(
                g[0], x, w, [len(w)], [2, 2], [2, 2], [1, 1], False, [0, 0], 1, [False, *at_w]
            )
        return grad_x, grad_w, grad_bias
