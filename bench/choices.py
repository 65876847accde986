"""What each choice that was made for speed brings, on this machine: a round of `play` with it and without.

    python -m bench.choices [seconds for each row]

The two take turns, as in bench.steps, and are the same in all else; the ratio is that of neighbouring turns, its median
and quartiles. Writes results/bench/choices_cpu.csv, or the GPU's name.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import nn

from bench.steps import DEVICE, RESULTS, device_name, load, machine, quartiles, take_turns
from bench.systems import SYSTEMS, play_rounds, same
from gan_lab.layers.channels_last import Flatten, Unflatten
from gan_lab.layers.contiguous import ContiguousConv2d, ContiguousConvTranspose2d, OneMapConv2d
from gan_lab.layers.dropout import Dropout
from gan_lab.layers.resize_conv import ResizeConv2d
from gan_lab.lipschitz import gradient_penalty

BY_NAME = {system.name: system for system in SYSTEMS if system.batch == 64}


def as_pytorchs(player: nn.Module, *kinds: type[nn.Module]) -> nn.Module:
    """The player with each layer of these kinds as the layer of PyTorch that it is made from."""
    for layer in player.modules():
        if isinstance(layer, kinds):
            layer.__class__ = type(layer).__base__
    return player


def no_resize_conv(player: nn.Module) -> nn.Module:
    for parent in list(player.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, ResizeConv2d):
                setattr(parent, name, nn.Sequential(nn.Upsample(scale_factor=2), layer))
    return as_pytorchs(player, ResizeConv2d)


def no_own(*kinds: type[nn.Module]) -> Callable[[nn.Module], nn.Module]:
    return lambda player: as_pytorchs(player, *kinds)


def in_nchw(player: nn.Module) -> nn.Module:
    return player.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload, no-any-return]


class Choice(NamedTuple):
    """A choice for a system, and what undoes it."""

    name: str
    system: str
    change: Callable[[nn.Module], nn.Module] = same
    rule: Mapping[str, Any] = MappingProxyType({})


CHOICES = (
    Choice("ResizeConv2d", "A4", no_resize_conv),
    Choice("ResizeConv2d", "B3", no_resize_conv),
    Choice("Dropout", "B1", no_own(Dropout)),
    Choice("Dropout", "B3", no_own(Dropout)),
    Choice("Flatten, Unflatten", "A4", no_own(Flatten, Unflatten)),
    Choice("Flatten, Unflatten", "B1", no_own(Flatten, Unflatten)),
    Choice("Flatten, Unflatten", "B3", no_own(Flatten, Unflatten)),
    Choice("contiguous images", "A1", no_own(ContiguousConv2d, ContiguousConvTranspose2d)),
    Choice("OneMapConv2d", "A4", no_own(OneMapConv2d)),
    Choice("OneMapConv2d", "B3", no_own(OneMapConv2d)),
    Choice("norms_by_layer", "A6", rule={"penalty": gradient_penalty}),
    *(Choice("channels last", system, in_nchw) for system in BY_NAME),
)
ON_A_GPU = tuple(Choice("32-true, not bf16-mixed", system, rule={"precision": "bf16-mixed"}) for system in BY_NAME)


def main(budget: float) -> None:
    print(machine())
    table = []
    for choice in CHOICES + ON_A_GPU if DEVICE.type == "cuda" else CHOICES:
        system = BY_NAME[choice.system]
        rounds = partial(play_rounds, system, load(size=system.size, channels=system.channels), DEVICE)
        sides = {"as it is": rounds(), "changed": rounds(choice.change, **choice.rule)}
        times = take_turns(sides, budget)
        row = {"choice": choice.name, "system": choice.system, "turns": len(times)}
        row |= quartiles("ratio", times["changed"] / times["as it is"])
        print(f"{choice.name:20} {choice.system}  {row['ratio']:.2f} times as fast", end="")
        print(f" ({row['ratio low']:.2f} to {row['ratio high']:.2f})", flush=True)
        table.append(row | {"machine": machine()})
    pd.DataFrame(table).to_csv(RESULTS / f"choices_{device_name()}.csv", index=False, float_format="%.4g")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0)
