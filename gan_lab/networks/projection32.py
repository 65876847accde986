"""A conditional DCGAN for 32 x 32 images: `dcgan`, and a discriminator that is told the class, by projection.

                     Generator      Discriminator: norm=nn.BatchNorm2d      norm=nn.Identity
    trainable          379,841                                 177,249               176,865
    BN statistics          448                                     384                     0
    in all             380,289                                 177,633               176,865

That is with 5 classes. D does not name the class, as that of an AC-GAN does. It is asked whether x is a real image *of
class y*:

    D(x, y) = a . h(x) + b + v_y . h(x),     h(x) the features under the last layer, v_y a learned vector for each class

Sources: Miyato & Koyama 2018, "cGANs with projection discriminator", eq. (3), with y in both players; Mirza & Osindero
2014 for G, who is given noise and class side by side; Radford et al. 2015.
"""

import torch
from torch import Tensor, nn

from gan_lab import layers
from gan_lab.networks import dcgan
from gan_lab.networks.labels import checked, shares
from gan_lab.networks.width import scaled


class Generator(nn.Module):
    """Noise and labels to images: z (N, 100), y (N,) in 0..classes-1 -> x (N, channels, 32, 32) in [-1, 1].

        x = layers([z, y as one-hot])

    y may also be shares of the classes (N, classes).
    width: multiplies the hidden channels. Raises ValueError unless width > 0, or for labels missing or out of range.
    """

    z_dim = 100

    def __init__(self, *, classes: int = 5, channels: int = 1, width: float = 1.0) -> None:
        super().__init__()
        self.classes = classes
        _, *others = dcgan.Generator(channels=channels, width=width).layers
        (a,) = scaled(width, 128)
        wider = layers.normal(nn.Linear(self.z_dim + classes, a * 4 * 4, bias=False), std=0.02)
        self.layers = nn.Sequential(wider, *others)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images of the classes y for the noise z."""
        x: Tensor = self.layers(torch.cat([z, shares(y, z, self.classes)], 1))
        return x


class Discriminator(nn.Module):
    """Images and labels to scores: x (N, channels, 32, 32), y (N,) -> logits (N,).

    norm, width: as in `dcgan.Discriminator`. Raises ValueError as the generator does.
    """

    def __init__(
        self, *, classes: int = 5, channels: int = 1, width: float = 1.0, norm: dcgan.Norm = nn.BatchNorm2d
    ) -> None:
        super().__init__()
        *trunk, self.linear, _ = dcgan.Discriminator(channels=channels, width=width, norm=norm).layers
        self.trunk = nn.Sequential(*trunk)
        (a,) = scaled(width, 128)
        self.v = layers.embedding(classes, a * 4 * 4)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Scores of the images x as images of the classes y."""
        if y is None:
            raise ValueError("this discriminator judges x as an image of a class: call D(x, y) with labels (N,)")
        h = self.trunk(x)
        score: Tensor = self.linear(h).squeeze(1) + (self.v(checked(y, h, self.v.num_embeddings)) * h).sum(1)
        return score
