"""Report A's AC-GAN for 28 x 28 images, its layers and their order to the letter.

                     Generator       with embedding       Trunk of D        with both heads
    trainable          856,065              856,565           97,344                109,638
    BN statistics          640                  640              192                    192
    in all             856,705              857,205           97,536                109,830

That is with 5 classes. k3 is a 3 x 3 kernel, s2 a stride of 2; resize_conv is a nearest
upsampling and a convolution k3 in one. Shapes in the margins are those of width 1.
Batch norm's momentum is the report's 0.8 (PyTorch 0.2), not Keras' 0.99.
Source: Odena, Olah & Shlens 2017, "Conditional image synthesis with auxiliary classifier GANs".
"""

from torch import Tensor, nn

from gan_lab import layers
from gan_lab.losses import Verdict
from gan_lab.networks.labels import shares
from gan_lab.networks.width import scaled


class Generator(nn.Module):
    """Noise and labels to images: z (N, 100), y (N,) in 0..classes-1 -> x (N, channels, 28, 28) in [-1, 1].

        x = layers(z * e_y),  e_y in R^100 the learned embedding of class y

    y may also be shares of the classes (N, classes); then e_y is the mixture of the embeddings, sum_k y_k e_k.
    width: multiplies the hidden channels. Raises ValueError unless width > 0, or for labels missing or out of range.
    """

    z_dim = 100

    def __init__(self, *, classes: int = 5, channels: int = 1, width: float = 1.0) -> None:
        super().__init__()
        a, b = scaled(width, 128, 64)
        self.embedding = layers.embedding(classes, self.z_dim)
        self.layers = nn.Sequential(
            layers.dense(self.z_dim, a * 7 * 7),
            nn.ReLU(),
            layers.unflatten(a, 7, 7),  # (N, 128, 7, 7)
            layers.batch_norm2d(a, momentum=0.8),
            layers.resize_conv(a, a),  # (N, 128, 14, 14)
            nn.ReLU(),
            layers.batch_norm2d(a, momentum=0.8),
            layers.resize_conv(a, b),  # (N, 64, 28, 28)
            nn.ReLU(),
            layers.batch_norm2d(b, momentum=0.8),
            layers.conv(b, channels, kernel=3),  # (N, 1, 28, 28)
            nn.Tanh(),
        )

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images of the classes y for the noise z."""
        e_y = shares(y, z, self.embedding.num_embeddings) @ self.embedding.weight
        x: Tensor = self.layers(z * e_y)
        return x


class Discriminator(nn.Module):
    """Images to verdicts: x (N, channels, 28, 28) -> Verdict(score (N,), classes (N, K)), both logits.

    The report's sigmoid and softmax are in the loss.
    width: multiplies the hidden channels. Raises ValueError unless width > 0.
    """

    def __init__(self, *, classes: int = 5, channels: int = 1, width: float = 1.0) -> None:
        super().__init__()
        a, b, c, d = scaled(width, 16, 32, 64, 128)
        self.trunk = nn.Sequential(
            layers.conv(channels, a, kernel=3, stride=2),  # (N, 16, 14, 14)
            nn.LeakyReLU(0.2),
            layers.dropout(0.25),
            layers.conv(a, b, kernel=3, stride=2),  # (N, 32, 7, 7)
            nn.ZeroPad2d((1, 0, 1, 0)),  # (N, 32, 8, 8): the report's right and bottom, in the mirror of keras_defaults
            nn.LeakyReLU(0.2),
            layers.dropout(0.25),
            layers.batch_norm2d(b, momentum=0.8),
            layers.conv(b, c, kernel=3, stride=2),  # (N, 64, 4, 4)
            nn.LeakyReLU(0.2),
            layers.dropout(0.25),
            layers.batch_norm2d(c, momentum=0.8),
            layers.conv(c, d, kernel=3),  # (N, 128, 4, 4)
            nn.LeakyReLU(0.2),
            layers.dropout(0.25),
            layers.flatten(),  # (N, 2048)
        )
        self.score = layers.dense(d * 4 * 4, 1)
        self.classes = layers.dense(d * 4 * 4, classes)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Verdict:
        """What D says of the images x; the labels y are not used."""
        h = self.trunk(x)
        return Verdict(self.score(h).squeeze(1), self.classes(h))
