"""A DCGAN for 32 x 32 images by the guidelines of Radford et al., small enough to learn digits on a laptop in minutes.

                     Generator      Discriminator: norm=nn.BatchNorm2d      norm=nn.Identity
    trainable          369,601                                 167,009               166,625
    BN statistics          448                                     384                     0
    in all             370,049                                 167,393               166,625

Strided convolutions k4 s2 p1 and no pooling; batch norm in both players, except on G's output and D's input; no hidden
layers of dense weights; ReLU in G and a tanh on its output, leaky ReLU of slope 0.2 in D. Weights start from
N(0, 0.02^2). Shapes in the margins are those of width 1.
Source: Radford, Metz & Chintala 2015, "Unsupervised representation learning with deep convolutional GANs", section 3.
"""

from collections.abc import Callable

from torch import Tensor, nn

from gan_lab import layers
from gan_lab.layers.contiguous import FewMapsConvTranspose2d
from gan_lab.networks.width import scaled

Norm = Callable[[int], nn.Module]  # c -> the layer that normalises c channels


def conv(c_in: int, c_out: int) -> nn.Conv2d:
    """Convolution k4 s2 p1: (N, c_in, H, W) -> (N, c_out, H / 2, W / 2)."""
    return layers.normal(nn.Conv2d(c_in, c_out, 4, 2, 1), std=0.02)


def conv_transpose(c_in: int, c_out: int) -> nn.ConvTranspose2d:
    """Transposed convolution k4 s2 p1: (N, c_in, H, W) -> (N, c_out, 2 H, 2 W). Batch norm follows: no bias."""
    return layers.normal(nn.ConvTranspose2d(c_in, c_out, 4, 2, 1, bias=False), std=0.02)


class Generator(nn.Module):
    """Noise to images: z (N, 100) -> x (N, channels, 32, 32) in [-1, 1].

    width: multiplies the hidden channels. Raises ValueError unless width > 0.
    """

    z_dim = 100

    def __init__(self, *, channels: int = 1, width: float = 1.0) -> None:
        super().__init__()
        a, b, c = scaled(width, 128, 64, 32)
        self.layers = nn.Sequential(
            layers.normal(nn.Linear(self.z_dim, a * 4 * 4, bias=False), std=0.02),
            layers.unflatten(a, 4, 4),  # (N, 128, 4, 4)
            nn.BatchNorm2d(a),
            nn.ReLU(),
            conv_transpose(a, b),  # (N, 64, 8, 8)
            nn.BatchNorm2d(b),
            nn.ReLU(),
            conv_transpose(b, c),  # (N, 32, 16, 16)
            nn.BatchNorm2d(c),
            nn.ReLU(),
            layers.normal(FewMapsConvTranspose2d(c, channels, 4, 2, 1), std=0.02),  # (N, 1, 32, 32)
            nn.Tanh(),
        )

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images for the noise z; the labels y are not used."""
        x: Tensor = self.layers(z)
        return x


class Discriminator(nn.Module):
    """Images to scores: x (N, channels, 32, 32) -> logits (N,).

    norm: c -> the layer that normalises c channels, nn.BatchNorm2d by the guidelines. With spectral norm, which
    `spectrally_normed` puts on, and under a penalty take nn.Identity, for none.
    width: multiplies the hidden channels. Raises ValueError unless width > 0.
    """

    def __init__(self, *, channels: int = 1, width: float = 1.0, norm: Norm = nn.BatchNorm2d) -> None:
        super().__init__()
        c, b, a = scaled(width, 32, 64, 128)
        self.layers = nn.Sequential(
            conv(channels, c),  # (N, 32, 16, 16)
            nn.LeakyReLU(0.2),
            conv(c, b),  # (N, 64, 8, 8)
            norm(b),
            nn.LeakyReLU(0.2),
            conv(b, a),  # (N, 128, 4, 4)
            norm(a),
            nn.LeakyReLU(0.2),
            layers.flatten(),  # (N, 2048)
            layers.normal(nn.Linear(a * 4 * 4, 1), std=0.02),
            nn.Flatten(0),  # (N,)
        )

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Scores of the images x; the labels y are not used."""
        score: Tensor = self.layers(x)
        return score
