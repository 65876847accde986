"""Report A's DCGAN for 64 x 64 images, its layers and their order to the letter.

                     Generator            Discriminator
    trainable       18,870,515               17,235,179
    BN statistics        1,804                    3,846
    in all          18,872,319               17,239,025

k5 is a 5 x 5 kernel, s2 a stride of 2. Shapes in the margins are those of width 1.
Two layers of the report contradict the paper that it follows and can be left out: `norm_after_tanh` and `norm_input`.
Source: Radford, Metz & Chintala 2015, "Unsupervised representation learning with deep convolutional GANs".
"""

from torch import Tensor, nn

from gan_lab import layers
from gan_lab.networks.width import scaled


def up(c_in: int, c_out: int) -> nn.Sequential:
    """Transposed convolution k5 s2, ReLU, batch norm: (N, c_in, H, W) -> (N, c_out, 2 H, 2 W)."""
    return nn.Sequential(layers.conv_transpose(c_in, c_out), nn.ReLU(), layers.batch_norm2d(c_out))


def down(c_in: int, c_out: int) -> nn.Sequential:
    """Convolution k5 s2, leaky ReLU, batch norm: (N, c_in, H, W) -> (N, c_out, H / 2, W / 2)."""
    return nn.Sequential(layers.conv(c_in, c_out, stride=2), nn.LeakyReLU(0.2), layers.batch_norm2d(c_out))


class Generator(nn.Module):
    """Noise to images: z (N, 100) -> x (N, channels, 64, 64).

    norm_after_tanh: the report normalises the batch once more after the tanh. That is a mistake: x leaves the range
    [-1, 1] of the real images. Radford et al. (section 3) put no batch norm on the generator's output, since it made
    samples oscillate. False leaves it out: x in [-1, 1].
    width: multiplies the hidden channels. Raises ValueError unless width > 0.
    """

    z_dim = 100

    def __init__(self, *, channels: int = 3, width: float = 1.0, norm_after_tanh: bool = True) -> None:
        super().__init__()
        a, b, c, d = scaled(width, 1024, 512, 256, 128)
        self.layers = nn.Sequential(
            layers.dense(self.z_dim, a * 4 * 4),
            layers.unflatten(a, 4, 4),  # (N, 1024, 4, 4)
            up(a, b),  # (N, 512, 8, 8)
            up(b, c),  # (N, 256, 16, 16)
            up(c, d),  # (N, 128, 32, 32)
            up(d, channels),  # (N, 3, 64, 64)
            layers.conv(channels, channels),
            nn.Tanh(),
            layers.batch_norm2d(channels) if norm_after_tanh else nn.Identity(),
        )

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images for the noise z; the labels y are not used."""
        x: Tensor = self.layers(z)
        return x


class Discriminator(nn.Module):
    """Images to scores: x (N, channels, 64, 64) -> logits (N,). The report's sigmoid is in the loss.

    norm_input: the report normalises the batch in its first block, on maps that still are the image. That is a mistake:
    real and generated images reach D in batches of their own. If they differ by one factor for all pixels (in [-1, 1]
    a contrast about mid-gray), convolution and leaky ReLU hand it on and batch norm divides it out; wholly so while
    the convolution's bias is 0, as at the start. (The next block's first batch norm does so too, but there the maps are
    faint, and the epsilon that it adds to their variance lets some of the factor through.) D does see a brightness that
    is added: the leaky ReLU turns it into more than a shift. Radford et al. (section 3) put no batch norm on the
    discriminator's input. False leaves it out.
    width: multiplies the hidden channels. Raises ValueError unless width > 0.
    """

    def __init__(self, *, channels: int = 3, width: float = 1.0, norm_input: bool = True) -> None:
        super().__init__()
        d, c, b, a = scaled(width, 128, 256, 512, 1024)
        self.layers = nn.Sequential(
            layers.conv(channels, channels),  # (N, 3, 64, 64)
            nn.LeakyReLU(0.2),
            layers.batch_norm2d(channels) if norm_input else nn.Identity(),
            down(channels, d),  # (N, 128, 32, 32)
            down(d, c),  # (N, 256, 16, 16)
            down(c, b),  # (N, 512, 8, 8)
            down(b, a),  # (N, 1024, 4, 4)
            layers.flatten(),  # (N, 16384)
            layers.dropout(0.4),
            layers.dense(a * 4 * 4, 1),
            nn.Flatten(0),  # (N,)
        )

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Scores of the images x; the labels y are not used."""
        score: Tensor = self.layers(x)
        return score
