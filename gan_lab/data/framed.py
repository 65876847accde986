"""A drawing of one's own, put where MNIST has its digits."""

import torch
import torch.nn.functional as F
from torch import Tensor

BOX, FRAME = 20, 28  # pixels: the box that a digit fills, and the image around it


def framed(x: Tensor, size: int = 32) -> Tensor:
    """White strokes on black, wherever and however large they are, as a digit of the data.

    The strokes' bounding box is scaled so that its longer side is 20/28 of the image, and then shifted by whole pixels
    until its centre of mass is in the middle.
    x: one gray image (1, 1, H, W) in [-1, 1] -> (1, 1, size, size) in [-1, 1].
    Raises ValueError for another shape, or if the image is all black. Source: LeCun et al. 1998, section III.A.
    """
    if x.dim() != 4 or x.shape[:2] != (1, 1):
        raise ValueError(f"one gray image has shape (1, 1, H, W), not {tuple(x.shape)}")
    ink = (x + 1) / 2
    rows, columns = (((ink[0, 0] > 0.1).any(1 - side)).nonzero().flatten() for side in (0, 1))
    if not len(rows):
        raise ValueError("the image is all black: draw something, in white")
    cut = ink[:, :, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / FRAME * size / max(cut.shape[2:])
    H, W = (max(1, round(scale * side)) for side in cut.shape[2:])
    digit = F.interpolate(cut, (H, W), mode="bilinear", antialias=True)
    top, left = (place(digit[0, 0].sum(1 - side), size) for side in (0, 1))
    image = torch.zeros(1, 1, size, size)
    image[:, :, top : top + H, left : left + W] = digit
    return 2 * image.clamp(0, 1) - 1


def place(ink: Tensor, size: int) -> int:
    """The place of the first of these rows, or columns, if their centre of mass is in the middle; all stay inside."""
    index = torch.arange(len(ink), dtype=ink.dtype)
    centre = (ink * index).sum() / ink.sum()
    return int(((size - 1) / 2 - centre).round().clamp(0, size - len(ink)))
