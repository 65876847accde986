"""What a thing is, in words that change when what it does changes.

    described(NonSaturating(0.9))   'NonSaturating(real_target=0.9, fake_target=0.0, generator_target=1.0) 5f0c2a1b'

The eight digits stand for all that a thing is: the byte code of its functions and of those of ours that they use, what
these close over, its class, and all that it holds. So a comment or a blank line does not matter, and a changed sign
does. Another version of Python has other byte code. What a library has written goes by its name and by what it holds.

What training changes does not count: weights, optimisers' moments, a schedule's counts, random generators, and what
a round leaves in an object (`gathered`). A global list that a loss fills does count.
"""

import copyreg
import dis
import functools
import hashlib
import inspect
import itertools
import logging
import random
import re
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.utils.hooks import RemovableHandle

from gan_lab.gathered import altered, gathered, given

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), torch.dtype, torch.device)
FUNCTION = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
SCHEDULES = (LRScheduler, ReduceLROnPlateau)
SLOT = (types.MemberDescriptorType, types.GetSetDescriptorType)
RANDOM = (np.random.Generator, np.random.RandomState, torch.Generator, random.Random)
BY_NAME = (*RANDOM, types.GeneratorType, logging.Logger, RemovableHandle)  # what they hold is not what they are for
OURS = {"gan_lab", "__main__"}  # wherever they lie
PLAYED = {"gan_lab.training", "gan_lab.runs"}  # a game or a run that a function speaks of changes as it goes
UNTOLD = {"_abc_impl", "_is_protocol", "_is_runtime_protocol"}  # of a class
COMPILED = "_torchdynamo_orig_callable"  # what torch.compile was given
OF_A_MODULE = {*vars(nn.Module())}  # what torch keeps of every module
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
OF_A_CLASS = {"__doc__", "__firstlineno__", "__static_attributes__"}  # what its body stores beside what it says
LEARNED = {
    "running_mean",
    "running_var",
    "num_batches_tracked",
    "_u",
    "_v",
    "weight_u",
    "weight_v",
    "base",
    "n_averaged",
}
COUNTS = {"last_epoch", "_step_count", "_last_lr", "_get_lr_called_within_step", "_is_initial", "T_cur", "T_i"}
COUNTS |= {"best", "num_bad_epochs", "cooldown_counter", "optimizer"}  # of schedules


def described(thing: Any) -> str:
    """A loss, penalty, player, function or value: its name, its plain settings, and eight digits for all that it is."""
    if isinstance(thing, PLAIN):
        return repr(thing)
    text = "\n".join(Description().lines(thing))
    return f"{named(thing)} {hashlib.sha256(text.encode(errors='backslashreplace')).hexdigest()[:8]}"


