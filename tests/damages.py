"""Images damaged in many ways, each from weak to strong, for tests of what a measure makes of them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lab.data.images import ImageSet


def blurred(x: Tensor, sigma: float) -> Tensor:
    reach = int(3 * sigma + 1)
    kernel = torch.exp(-(torch.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    x = F.pad(x, (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(x, kernel), kernel.transpose(2, 3))


def with_square(x: Tensor, side: int, value: float, g: torch.Generator) -> Tensor:
    x = x.clone()
    for image in x:
        top, left = torch.randint(3, 30 - side, (2,), generator=g).tolist()
        image[:, top : top + side, left : left + side] = value
    return x


def shuffled_patches(x: Tensor, side: int, g: torch.Generator) -> Tensor:
    """Another order of the squares for each image."""
    squares = F.unfold(x, side, stride=side)
    order = torch.rand(len(x), 1, squares.shape[2], generator=g).argsort(2).expand_as(squares)
    return F.fold(squares.gather(2, order), (32, 32), side, stride=side)


def damages(images: ImageSet) -> dict[str, list[Tensor]]:
    """The images (N, 1, 32, 32), damaged: for each kind a list from weak to strong."""
    g = torch.Generator().manual_seed(0)
    x, y = images.batch(slice(None))
    N = len(x)
    other = x[torch.randperm(N, generator=g)]

    def drawn(of: Tensor) -> Tensor:
        return of[torch.randint(len(of), (N,), generator=g)]

    def noise() -> Tensor:
        return torch.randn(x.shape, generator=g)

    return {
        "blur": [blurred(x, sigma) for sigma in (0.7, 1.2, 2.0, 4.0)],
        "noise": [(x + sigma * noise()).clamp(-1, 1) for sigma in (0.1, 0.3, 0.6, 1.2)],
        "pale ink": [(x + 1) * ink - 1 for ink in (0.8, 0.5, 0.25)],
        "low contrast": [x * contrast for contrast in (0.8, 0.5, 0.0)],
        "bright": [(x + light).clamp(-1, 1) for light in (0.2, 0.5, 1.0)],
        "white square": [with_square(x, side, 1.0, g) for side in (4, 8, 14)],
        "black square": [with_square(x, side, -1.0, g) for side in (6, 10, 16)],
        "one over another": [(1 - t) * x + t * other for t in (0.2, 0.5)],
        "moved": [x.roll(by, 3) for by in (3, 6, 12)],
        "mirrored": [x.flip(3)],
        "upside down": [x.flip(2)],
        "negative": [-x],
        "squares in another order": [shuffled_patches(x, side, g) for side in (16, 8)],
        "classes missing": [drawn(x[y < k]) for k in (4, 3, 2, 1)],
        "few drawings": [drawn(drawn(x)[:k]) for k in (100, 20, 5, 1)],
        "uniform noise": [2 * torch.rand(x.shape, generator=g) - 1],
    }
