"""A convolution of stride 2 over an image, as one of stride 1 over four times as many maps of half the size."""

from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, pixel_unshuffle


class StridedConv2d(nn.Conv2d):
    """The same as nn.Conv2d(c_in, c_out, k, stride=2, padding=k // 2), k = 3 or 5.

    Along one axis, out_i = sum_t w_t x_(2i + t), where w_t = 0 beyond the kernel. With t = 2 s + r, r in {0, 1}, the
    even and the odd pixels are maps of their own, under kernels of three taps:

        out_i = sum_r sum_s w_(2s + r) x^r_(i + s),  x^r_j = x_(2j + r),  s in {-1, 0, 1}

    Over both axes that is 36 taps, not 9 or 25, but PyTorch's convolutions are made for many maps: on the CPU the
    gradient towards an image of one or three maps takes half as long. Where that is not asked for, or a side of the
    image is odd, the plain convolution is taken.
    (N, c_in, H, W) -> (N, c_out, ceil(H / 2), ceil(W / 2)). The weight is that of the convolution, (c_out, c_in, k, k).
    Raises ValueError for another k.
    """

    def __init__(self, c_in: int, c_out: int, kernel: int) -> None:
        if kernel not in (3, 5):
            raise ValueError(f"the kernel has 3 or 5 taps a side, not {kernel}: take nn.Conv2d")
        super().__init__(c_in, c_out, kernel, stride=2, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not x.requires_grad or x.shape[2] % 2 or x.shape[3] % 2:
            return super().forward(x)
        before, after = 2 - self.kernel_size[0] // 2, 3 - self.kernel_size[0] // 2  # t goes from -2 to 3
        six = pad(self.weight, (before, after, before, after))
        return conv2d(pixel_unshuffle(x, 2), pixel_unshuffle(six, 2), self.bias, padding=1)
