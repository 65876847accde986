"""Moves of images, for the augmentation of a discriminator: each image by a draw of its own.

    x' = g(x),  one g drawn for each image

All of them are differentiable, also twice, and so drawn that they do not leak at any p < 1. What that means, and
equation (1), which the docstrings speak of, stand in augmentation.py. A move of your own is a function x -> x'.

Sources: Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training"; Karras et al. 2020, "Training
generative adversarial networks with limited data", section 2.2 and appendices B and C.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

Move = Callable[[Tensor], Tensor]  # images (N, C, H, W) -> as many of the same shape, each moved by a draw of its own
Made = TypeVar("Made", bound=Callable[..., Tensor])


def safe_below_1(move: Made) -> Made:
    """Marks a move that is so drawn that E_g[ g . ] has eigenvalues with real parts >= 0: it leaks at no p < 1.

    Every average over a group, each of its elements as likely, is such a move, `spectrum` tells of others.
    """
    move.safe_below_1 = True  # type: ignore[attr-defined]
    return move


@safe_below_1
def translate(x: Tensor, share: float = 0.125, low: float = -1.0) -> Tensor:
    """Each image, shifted by whole pixels; what comes in is black.

        x'[r, c] = x[r - dy, c - dx],  dy = a - b with a, b ~ U{0, ..., share H}, and so dx with W

    A difference of two equal draws has the characteristic function |phi|^2 >= 0: the eigenvalues of (1) are at least
    1 - p. (A uniform shift has negative ones: by one pixel it leaks at p = 3/4.) This holds while nothing of an image
    leaves the frame, as in digits with their margin. x: (N, C, H, W) -> the same shape. low: black.
    Source: Zhao et al. 2020, section 3.3, whose shift is uniform; appendix C of Karras et al. 2020.
    """
    N, C, H, W = x.shape
    dy, dx = (difference(N, int(share * side), x.device) for side in (H, W))  # (N, 1, 1)
    row = torch.arange(H, device=x.device)[:, None] - dy  # (N, H, 1)
    column = torch.arange(W, device=x.device) - dx  # (N, 1, W)
    inside = (row >= 0) & (row < H) & (column >= 0) & (column < W)  # (N, H, W)
    source = row.clamp(0, H - 1) * W + column.clamp(0, W - 1)
    moved = x.flatten(2).gather(2, source.flatten(1)[:, None].expand(N, C, H * W)).view(x.shape)
    return torch.where(inside[:, None], moved, low)


@safe_below_1
def cutout(x: Tensor, share: float = 0.5, low: float = -1.0) -> Tensor:
    """Each image with a black rectangle, h = share H high and w = share W wide, in whole pixels, round one drawn at
    random.

        x'[r, c] = low if -h/2 <= r - r_0 < h/2 and -w/2 <= c - c_0 < w/2, else x[r, c]

    To cut out two rectangles is to cut out both, in any order, and twice is once: so all these g commute and have the
    eigenvalues 0 and 1, and those of (1) are 1 - p + p P(a certain set of pixels is spared) >= 1 - p.
    x: (N, C, H, W) -> the same shape. Source: DeVries & Taylor 2017; Zhao et al. 2020, section 3.3.
    """
    N, _, H, W = x.shape
    h, w = max(1, round(share * H)), max(1, round(share * W))
    r_0, c_0 = (torch.randint(side, (N, 1, 1), device=x.device) for side in (H, W))
    r, c = torch.arange(H, device=x.device)[:, None] - r_0, torch.arange(W, device=x.device) - c_0
    row, column = (-h <= 2 * r) & (2 * r < h), (-w <= 2 * c) & (2 * c < w)  # (N, H, 1), (N, 1, W)
    return torch.where((row & column)[:, None], low, x)


@safe_below_1
def brightness(x: Tensor, strength: float = 0.25, low: float = -1.0) -> Tensor:
    """Each image, darker, and so inside the value range.

        x' = low + c (x - low),  c = u^strength,  u ~ U(0, 1)

    -log c is exponential, with the characteristic function 1 / (1 - i strength t), whose real part is above 0: so that
    of the eigenvalues of (1) is above 1 - p. E[c] = 1 / (1 + strength).
    x: (N, C, H, W) -> the same shape. low: black.
    """
    return low + fading(x, strength) * (x - low)


@safe_below_1
def contrast(x: Tensor, strength: float = 0.25) -> Tensor:
    """Each image, paler, and so inside the value range.

        x' = m + c (x - m),  c = u^strength,  u ~ U(0, 1),  m the mean of x

    m stays what it was, so the c of two such moves are multiplied, and the eigenvalues are those of `brightness`.
    x: (N, C, H, W) -> the same shape.
    """
    m = x.mean((1, 2, 3), keepdim=True)
    return m + fading(x, strength) * (x - m)


@safe_below_1
def affine(x: Tensor, degrees: float = 10.0, scale: float = 0.1, shear: float = 0.1, low: float = -1.0) -> Tensor:
    """Each image, a little turned, scaled and slanted about its middle; what comes in is black.

        x'(u) = x(A u),  A = s [ cos a  -sin a ] [ 1  k ]      a = degrees t_1,  log s = log(1 + scale) t_2,
                               [ sin a   cos a ] [ 0  1 ]      k = shear t_3

    t = U(0, 1) - U(0, 1), so that |t| < 1 and E_g[ g . ] has no negative eigenvalue, see `translate`: not for turning
    and scaling, which commute, nor for slanting, nor for one after the other, as the product of two such operators has
    none. This holds up to what is lost between the pixels and beyond the frame. u: a place in [-1, 1]^2; between pixels
    x is bilinear. x: (N, C, H, W), square -> the same shape. low: black.
    Source: Karras et al. 2020, appendix B, in which the angle is uniform.
    """
    N, _, H, W = x.shape
    t_1, t_2, t_3 = torch.rand(3, N, device=x.device) - torch.rand(3, N, device=x.device)
    a, s, k = math.radians(degrees) * t_1, (1 + scale) ** t_2, shear * t_3
    cos, sin = s * a.cos(), s * a.sin()
    A = torch.stack([cos, k * cos - sin, sin, k * sin + cos], 1).view(N, 2, 2, 1, 1).to(x.dtype)
    u_1, u_2 = ((2 * torch.arange(side, device=x.device, dtype=x.dtype) + 1) / side - 1 for side in (W, H))
    # A u, by hand: F.affine_grid takes longer than all the rest.
    grid = (A[:, :, 0] * u_1 + A[:, :, 1] * u_2[:, None]).permute(0, 2, 3, 1)  # (N, H, W, 2)
    moved: Tensor = Resampled.apply(x - low, grid)
    return moved + low


# What the moves are made of


def difference(n: int, most: int, device: torch.device) -> Tensor:
    """a - b for a, b ~ U{0, ..., most}: (n, 1, 1)."""
    a, b = torch.randint(most + 1, (2, n, 1, 1), device=device).unbind()
    return a - b


def fading(x: Tensor, strength: float) -> Tensor:
    """c = u^strength, one u ~ U(0, 1) for each image of x: (N, 1, 1, 1)."""
    c: Tensor = torch.rand(len(x), 1, 1, 1, device=x.device, dtype=x.dtype) ** strength
    return c


class Resampled(torch.autograd.Function):
    """F.grid_sample(x, grid), a linear map of x. Its derivative is its transpose, whose derivative it is in turn: so a
    gradient penalty can differentiate twice, where PyTorch's own, as of 2.6, cannot. The grid gets no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(x, grid)
        moved: Tensor = F.grid_sample(x, grid, align_corners=False)
        return moved

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        return Transposed.apply(g, *ctx.saved_tensors), None


class Transposed(torch.autograd.Function):
    """g -> J^T g with the Jacobian J of F.grid_sample in x."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        bilinear, zeros, corners = 0, 0, False
        back: Tensor = torch.ops.aten.grid_sampler_2d_backward(g, x, grid, bilinear, zeros, corners, [True, False])[0]
        return back

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        return Resampled.apply(g, *ctx.saved_tensors), None, None
