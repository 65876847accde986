"""A convolution of stride 2 over an image, as one of stride 1 over four times as many maps of half the size."""

from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, pixel_unshuffle


class StridedConv2d(nn.Conv2d):
    """The same as nn.Conv2d(c_in, c_out, 5, stride=2, padding=2), for images of even height and width.

    Along one axis, out_i = sum_t w_t x_(2i + t - 2). With a sixth tap w_5 = 0 and t = 2 s + r, r in {0, 1}:

        out_i = sum_r sum_s w_(2s + r) x^r_(i + s - 1),  x^r_j = x_(2j + r)

    so the even and the odd pixels are maps of their own, under kernels of 3 taps. Over both axes that is 36 taps, not
    25, but PyTorch's convolutions are made for many maps: on the CPU the gradient towards an image of one or three maps
    takes half as long. Where it is not asked for, the plain convolution is quicker.
    (N, c_in, H, W) -> (N, c_out, H / 2, W / 2). The weight is that of the 5 x 5 convolution, (c_out, c_in, 5, 5).
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out, 5, stride=2, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not x.requires_grad or x.shape[2] % 2 or x.shape[3] % 2:
            return super().forward(x)
        taps = pixel_unshuffle(pad(self.weight, (0, 1, 0, 1)), 2)  # (c_out, 4 c_in, 3, 3)
        return conv2d(pixel_unshuffle(x, 2), taps, self.bias, padding=1)
