"""What a game is, in words that change when what is played changes.

    described(NonSaturating(0.9))   'NonSaturating(real_target=0.9, fake_target=0.0, generator_target=1.0) 5f0c2a1b'

The eight digits stand for all that a thing is: the byte code of its functions and of those of ours that they use, the
values that these close over, and its settings. So a comment or a blank line does not matter, and a changed sign does.
Another version of Python has other byte code: there a run begins anew. What a library has written goes by its name.
Weights and optimisers' moments do not count: they are what is trained.
"""

import dis
import functools
import hashlib
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations
from torch.optim import Optimizer

from gan_lab import training
from gan_lab.training import Game, Rules, bare, one_round

PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device)
FUNCTION = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
LIBRARIES = {*sys.stdlib_module_names, "torch", "torchvision", "numpy", "scipy", "pandas", "lightning_fabric", "ot"}
UNSAID = {"__module__", "__qualname__", "__doc__", "__firstlineno__", "__static_attributes__"}


class Images(training.Images, Protocol):
    """Images that can be told from others: an `ImageSet`, or one with noise on it."""

    @property
    def value_range(self) -> tuple[float, float]: ...
    @property
    def fingerprint(self) -> str: ...


def identity(game: Game, images: Images, batch_size: int, seed: int, round: Rules | None = None) -> dict[str, str]:
    """What the outcome of a training depends on, one line a part, but for the weights that it begins with.

    Games that differ only in their first weights have one identity: give `seed` the number that these were drawn with,
    or name them in a fact of the `Run`.
    """
    rules = {"loss": game.loss, "penalty": game.penalty, "project": game.project, "round": round or one_round}
    average = game.average and (game.average.multi_avg_fn or game.average.avg_fn)
    low, high = images.value_range
    return {
        "G": described(bare(game.G)),
        "D": described(bare(game.D)),
        **{name: described(rule) for name, rule in rules.items()},
        "opt_G": settings(game.opt_G),
        "opt_D": settings(game.opt_D),
        "average": described(average),
        **{name: described(part) for name, part in game.also.items()},
        "n_critic": str(game.n_critic),
        "batch_size": str(batch_size),
        "seed": str(seed),
        "precision": str(game.fabric.strategy.precision.precision),
        "images": f"{len(images)} images in [{low:g}, {high:g}] {images.fingerprint[:16]}",
    }


def described(thing: Any) -> str:
    """A loss, penalty, player, function or value: its name, its plain settings, and eight digits for all that it is."""
    if isinstance(thing, PLAIN):
        return repr(thing)
    text = "\n".join(Description().lines(thing))
    return f"{named(thing)} {hashlib.sha256(text.encode()).hexdigest()[:8]}"


def settings(opt: Optimizer) -> str:
    """An optimiser's kind and settings; of a rate that a schedule changes, where it began."""
    kind = type(getattr(opt, "optimizer", opt)).__name__  # without Fabric's wrapper
    groups = [{**group, "lr": group.get("initial_lr", group["lr"])} for group in opt.param_groups]
    parts = [", ".join(f"{k}={v}" for k, v in group.items() if k not in ("params", "initial_lr")) for group in groups]
    return f"{kind}({'; '.join(parts)})"


def named(thing: Any) -> str:
    """What a thing is called, and its plain settings: "NonSaturating(real_target=0.9)", "clip_weights(c=0.01)"."""
    if isinstance(thing, nn.Module):
        weights = sum(weight.numel() for weight in thing.parameters())
        return f"{type(thing).__module__.rpartition('.')[2]}.{type(thing).__name__}, {weights:,} parameters,"
    if isinstance(thing, functools.partial):
        return f"{named(thing.func)}({said(dict(enumerate(thing.args)) | thing.keywords)})"
    if isinstance(thing, FUNCTION):
        return thing.__name__
    inside = said(held_by(thing))
    return f"{type(thing).__name__}({inside})" if inside else type(thing).__name__


def said(held: Mapping[Any, Any]) -> str:
    """The plain ones among named values, "real_target=0.9, fake_target=0.0"."""
    return ", ".join(f"{k}={v!r}" for k, v in held.items() if isinstance(v, PLAIN) and not str(k).startswith("_"))


