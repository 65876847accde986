"""Noise between the images and the discriminator: on both kinds of image or, as in report B, on the real ones only.

A set of images is thin: what lies between two of its images is hardly ever an image itself. Noise gives it thickness,
so that the distributions of real and of generated images overlap and D cannot be certain.
"""

from dataclasses import dataclass
from hashlib import sha256

import torch
from torch import Tensor, nn

from gan_lab.data.images import ImageSet
from gan_lab.losses import Verdict
from gan_lab.players import asked


class Noisy(nn.Module):
    """Instance noise: a discriminator that sees every image, real or fake, through noise of its own.

        D'(x) = D(x + sigma e),  e ~ N(0, I), fresh for every image

    In evaluation mode D' = D. Change `sigma` between epochs to anneal it. The gradient that reaches G passes through
    the same noise. D: (x, y) -> scores (N,) or a `Verdict`. Raises ValueError if sigma < 0.
    Source: Sønderby et al. 2017, section 3.2; Arjovsky & Bottou 2017, section 3.
    """

    def __init__(self, D: nn.Module, sigma: float) -> None:
        super().__init__()
        if sigma < 0:
            raise ValueError(f"sigma is a standard deviation: at least 0, not {sigma}")
        self.D = D
        self.sigma = sigma

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor | Verdict:
        """What D says of the images x, seen through the noise."""
        if self.training and self.sigma:
            x = x + self.sigma * torch.randn_like(x)
        verdict: Tensor | Verdict = asked(self.D, x, y)
        return verdict


@dataclass(frozen=True)
class NoisyImages:
    """Noise on the real images only: what `play` takes in place of `images`, and report B's way.

        x' = x + sigma e,  e ~ N(0, I) for every image,  sigma ~ U(least, most) for every batch

    Then the distribution that G is to match is that of noisy images: noise in its drawings is no mistake but the task.
    Raises ValueError unless 0 <= least <= most.
    """

    images: ImageSet
    least: float
    most: float

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise ValueError(f"sigma is drawn between two numbers >= 0 in order, not {self.least} and {self.most}")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def name(self) -> str:
        """Whose images they are."""
        return f"{self.images.name} with noise"

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of their classes."""
        return self.images.classes

    @property
    def value_range(self) -> tuple[float, float]:
        """What black and white are without the noise."""
        return self.images.value_range

    @property
    def fingerprint(self) -> str:
        """That of the images, and how much noise there is."""
        return sha256(f"{self.least!r} {self.most!r} {self.images.fingerprint}".encode()).hexdigest()

    def to(self, device: torch.device | str) -> "NoisyImages":
        """The same on `device`."""
        return NoisyImages(self.images.to(device), self.least, self.most)

    def batch(self, index: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Images x', float32 (N, C, H, W), which may leave the value_range, and labels y, int64 (N,)."""
        x, y = self.images.batch(index)
        sigma = self.least + (self.most - self.least) * torch.rand((), device=x.device)
        return x + sigma * torch.randn_like(x), y
