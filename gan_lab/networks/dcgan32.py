"""Report B's DCGAN for 32 x 32 images, its layers and their order to the letter.

                     Generator            Discriminator
    trainable        2,099,457                  214,785
    BN statistics       33,408                        0
    in all           2,132,865                  214,785

k5 is a 5 x 5 kernel, s2 a stride of 2. Shapes in the margins are those of width 1.
The slope 0.3 is Keras' own: the report gave one, 0.2, to the first leaky ReLU only.
Source: Radford, Metz & Chintala 2015, "Unsupervised representation learning with deep convolutional GANs".
"""

from torch import Tensor, nn

from gan_lab import layers
from gan_lab.networks.width import scaled


class Generator(nn.Module):
    """Noise to images: z (N, 100) -> x (N, channels, 32, 32) in [-1, 1].

    The report normalises twice on the way in: 16,384 features one by one, then the 256 channels that they form.
    width: multiplies the hidden channels. Raises ValueError unless width > 0.
    """

    z_dim = 100

    def __init__(self, *, channels: int = 1, width: float = 1.0) -> None:
        super().__init__()
        a, b = scaled(width, 256, 64)
        self.layers = nn.Sequential(
            layers.dense(self.z_dim, a * 8 * 8),  # (N, 16384)
            layers.batch_norm1d(a * 8 * 8),
            nn.LeakyReLU(0.2),
            layers.unflatten(a, 8, 8),  # (N, 256, 8, 8)
            layers.batch_norm2d(a),
            layers.conv_transpose(a, b),  # k5 s2: (N, 64, 16, 16)
            layers.batch_norm2d(b),
            nn.LeakyReLU(0.3),
            layers.conv_transpose(b, channels),  # k5 s2: (N, 1, 32, 32)
            nn.Tanh(),
        )

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images for the noise z; the labels y are not used."""
        x: Tensor = self.layers(z)
        return x


class Discriminator(nn.Module):
    """Images to scores: x (N, channels, 32, 32) -> logits (N,).

    width: multiplies the hidden channels. Raises ValueError unless width > 0.
    """

    def __init__(self, *, channels: int = 1, width: float = 1.0) -> None:
        super().__init__()
        b, a = scaled(width, 64, 128)
        self.layers = nn.Sequential(
            layers.conv(channels, b, stride=2),  # k5 s2: (N, 64, 16, 16)
            nn.LeakyReLU(0.3),
            layers.dropout(0.3),
            layers.conv(b, a, stride=2),  # k5 s2: (N, 128, 8, 8)
            nn.LeakyReLU(0.3),
            layers.dropout(0.3),
            layers.flatten(),  # (N, 8192)
            layers.dense(a * 8 * 8, 1),
            nn.Flatten(0),  # (N,)
        )

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Scores of the images x; the labels y are not used."""
        score: Tensor = self.layers(x)
        return score
