"""The layers that the networks are made of, each with Keras' defaults: `layers.conv(...)`, `layers.dropout(0.3)`.

They compute what PyTorch's do, some of them faster on a CPU; how is said in the files of this folder.
"""

from gan_lab.layers.keras_defaults import (
    batch_norm1d,
    batch_norm2d,
    conv,
    conv_transpose,
    dense,
    dropout,
    embedding,
    flatten,
    resize_conv,
    unflatten,
)
from gan_lab.layers.weights import normal

__all__ = [
    "batch_norm1d",
    "batch_norm2d",
    "conv",
    "conv_transpose",
    "dense",
    "dropout",
    "embedding",
    "flatten",
    "normal",
    "resize_conv",
    "unflatten",
]
