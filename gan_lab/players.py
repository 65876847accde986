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
    kind: Any = type(getattr(player, "module", player))
    return player(x, y) if takes_labels(kind) else player(x)


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
