"""The trained generators as files for the page: their layers, their numbers in 16 bits, and directions to move along.

A file is a script that a page can load without a server, WEIGHTS.digits = {...}; docs/_static/generator.js reads it.
"""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gan_lab import pretrained

GENERATORS = {"digits": pretrained.digits, "digits_by_class": pretrained.digits_by_class}
DIRECTIONS = 6


def write_weights(folder: Path) -> None:
    """Write a file for each generator."""
    for name, load in GENERATORS.items():
        G: Any = load()
        halves = np.concatenate([kept.flatten().numpy().astype("<f2") for layer in G.layers for kept in numbers(layer)])
        told: dict[str, Any] = {
            "z_dim": G.z_dim,
            "classes": getattr(G, "classes", 0),
            "layers": [words for words in map(told_of, G.layers) if words],
            "directions": [[round(float(d), 5) for d in direction] for direction in directions(G)],
            "halves": b64encode(halves.tobytes()).decode(),
        }
        (folder / f"{name}_weights.js").write_text(f"WEIGHTS.{name} = {json.dumps(told)};\n", encoding="utf-8")


def told_of(layer: nn.Module) -> dict[str, Any] | None:
    """A layer for the page; None for one that only changes the shape."""
    match layer:
        case nn.Linear():
            return {"kind": "linear", "from": layer.in_features, "to": layer.out_features}
        case nn.ConvTranspose2d():
            bias = layer.bias is not None
            return {"kind": "conv_transpose", "from": layer.in_channels, "to": layer.out_channels, "bias": bias}
        case nn.BatchNorm2d():
            return {"kind": "batch_norm", "channels": layer.num_features, "eps": layer.eps}
        case nn.ReLU() | nn.Tanh():
            return {"kind": type(layer).__name__.lower()}
    return None


def numbers(layer: nn.Module) -> list[Tensor]:
    """What a layer keeps, in the order in which the page reads it."""
    if isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None and layer.running_var is not None:
        return [layer.weight, layer.bias, layer.running_mean, layer.running_var]
    return list(layer.parameters())


def directions(G: Any) -> Tensor:
    """The unit vectors along which z changes the first layer most, (DIRECTIONS, Z), the largest change first.

        max |S W d|,  |d| = 1        W the first layer's weights of z, S the factors of the batch norm behind it

    Source: Shen & Zhou 2021, "Closed-form factorization of latent semantics in GANs".
    """
    linear = next(layer for layer in G.layers if isinstance(layer, nn.Linear))
    norm = next(layer for layer in G.layers if isinstance(layer, nn.BatchNorm2d))
    _, _, _, variance = numbers(norm)
    factor = (norm.weight / (variance + norm.eps).sqrt()).repeat_interleave(len(linear.weight) // len(variance))
    found: Tensor = torch.linalg.svd(factor[:, None] * linear.weight[:, : G.z_dim]).Vh[:DIRECTIONS]
    return found
