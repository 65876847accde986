"""A video of moving digits: images whose neighbours are near-twins, for the tests of what such images do."""

import torch
from torch import Tensor
from torch.nn import functional as F

from gan_lab.data.images import ImageSet, load_images


def moving_digits(frames: int = 201, *, digits: int = 5, size: int = 32, seed: int = 0) -> ImageSet:
    """A film of `frames` frames of each class of the bundled digits, one class after another, in [-1, 1].

    A film shows `digits` digits of its class, each for as many frames in a row. They move, turn and grow a little from
    frame to frame, on one smooth path through the whole film: at most 2.4 of 32 pixels, 17 degrees and a tenth away
    from the middle. With five digits the last fifth of a film is one digit that is nowhere else.
    """
    images = load_images(size=size)
    generator = torch.Generator().manual_seed(seed)
    films = []
    for label in range(len(images.classes)):
        of_class = (images.labels == label).nonzero().flatten()
        shown = of_class[torch.randperm(len(of_class), generator=generator)[:digits]]
        each = images.pixels[shown[torch.arange(frames) * digits // frames]].float()  # (frames, 1, size, size)
        turn, grow, right, down = _paths(4, frames, generator)
        along, across = (1 + 0.05 * grow) * (0.15 * turn).cos(), (1 + 0.05 * grow) * (0.15 * turn).sin()
        rows = [[along, -across, 0.075 * right], [across, along, 0.075 * down]]
        theta = torch.stack([torch.stack(row, -1) for row in rows], 1)  # (frames, 2, 3)
        grid = F.affine_grid(theta, [frames, 1, size, size], align_corners=False)
        films.append(F.grid_sample(each, grid, align_corners=False).round().byte())
    pixels, labels = torch.cat(films), torch.arange(len(films)).repeat_interleave(frames)
    return ImageSet(pixels, labels, images.classes, "moving digits")


def _paths(n: int, frames: int, generator: torch.Generator) -> Tensor:
    """n smooth paths, each between -2 and 2, (n, frames): two waves each, of 40 to 200 frames."""
    period = 40 + 160 * torch.rand(n, 2, 1, generator=generator)
    start = torch.rand(n, 2, 1, generator=generator)
    return torch.sin(2 * torch.pi * (torch.arange(frames) / period + start)).sum(1)