def named(thing: Any) -> str:
    """What a thing is called, and its plain settings: "NonSaturating(real_target=0.9)", "clip_weights(c=0.01)"."""
    if isinstance(thing, nn.Module):
        weights = sum(weight.numel() for weight in thing.parameters())
        return f"{type(thing).__module__.rpartition('.')[2]}.{type(thing).__name__}, {weights:,} parameters,"
    if isinstance(thing, functools.partial):
        return f"{named(thing.func)}({said(dict(enumerate(thing.args)) | thing.keywords)})"
    if isinstance(thing, (*FUNCTION, type)):
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

    def items(self, held: Mapping[Any, Any]) -> Iterator[str]:
        for name, value in held.items():
            yield from [f"{name!s}:"] if isinstance(name, PLAIN) else self.lines(name)
            yield from self.lines(value)

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
            case types.FunctionType() if hasattr(thing, COMPILED):
                yield from self.lines(getattr(thing, COMPILED))
            case types.FunctionType():
                yield from self.function(thing)
            case staticmethod() | classmethod():
                yield from self.lines(thing.__func__)
            case property():
                yield from self.items({"get": thing.fget, "set": thing.fset})
            case type():
                yield from self.kind(thing)
            case nn.Module():
                yield from self.network(getattr(thing, "_orig_mod", thing))  # what torch.compile was given
            case nn.Parameter():
                yield f"a parameter {tuple(thing.shape)}"
                yield from () if thing.requires_grad else self.tensor(thing)
            case Tensor():
                yield from () if thing.grad_fn else self.tensor(thing)
            case np.ndarray() if thing.dtype.hasobject:
                yield from self.lines(thing.tolist())
            case np.ndarray():
                yield f"{thing.dtype} {thing.shape} {hashlib.sha256(thing.tobytes()).hexdigest()}"
            case Optimizer():
                yield settings(thing)
            case _ if isinstance(thing, BY_NAME) or type(thing).__module__ in {*PLAYED, "itertools"}:
                yield type(thing).__name__
            case _ if isinstance(wrapped := inspect.getattr_static(thing, "__wrapped__", None), FUNCTION):
                yield from self.lines(wrapped)
            case _:
                yield from self.object(thing)

    def tensor(self, x: Tensor) -> Iterator[str]:
        yield f"{x.dtype} {x.layout}"
        with suppress(Exception):  # a nested one, or one without values, has no more to tell
            x = x.detach().to_dense().resolve_conj().resolve_neg().cpu()
            values = x.clone(memory_format=torch.contiguous_format).view(-1).view(torch.uint8)  # NumPy has no bfloat16
            yield f"{tuple(x.shape)} {hashlib.sha256(values.numpy().tobytes()).hexdigest()}"

    def object(self, thing: Any) -> Iterator[str]:
        """Its class, what is in it, if it is a container, and what it holds."""
        yield from self.lines(type(thing))
        match thing:
            case Mapping():
                yield from self.items(thing)
            case list() | tuple():
                yield from self.items(dict(enumerate(thing)))
            case set() | frozenset():
                yield from self.items(dict(enumerate(sorted(thing, key=described))))
        if held := held_by(thing):
            yield from self.items(held)
        elif of_a_library(type(thing)) and not isinstance(thing, Mapping | list | tuple | set | frozenset):
            yield from self.pickled(thing)

    def pickled(self, thing: Any) -> Iterator[str]:
        """What a library's thing that holds nothing openly says of itself when it is to be stored."""
        with suppress(Exception):  # not everything can be stored: then its class is all
            registered = copyreg.dispatch_table.get(type(thing))
            stored = registered(thing) if registered else thing.__reduce_ex__(4)
            if isinstance(stored, str):  # its name
                yield f"{getattr(thing, '__module__', '')}.{stored}"
            else:
                yield from self.parts(stored)

    def parts(self, stored: tuple[Any, ...]) -> Iterator[str]:
        make, arguments, state, *entries = (*stored, None, None, None)[:5]
        yield from self.items({"made by": make, "of": arguments, "with": state})
        for entry in entries:
            yield from self.items(dict(enumerate(entry or ())))

    def function(self, f: types.FunctionType) -> Iterator[str]:
        yield name_of(f)
        yield from self.items(dict(enumerate(f.__defaults__ or ())) | (f.__kwdefaults__ or {}))
        yield from self.items(dict(zip(f.__code__.co_freevars, map(contents, f.__closure__ or ()), strict=True)))
        yield from self.items(vars(f))
        if not of_a_library(f):
            yield from code(f.__code__)
            yield from self.items(dict(used(f.__code__, f.__globals__)))

    def kind(self, kind: type) -> Iterator[str]:
        yield name_of(kind)
        if of_a_library(kind):
            return
        yield from self.items(dict(enumerate(kind.__bases__)))
        for name, value in vars(kind).items():
            own = name not in UNTOLD and not isinstance(value, SLOT)
            if own and (isinstance(value, types.FunctionType) or not name.startswith("__")):
                yield from self.items({name: value})

    def network(self, network: nn.Module) -> Iterator[str]:
        """Its layers, their settings and hooks, and the shapes of their weights."""
        yield ADDRESS.sub("", repr(network))
        for path, layer in network.named_modules():
            yield path
            kind = type_before_parametrizations(layer)  # spectral norm makes a class of torch's of it
            yield from self.lines(kind)
            yield from self.items({name: value for name, value in vars(layer).items() if setting(layer, name, value)})
            for when in ("forward_pre", "forward", "backward_pre", "backward"):
                yield from self.items(dict(enumerate(getattr(layer, f"_{when}_hooks").values())))
            yield from self.items({name: x for name, x in layer.named_buffers(recurse=False) if constant(layer, name)})
        for name, weight in network.named_parameters():
            yield f"{name} {tuple(weight.shape)} {weight.requires_grad}"
            yield from self.items(dict(enumerate((weight._backward_hooks or {}).values())))
            yield from () if weight.requires_grad else self.tensor(weight)  # frozen: nothing trains it


def setting(layer: nn.Module, name: str, value: Any) -> bool:
    """Whether an attribute of a layer is a setting; the tensors that a library keeps there come from its weights."""
    kind = type_before_parametrizations(layer)
    normed = f"{name}_orig" in layer._parameters or f"{name}_g" in layer._parameters  # by torch.nn.utils
    kept_by_torch = isinstance(value, Tensor) and (normed or of_a_library(kind))
    return name not in OF_A_MODULE and not kept_by_torch and name not in gathered(kind)


def constant(layer: nn.Module, name: str) -> bool:
    """Whether a buffer is a setting, and not a part of what is trained."""
    kind = type_before_parametrizations(layer)
    return name not in LEARNED and (of_a_library(kind) or name not in altered(kind))


