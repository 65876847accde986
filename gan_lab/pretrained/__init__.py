"""Generators of the bundled digits that are trained already, for what needs no training: `generators.md` says how.

G = pretrained.digits()              # x = G(torch.randn(64, G.z_dim))
G = pretrained.digits_by_class()     # x = G(torch.randn(64, G.z_dim), torch.arange(64) % 5)
"""

from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from gan_lab.networks import dcgan, projection32

HERE = Path(__file__).parent
Generator = TypeVar("Generator", bound=nn.Module)


def digits() -> dcgan.Generator:
    """Digits 1 to 5, as they come: z (N, 100) -> x (N, 1, 32, 32) in [-1, 1]. In evaluation mode, on the CPU."""
    return loaded(dcgan.Generator(), HERE / "digits.pt")


def digits_by_class() -> projection32.Generator:
    """The digit that is asked for: z (N, 100), y (N,) in 0..4 for the digits 1 to 5 -> x (N, 1, 32, 32) in [-1, 1].

    Shares of the classes (N, 5) draw what lies between them. In evaluation mode, on the CPU.
    """
    return loaded(projection32.Generator(classes=5), HERE / "digits_by_class.pt")


def loaded(G: Generator, file: Path) -> Generator:
    """G with the weights of the file, which are kept in 16 bits."""
    G.load_state_dict(torch.load(file, weights_only=True))
    return G.eval().requires_grad_(False)


def save(G: nn.Module, file: Path) -> None:
    """Keep G's weights and statistics, in 16 bits."""
    torch.save(
        {name: value.half() if value.is_floating_point() else value for name, value in G.state_dict().items()}, file
    )
