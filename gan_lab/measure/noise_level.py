"""How noisy images are, seen from the images alone."""

from math import pi, sqrt

import torch.nn.functional as F
from torch import Tensor


def noise_level(x: Tensor) -> float:
    """The standard deviation of the noise in images, in units of their pixels.

        sigma = sqrt(pi / 2) mean |x * M| / 6,   M =  1 -2  1
                                                     -2  4 -2
                                                      1 -2  1

    The mask M sees neither flat areas nor slopes, and turns noise of deviation 1 into noise of deviation 6; edges of
    drawn lines count a little, so compare with the level of real images. x: (N, C, H, W), at least 3 x 3 pixels.
    Raises ValueError for other shapes. Source: Immerkær 1996, "Fast noise variance estimation".
    """
    if x.dim() != 4 or min(x.shape[2:]) < 3:
        raise ValueError(f"noise is estimated in images (N, C, H, W) of at least 3 x 3 pixels, not {tuple(x.shape)}")
    M = x.new_tensor([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])[None, None]
    seen = F.conv2d(x.flatten(0, 1)[:, None], M)
    return sqrt(pi / 2) * seen.abs().mean().item() / 6
