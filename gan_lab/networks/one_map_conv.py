"""A convolution to one map, which is a small matrix product and a sum of shifted pictures."""

from torch import Tensor, nn
from torch.nn.functional import fold


class OneMapConv2d(nn.Conv2d):
    """The same as nn.Conv2d(c_in, 1, k, padding=k // 2), k odd.

        out_i = b + sum_j w_j . x_(i + j),  j over the k x k offsets

    On the CPU the products p_j = w_j . x come first, all k^2 of them at once in a matrix product, and then the sum of
    the pictures p_j, each shifted by its j. PyTorch's convolutions are made for many maps: with one they wait.
    (N, c_in, H, W) -> (N, 1, H, W).
    """

    def __init__(self, c_in: int, kernel: int) -> None:
        super().__init__(c_in, 1, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":
            return super().forward(x)
        (k, _), (_, _, height, width) = self.kernel_size, x.shape
        w = self.weight.flip(2, 3).flatten(2)[0]  # (c_in, k * k); fold shifts by -j
        products = (x.movedim(1, 3) @ w).flatten(1, 2)  # (N, H * W, k * k)
        out: Tensor = fold(products.transpose(1, 2), (height, width), k, padding=k // 2)
        return out if self.bias is None else out + self.bias