def settings(opt: Optimizer) -> str:
    """An optimiser's kind and settings, and how many numbers it trains; of a rate that a schedule changes, where it
    began."""
    opt = getattr(opt, "optimizer", opt)  # without Fabric's wrapper
    parts = []
    for group in opt.param_groups:
        told = {name: value for name, value in group.items() if name not in ("initial_lr", "params")}
        told |= {
            "lr": group.get("initial_lr", group["lr"]),
            "params": sum(weight.numel() for weight in group["params"]),
        }
        parts += [", ".join(f"{name}={value}" for name, value in told.items())]
    kind = type(opt).__name__ if of_a_library(type(opt)) else described(type(opt))
    return f"{kind}({'; '.join(parts)})"


def held_by(thing: Any) -> dict[str, Any]:
    """What an object goes by: all its attributes but for those that are its state."""
    held = {name: value for name, value in getattr(thing, "__dict__", {}).items() if name != "__doc__"}
    kind: Any = type(thing)
    for each in kind.__mro__:
        held |= {name: getattr(thing, name) for name, x in vars(each).items() if own_slot(x) and hasattr(thing, name)}
    if isinstance(thing, SCHEDULES):
        return {name: value for name, value in held.items() if name not in COUNTS}
    if of_a_library(kind):
        return held
    state = (state_of(thing) - (given(kind) - altered(kind))) | gathered(kind)  # a setting may be in a state, too
    return {name: value for name, value in held.items() if name not in state and not computed(kind, name)}


def computed(kind: type, name: str) -> bool:
    """Whether an attribute is kept by a `cached_property`."""
    return isinstance(inspect.getattr_static(kind, name, None), functools.cached_property)


def state_of(thing: Any) -> set[str]:
    """The attributes that an own `state_dict` names, or reads."""
    function = inspect.getattr_static(type(thing), "state_dict", None)
    if not isinstance(function, types.FunctionType):
        return set()
    names = {*function.__code__.co_names}
    with suppress(Exception):  # it may need what a first round makes
        names |= {*thing.state_dict()}
    return names


def own_slot(x: Any) -> bool:
    """Whether an attribute of a class stands for what its objects keep in `__slots__`."""
    return isinstance(x, types.MemberDescriptorType) and not of_a_library(x.__objclass__)


def code(of: types.CodeType) -> Iterator[str]:
    """What a function does, an instruction a line, with names and constants; its docstring is none of them."""
    yield " ".join(of.co_varnames[: of.co_argcount + of.co_kwonlyargcount])
    yield of.co_exceptiontable.hex()  # what a try covers
    steps = list(dis.get_instructions(of))
    for step, following in itertools.zip_longest(steps, steps[1:]):
        if following and following.opname == "STORE_NAME" and following.argval in OF_A_CLASS:
            continue
        value = of.co_consts[step.arg or 0] if step.opcode in dis.hasconst else step.argval  # 3.11 names no KW_NAMES
        if isinstance(value, types.CodeType):
            yield from code(value)
        else:
            yield f"{step.opname} {sorted(value, key=repr) if isinstance(value, frozenset) else value!r}"


def used(of: types.CodeType, there: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a function looks up outside of itself, by name: "rate", or "mine.losses.noise" of an own module.

    The module may be imported in its body, if by from ... import.
    """
    steps = list(dis.get_instructions(of))
    for n, step in enumerate(steps):
        if isinstance(step.argval, types.CodeType):
            yield from used(step.argval, there)
        elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS") and step.argval in there:
            yield reached(step.argval, there[step.argval], steps[n + 1 :])
        elif step.opname == "IMPORT_FROM":
            module = next(before.argval for before in reversed(steps[:n]) if before.opname == "IMPORT_NAME")
            yield f"{module}.{step.argval}", vars(sys.modules.get(module, sys)).get(step.argval)


def reached(name: str, value: Any, steps: list[dis.Instruction]) -> tuple[str, Any]:
    """What a function takes out of a module, or of one inside it; another value is what is reached."""
    for step in steps:
        if not (isinstance(value, types.ModuleType) and str(step.argval) in vars(value)):
            break
        name, value = f"{name}.{step.argval}", vars(value)[str(step.argval)]
    return name, value


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
    # functools.wraps gives a function the module of what it wraps
    module = thing.__globals__.get("__name__") if isinstance(thing, types.FunctionType) else thing.__module__
    top = str(module or "").partition(".")[0]
    return top not in OURS and (top in sys.stdlib_module_names or installed(top))


@functools.cache
def installed(package: str) -> bool:
    """Whether a package lies where pip puts them."""
    file = getattr(sys.modules.get(package), "__file__", None) or ""
    return not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
