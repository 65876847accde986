"""Report B's AC-GAN for 32 x 32 images, its layers and their order to the letter.

                     Generator            Discriminator
    trainable        2,139,777                  487,046
    BN statistics       33,664                      896
    in all           2,173,441                  487,942

That is with 5 classes. k3 is a 3 x 3 kernel, s2 a stride of 2; resize_conv is a nearest
upsampling and a convolution k3 in one. Shapes in the margins are those of width 1.
Source: Odena, Olah & Shlens 2017, "Conditional image synthesis with auxiliary classifier GANs".
"""

import torch
from torch import Tensor, nn

from gan_lab import layers
from gan_lab.losses import Verdict
from gan_lab.networks.labels import shares
from gan_lab.networks.width import scaled


class Generator(nn.Module):
    """Noise and labels to images: z (N, 100), y (N,) in 0..classes-1 -> x (N, channels, 32, 32) in [-1, 1].

        x = layers([z, one_hot(y)])

    y may also be shares of the classes (N, classes), which then stand in place of one_hot(y).
    width: multiplies the hidden channels. Raises ValueError unless width > 0, or for labels missing or out of range.
    """

    z_dim = 100

    def __init__(self, *, classes: int = 5, channels: int = 1, width: float = 1.0) -> None:
        super().__init__()
        a, b, c = scaled(width, 256, 128, 64)
        self.classes = classes
        self.layers = nn.Sequential(
            layers.dense(self.z_dim + classes, a * 8 * 8),  # (N, 16384)
            nn.ReLU(),
            layers.batch_norm1d(a * 8 * 8),
            layers.unflatten(a, 8, 8),  # (N, 256, 8, 8)
            layers.batch_norm2d(a),
            layers.resize_conv(a, b),  # (N, 128, 16, 16)
            nn.ReLU(),
            layers.batch_norm2d(b),
            layers.resize_conv(b, c),  # (N, 64, 32, 32)
            nn.ReLU(),
            layers.batch_norm2d(c),
            layers.conv(c, channels, kernel=3),  # (N, 1, 32, 32)
            nn.Tanh(),
        )

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images of the classes y for the noise z."""
        x: Tensor = self.layers(torch.cat([z, shares(y, z, self.classes)], dim=1))
        return x


class Discriminator(nn.Module):
    """Images to verdicts: x (N, channels, 32, 32) -> Verdict(score (N,), classes (N, K)), both logits.

    width: multiplies the hidden channels. Raises ValueError unless width > 0.
    """

    def __init__(self, *, classes: int = 5, channels: int = 1, width: float = 1.0) -> None:
        super().__init__()
        a, b, c, d = scaled(width, 32, 64, 128, 256)
        self.trunk = nn.Sequential(
            layers.conv(channels, a, kernel=3, stride=2),  # (N, 32, 16, 16)
            nn.LeakyReLU(0.2),
            layers.dropout(0.5),
            layers.conv(a, b, kernel=3),  # (N, 64, 16, 16)
            layers.batch_norm2d(b),
            nn.LeakyReLU(0.2),
            layers.dropout(0.5),
            layers.conv(b, c, kernel=3, stride=2),  # (N, 128, 8, 8)
            layers.batch_norm2d(c),
            nn.LeakyReLU(0.2),
            layers.dropout(0.5),
            layers.conv(c, d, kernel=3),  # (N, 256, 8, 8)
            layers.batch_norm2d(d),
            nn.LeakyReLU(0.2),
            layers.dropout(0.5),
            layers.flatten(),  # (N, 16384)
        )
        self.score = layers.dense(d * 8 * 8, 1)
        self.classes = layers.dense(d * 8 * 8, classes)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Verdict:
        """What D says of the images x; the labels y are not used."""
        h = self.trunk(x)
        return Verdict(self.score(h).squeeze(1), self.classes(h))
