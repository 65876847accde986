"""Keras' defaults, spelled once in PyTorch, so that the reports' Keras networks can be written down as they are.

                        Keras                                       PyTorch
    weights             Glorot uniform                              uniform, +-1/sqrt(fan in)
    biases              0                                           uniform, +-1/sqrt(fan in)
    batch norm          average <- 0.99 average + 0.01 batch        average <- 0.9 average + 0.1 batch
                        eps = 1e-3                                  eps = 1e-5
                        averages the batch's variance               averages n/(n - 1) times it
    leaky ReLU          slope 0.3 when none is given                slope 0.01 when none is given
    "same", stride 2    the odd row of zeros is at the bottom,      at the top, the odd
                        the odd column on the right                 column on the left

The functions below give PyTorch layers the left column, but for two of its lines. The factor n/(n - 1) stays, since it
touches evaluation mode only. So does the side of the zeros: PyTorch pads all four sides alike, and at stride 2 it never
reaches the last row and column. The two networks are mirror images: with pictures and kernels turned by 180 degrees
they compute the same function, and a random start makes either as likely as the other.

Leaky slopes are written out where they are used.
Source: the documentation of Keras 3 and of PyTorch 2; Glorot & Bengio 2010, eq. (16).
"""

from torch import nn

from gan_lab.layers.channels_last import Flatten, Unflatten
from gan_lab.layers.contiguous import ContiguousConv2d, ContiguousConvTranspose2d, OneMapConv2d
from gan_lab.layers.dropout import Dropout
from gan_lab.layers.resize_conv import ResizeConv2d
from gan_lab.layers.weights import glorot

FEW = 4  # maps, as an image has them


def dense(n_in: int, n_out: int) -> nn.Linear:
    """(N, n_in) -> (N, n_out)."""
    return glorot(nn.Linear(n_in, n_out))


def conv(c_in: int, c_out: int, kernel: int = 5, stride: int = 1) -> nn.Conv2d:
    """Convolution, "same" padding, odd kernel: (N, c_in, H, W) -> (N, c_out, ceil(H / stride), ceil(W / stride))."""
    if c_out == stride == 1 and c_in > FEW:
        return glorot(OneMapConv2d(c_in, kernel))
    kind = ContiguousConv2d if c_out <= FEW else nn.Conv2d
    return glorot(kind(c_in, c_out, kernel, stride, padding=kernel // 2))


def resize_conv(c_in: int, c_out: int) -> ResizeConv2d:
    """Nearest upsampling, then a convolution k3, "same" padding: (N, c_in, H, W) -> (N, c_out, 2 H, 2 W)."""
    return glorot(ResizeConv2d(c_in, c_out))


def conv_transpose(c_in: int, c_out: int, kernel: int = 5) -> nn.ConvTranspose2d:
    """Transposed convolution, "same" padding, stride 2, odd kernel: (N, c_in, H, W) -> (N, c_out, 2 H, 2 W)."""
    kind = ContiguousConvTranspose2d if c_out <= FEW else nn.ConvTranspose2d
    return glorot(kind(c_in, c_out, kernel, stride=2, padding=kernel // 2, output_padding=1))


def batch_norm1d(features: int, momentum: float = 0.99) -> nn.BatchNorm1d:
    """Batch norm of vectors (N, features). `momentum` is Keras': the share of the moving average that stays."""
    return nn.BatchNorm1d(features, eps=1e-3, momentum=1 - momentum)


def batch_norm2d(channels: int, momentum: float = 0.99) -> nn.BatchNorm2d:
    """Batch norm of maps (N, channels, H, W). `momentum` is Keras': the share of the moving average that stays."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=1 - momentum)


def embedding(classes: int, features: int) -> nn.Embedding:
    """Labels (N,) -> one learned vector for each class (N, features), drawn from U(-0.05, 0.05) (PyTorch: N(0, 1))."""
    vectors = nn.Embedding(classes, features)
    nn.init.uniform_(vectors.weight, -0.05, 0.05)
    return vectors


def dropout(p: float) -> Dropout:
    """Each value becomes 0 with probability p in training, and the others grow by 1 / (1 - p): (...) -> (...)."""
    return Dropout(p)


def flatten() -> Flatten:
    """Maps to vectors: (N, C, H, W) -> (N, C H W)."""
    return Flatten()


def unflatten(c: int, h: int, w: int) -> Unflatten:
    """Vectors to maps: (N, c h w) -> (N, c, h, w)."""
    return Unflatten(1, (c, h, w))
