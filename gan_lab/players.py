"""How a player is called, whether it has a use for labels or not."""

from contextlib import suppress
from functools import cache
from inspect import signature
from typing import Any

from torch import Tensor, nn


def asked(player: nn.Module, x: Tensor, y: Tensor | None) -> Any:
    """player(x, y), or player(x) if it takes one argument only, as nn.Sequential does.

    player: a generator or a discriminator, also one that Fabric has wrapped. Raises ValueError, with the signature that
    it has and the one that is needed, if it takes neither.
    """
    wrapped = type(player).__module__.startswith("lightning_fabric")
    kind: Any = type(player.module if wrapped else player)
    return player(x, y) if takes_labels(kind) else player(x)


def z_dim_of(G: nn.Module) -> int:
    """The length of a generator's noise vector."""
    return int(G.z_dim)  # type: ignore[arg-type]


def settled(G: nn.Module) -> nn.Module:
    """G, if it is in evaluation mode: in training mode batch norm ties the images of a batch together."""
    if G.training:
        raise ValueError(f"{type(G).__name__} is in training mode, where images of one batch are tied: call G.eval()")
    return G


@cache
def takes_labels(kind: type[nn.Module]) -> bool:
    """Whether a player of this class takes labels after its first argument. Raises ValueError as `asked` does."""
    form = signature(kind.forward)
    for labels, arguments in (True, (None, None, None)), (False, (None, None)):  # self, x and, perhaps, y
        with suppress(TypeError):
            form.bind(*arguments)
            return labels
    raise ValueError(
        f"a player is called as player(x, y), but {kind.__name__} has forward{form}: write forward(self, x, y=None), "
        "or forward(self, x) if the labels y are of no use to it"
    )
