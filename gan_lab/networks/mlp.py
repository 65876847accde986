"""A generator and a critic for points of the plane: the networks of Gulrajani et al.'s toy mixtures.

                     Generator         Critic
    trainable          527,874        527,361

Three hidden layers of 512 units, ReLU, no normalisation.
Source: Gulrajani et al. 2017, "Improved training of Wasserstein GANs". Weights start as in the authors' `gan_toy.py`:
He's uniform for the hidden layers, Glorot's for the last, biases 0.
"""

from torch import Tensor, nn

from gan_lab import layers
from gan_lab.networks.width import scaled


def hidden(n_in: int, n_out: int) -> nn.Sequential:
    """ReLU units, weights from U(-a, a) with a = sqrt(6 / n_in) (He et al. 2015): (N, n_in) -> (N, n_out)."""
    layer = nn.Linear(n_in, n_out)
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    return nn.Sequential(layer, nn.ReLU())


class Generator(nn.Module):
    """Noise to points: z (N, z_dim) -> x (N, 2), unbounded.

    width: multiplies the hidden units. Raises ValueError unless width > 0.
    """

    def __init__(self, *, z_dim: int = 2, width: float = 1.0) -> None:
        super().__init__()
        self.z_dim = z_dim
        (h,) = scaled(width, 512)
        self.layers = nn.Sequential(hidden(z_dim, h), hidden(h, h), hidden(h, h), layers.dense(h, 2))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Points for the noise z; the labels y are not used."""
        x: Tensor = self.layers(z)
        return x


class Critic(nn.Module):
    """Points to scores: x (N, 2) -> (N,), unbounded: a WGAN's score, or the logit of a GAN's discriminator.

    width: multiplies the hidden units. Raises ValueError unless width > 0.
    """

    def __init__(self, *, width: float = 1.0) -> None:
        super().__init__()
        (h,) = scaled(width, 512)
        self.layers = nn.Sequential(hidden(2, h), hidden(h, h), hidden(h, h), layers.dense(h, 1), nn.Flatten(0))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Scores of the points x; the labels y are not used."""
        score: Tensor = self.layers(x)
        return score
