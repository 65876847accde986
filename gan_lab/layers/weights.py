"""How the weights of a layer start. Kernels lie in memory with the channels last, as do the maps that they make: a
convolution of few channels is quicker so."""

from typing import TypeVar

import torch
from torch import nn

Layer = TypeVar("Layer", bound=nn.Linear | nn.Conv2d | nn.ConvTranspose2d)


def glorot(layer: Layer) -> Layer:
    """Draw the weights from U(-a, a), a = sqrt(6 / (fan in + fan out)), and set the biases to 0."""
    nn.init.xavier_uniform_(layer.weight)
    return _laid_out(layer)


def normal(layer: Layer, std: float) -> Layer:
    """Draw the weights from N(0, std^2), and set the biases to 0."""
    nn.init.normal_(layer.weight, std=std)
    return _laid_out(layer)


def _laid_out(layer: Layer) -> Layer:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    layer.to(memory_format=torch.channels_last)
    return layer
