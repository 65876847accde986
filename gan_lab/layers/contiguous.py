"""Convolutions to an image's few maps, each of which comes out in one piece of memory.

Elsewhere maps have their channels last. Of three such maps PyTorch's batch norm on the CPU takes nine times as long,
and rounds the averages a hundred times as coarsely.
"""

from torch import Tensor, nn
from torch.nn.functional import fold


class ContiguousConv2d(nn.Conv2d):
    """nn.Conv2d, whose maps are contiguous: (N, c_in, H, W) -> (N, c_out, ...)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).contiguous()


class ContiguousConvTranspose2d(nn.ConvTranspose2d):
    """nn.ConvTranspose2d, whose maps are contiguous: (N, c_in, H, W) -> (N, c_out, ...)."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        return super().forward(x, output_size).contiguous()


class OneMapConv2d(nn.Conv2d):
    """nn.Conv2d(c_in, 1, k, padding=k // 2), k odd: (N, c_in, H, W) -> (N, 1, H, W).

        out_i = b + sum_j w_j . x_(i + j),  j over the k x k offsets

    On the CPU the products w_j . x come first, all k^2 of them in one matrix product, and then the sum of these
    pictures, each shifted by its j. PyTorch's convolutions compute 16 maps at once, of which 15 would be thrown away.
    """

    bias: nn.Parameter

    def __init__(self, c_in: int, kernel: int) -> None:
        super().__init__(c_in, 1, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":
            return super().forward(x)
        k, w = self.kernel_size[0], self.weight.flip(2, 3).flatten(2)[0]  # (c_in, k * k); fold shifts by -j
        products = (x.movedim(1, 3) @ w).flatten(1, 2)  # (N, H * W, k * k)
        return fold(products.transpose(1, 2), x.shape[2:], k, padding=k // 2) + self.bias


class FewMapsConvTranspose2d(nn.ConvTranspose2d):
    """nn.ConvTranspose2d to few maps: (N, c_in, H, W) -> (N, c_out, s (H - 1) + k - 2 p, s (W - 1) + k - 2 p).

    kernel k, stride s, padding p. On the CPU the values that each pixel gives to its k x k neighbours come first, in
    one matrix product, and then their sum in place. PyTorch's own compute 16 maps at once, as for `OneMapConv2d`.
    """

    bias: nn.Parameter
    padding: tuple[int, ...]  # here never a word

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__(c_in, c_out, kernel, stride, padding)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if x.device.type != "cpu":
            return super().forward(x, output_size).contiguous()
        (H, W), k, s, p = x.shape[2:], self.kernel_size[0], self.stride[0], self.padding[0]
        given = x.movedim(1, 3).flatten(1, 2) @ self.weight.flatten(1)  # (N, H * W, c_out * k * k)
        size = s * (H - 1) + k - 2 * p, s * (W - 1) + k - 2 * p
        return fold(given.transpose(1, 2), size, k, padding=p, stride=s) + self.bias[:, None, None]
