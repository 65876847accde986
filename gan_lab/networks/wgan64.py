"""Report A's Wasserstein GAN for 64 x 64 images, its layers and their order to the letter.

                     Generator      Critic: norm=nn.BatchNorm2d      norm=layer_norm      norm=nn.Identity
    trainable        3,576,704                        2,765,568            2,765,568             2,763,776
    BN statistics        1,920                            1,792                    0                     0
    in all           3,578,624                        2,767,360            2,765,568             2,763,776

Every kernel is 4 x 4 and no convolution has a bias; s2 is a stride of 2, p1 a padding of 1. Shapes in the margins are
those of width 1. The report wrote this one in PyTorch, so batch norm is PyTorch's own. Weights start from N(0, 0.02^2),
as Radford et al. 2015 have it for this family of networks; batch norm starts with scale 1 and shift 0.
Source: Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN"; Gulrajani et al. 2017, "Improved training of WGANs".
"""

from collections.abc import Callable

from torch import Tensor, nn

from gan_lab import layers
from gan_lab.networks.width import scaled


def conv(c_in: int, c_out: int, stride: int = 2, padding: int = 1) -> nn.Conv2d:
    """Convolution k4: (N, c_in, H, W) -> (N, c_out, H / 2, W / 2), or 4 x 4 -> 1 x 1: stride 1, padding 0."""
    return layers.normal(nn.Conv2d(c_in, c_out, 4, stride, padding, bias=False), std=0.02)


def conv_transpose(c_in: int, c_out: int, stride: int = 2, padding: int = 1) -> nn.ConvTranspose2d:
    """Transposed convolution k4: (N, c_in, H, W) -> (N, c_out, 2 H, 2 W), or 1 x 1 -> 4 x 4: stride 1, padding 0."""
    return layers.normal(nn.ConvTranspose2d(c_in, c_out, 4, stride, padding, bias=False), std=0.02)


def layer_norm(channels: int) -> nn.GroupNorm:
    """Layer normalisation of maps: each image by its own mean and variance, then one scale and shift a channel.

        h <- scale_c (h - mean) / sqrt(variance + eps) + shift_c,  mean and variance over C, H, W of one image

    What Gulrajani et al. 2017 (section 4) advise in place of batch norm under a gradient penalty, as their code has it.
    """
    return nn.GroupNorm(1, channels)


class Generator(nn.Module):
    """Noise to images: z (N, 100) -> x (N, channels, 64, 64) in [-1, 1].

    width: multiplies the hidden channels. Raises ValueError unless width > 0.
    """

    z_dim = 100

    def __init__(self, *, channels: int = 3, width: float = 1.0) -> None:
        super().__init__()
        a, b, c, d = scaled(width, 512, 256, 128, 64)
        self.layers = nn.Sequential(
            nn.Unflatten(1, (self.z_dim, 1, 1)),  # (N, 100, 1, 1)
            conv_transpose(self.z_dim, a, stride=1, padding=0),  # (N, 512, 4, 4)
            nn.BatchNorm2d(a),
            nn.ReLU(),
            conv_transpose(a, b),  # s2 p1: (N, 256, 8, 8)
            nn.BatchNorm2d(b),
            nn.ReLU(),
            conv_transpose(b, c),  # s2 p1: (N, 128, 16, 16)
            nn.BatchNorm2d(c),
            nn.ReLU(),
            conv_transpose(c, d),  # s2 p1: (N, 64, 32, 32)
            nn.BatchNorm2d(d),
            nn.ReLU(),
            conv_transpose(d, channels),  # s2 p1: (N, 3, 64, 64)
            nn.Tanh(),
        )

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images for the noise z; the labels y are not used."""
        x: Tensor = self.layers(z)
        return x


class Critic(nn.Module):
    """Images to scores: x (N, channels, 64, 64) -> (N,), unbounded; only their differences mean something.

    norm: c -> the layer that normalises c channels. `nn.BatchNorm2d` is the report's, for clipped weights. Under a
    gradient penalty, which constrains the critic at each image by itself, take `layer_norm`, or `nn.Identity` for none:
    batch norm makes an image's score depend on the rest of its batch (Gulrajani et al. 2017, section 4).
    width: multiplies the hidden channels. Raises ValueError unless width > 0.
    """

    def __init__(
        self, *, channels: int = 3, width: float = 1.0, norm: Callable[[int], nn.Module] = nn.BatchNorm2d
    ) -> None:
        super().__init__()
        d, c, b, a = scaled(width, 64, 128, 256, 512)
        self.layers = nn.Sequential(
            conv(channels, d),  # s2 p1: (N, 64, 32, 32)
            nn.LeakyReLU(0.2),
            conv(d, c),  # s2 p1: (N, 128, 16, 16)
            norm(c),
            nn.LeakyReLU(0.2),
            conv(c, b),  # s2 p1: (N, 256, 8, 8)
            norm(b),
            nn.LeakyReLU(0.2),
            conv(b, a),  # s2 p1: (N, 512, 4, 4)
            norm(a),
            nn.LeakyReLU(0.2),
            conv(a, 1, stride=1, padding=0),  # (N, 1, 1, 1)
            nn.Flatten(0),  # (N,)
        )

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Scores of the images x; the labels y are not used."""
        score: Tensor = self.layers(x)
        return score