class Description:
    """All that a thing is, line by line; what it holds twice is told once."""

    def __init__(self) -> None:
        # by its id, what has been told and its place; kept alive, so that no other thing takes the id
        self.seen: dict[int, tuple[Any, int]] = {}

    def lines(self, thing: Any) -> Iterator[str]:
        if isinstance(thing, PLAIN):
            yield repr(thing)
        elif id(thing) in self.seen:
            yield f"told before: {self.seen[id(thing)][1]}"
        else:
            self.seen[id(thing)] = thing, len(self.seen)
            yield from self.all_of(thing)

    def all_of(self, thing: Any) -> Iterator[str]:
        match thing:
            case types.ModuleType():
                yield thing.__name__
            case functools.partial():
                yield from self.lines(thing.func)
                yield from self.items(dict(enumerate(thing.args)) | thing.keywords)
            case types.MethodType():
                yield from self.lines(thing.__func__)
                yield from self.lines(thing.__self__)
            case types.FunctionType():
                yield from self.function(thing)
            case type():
                yield from self.kind(thing)
            case nn.Module():
                yield from self.network(thing)
            case Tensor():
                yield from self.all_of(thing.detach().cpu().numpy())
            case np.ndarray():
                yield f"{thing.dtype} {thing.shape} {hashlib.sha256(thing.tobytes()).hexdigest()}"
            case Mapping():
                yield from self.items(thing)
            case list() | tuple():
                yield from self.items(dict(enumerate(thing)))
            case set() | frozenset():
                yield from self.items(dict(enumerate(sorted(thing, key=repr))))
            case _:
                yield from self.lines(type(thing))
                yield from self.items(held_by(thing))

    def items(self, held: Mapping[Any, Any]) -> Iterator[str]:
        for name, value in held.items():
            yield f"{name}:"
            yield from self.lines(value)

    def function(self, f: types.FunctionType) -> Iterator[str]:
        yield name_of(f)
        yield from self.items(dict(enumerate(f.__defaults__ or ())) | (f.__kwdefaults__ or {}))
        yield from self.items(dict(zip(f.__code__.co_freevars, map(contents, f.__closure__ or ()), strict=True)))
        if not of_a_library(f):
            yield from code(f.__code__)
            yield from self.items({k: f.__globals__[k] for k in names_in(f.__code__) if k in f.__globals__})

    def kind(self, kind: type) -> Iterator[str]:
        yield name_of(kind)
        if of_a_library(kind):
            return
        yield from self.items(dict(enumerate(kind.__bases__)))
        for name, value in vars(kind).items():
            # of a static or class method, a property
            function = getattr(value, "__func__", getattr(value, "fget", value))
            if isinstance(function, (*PLAIN, *FUNCTION, tuple, list, dict)) and name not in UNSAID:
                yield from self.items({name: function})

    def network(self, network: nn.Module) -> Iterator[str]:
        """Its layers, their settings, and the shapes of their weights."""
        yield repr(network)
        for path, layer in network.named_modules():
            yield path
            yield from self.lines(type_before_parametrizations(layer))  # spectral norm makes a class of torch's of it
            yield from self.items({k: v for k, v in vars(layer).items() if k != "training" and told_of_a_library(k, v)})
        yield from (f"{name} {tuple(weight.shape)}" for name, weight in network.named_parameters())


def held_by(thing: Any) -> dict[str, Any]:
    """What an object goes by: all its attributes but for those that are its state; of a library's object the plain."""
    held = dict(getattr(thing, "__dict__", {}))
    if of_a_library(type(thing)):
        return {name: value for name, value in held.items() if told_of_a_library(name, value)}
    state = thing.state_dict() if hasattr(thing, "state_dict") else {}
    return {name: value for name, value in held.items() if name not in state}


def told_of_a_library(name: str, value: Any) -> bool:
    """Whether an attribute of a library's object is a setting, as far as one can tell; last_epoch is a count."""
    inside = value if isinstance(value, list | tuple) else [value]
    return (
        name != "last_epoch" and not name.startswith("_") and all(isinstance(v, PLAIN) or callable(v) for v in inside)
    )


def code(of: types.CodeType) -> Iterator[str]:
    """What a function does, an instruction a line, with names and constants; its docstring is none of them."""
    yield " ".join(of.co_varnames[: of.co_argcount + of.co_kwonlyargcount])
    for step in dis.get_instructions(of):
        value = step.argval
        if isinstance(value, types.CodeType):
            yield from code(value)
        else:
            yield f"{step.opname} {sorted(value, key=repr) if isinstance(value, frozenset) else value!r}"


def names_in(of: types.CodeType) -> Iterator[str]:
    """The names that a function may look up outside of itself."""
    yield from of.co_names
    for constant in of.co_consts:
        if isinstance(constant, types.CodeType):
            yield from names_in(constant)


def contents(cell: types.CellType) -> Any:
    """What a variable of an outer function holds; None while it holds nothing."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def name_of(thing: Any) -> str:
    """A library's thing with its module; one of ours by its name alone, for it may move to another file."""
    return f"{thing.__module__}.{thing.__qualname__}" if of_a_library(thing) else str(thing.__name__)


def of_a_library(thing: Any) -> bool:
    """Whether a library wrote it, and not this course or its reader."""
    return (thing.__module__ or "").partition(".")[0] in LIBRARIES
