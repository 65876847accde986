"""What a round leaves in an object, told from what the object was made with.

A discriminator that keeps its features for the loss, or a loss that counts its calls, is the same one after a round. So
an attribute that a round stores or changes does not tell what an object is, unless `__init__` was given it.
"""

import dis
import inspect
import types
from collections.abc import Iterable, Iterator
from functools import cache

PLAYED = ("forward", "__call__", "d_loss", "g_loss", "measures", "get_lr", "step")  # what a round begins with
CHANGES = {"append", "appendleft", "extend", "update", "add", "setdefault"}  # and every name that ends in _


@cache
def gathered(kind: type) -> frozenset[str]:
    """The attributes of a class that a round leaves in its objects, and that begin as the class's own code says."""
    return changed(in_a_round(kind)) - given(kind)


@cache
def altered(kind: type) -> frozenset[str]:
    """The attributes of a class that any method but `__init__` and `load_state_dict` changes."""
    names = {name for each in kind.__mro__ if own(each) for name in vars(each)} - {"__init__", "load_state_dict"}
    return changed(function for name in names for function in functions(kind, name))


def changed(by: Iterable[types.FunctionType]) -> frozenset[str]:
    """The attributes that these store, self.h = x, or change in place, self.h.add_(x), self.h.append(x)."""
    found = set()
    for function in by:
        steps = list(dis.get_instructions(function))
        found |= {step.argval for step in steps if step.opname == "STORE_ATTR"}
        for n, step in enumerate(steps):
            if loads(step) and any(map(changes, steps[n + 1 : n + 3])):
                found.add(step.argval)
    return frozenset(found)


def in_a_round(kind: type) -> Iterator[types.FunctionType]:
    """The functions of a class that a round calls, and those that these call."""
    names, seen = list(PLAYED), set()
    while names:
        name = names.pop()
        for function in functions(kind, name) if name not in seen else ():
            yield function
            names += [str(step.argval) for step in dis.get_instructions(function) if loads(step)]
        seen.add(name)


@cache
def given(kind: type) -> frozenset[str]:
    """The attributes that `__init__` sets to what it is given or computes. A constant is told by its code."""
    found = set()
    for function in functions(kind, "__init__"):
        steps = list(dis.get_instructions(function))
        for n, step in enumerate(steps):
            if step.opname != "STORE_ATTR" or n < 2:
                continue
            fallback = steps[n - 1].is_jump_target  # self.sigma = sigma or 0.3
            if fallback or not constant(steps[n - 2]):
                found.add(step.argval)
    return frozenset(found)


def own(kind: type) -> bool:
    """Whether it is not torch's, whose methods change all that a module has."""
    return kind.__module__.partition(".")[0] != "torch"


def functions(kind: type, name: str) -> Iterator[types.FunctionType]:
    """The methods of this name, of the class and of those that it comes from; without a decorator."""
    for each in kind.__mro__:
        method = vars(each).get(name)
        function = inspect.unwrap(method) if isinstance(method, types.FunctionType) else None
        if own(each) and isinstance(function, types.FunctionType):
            yield function


def constant(step: dis.Instruction) -> bool:
    """Whether a value is one, or an empty list or dictionary."""
    return step.opname in ("LOAD_CONST", "LOAD_SMALL_INT") or (
        step.opname in ("BUILD_LIST", "BUILD_MAP") and step.arg == 0
    )


def loads(step: dis.Instruction) -> bool:
    return step.opname in ("LOAD_ATTR", "LOAD_METHOD")


def changes(step: dis.Instruction) -> bool:
    """Whether a step changes what was loaded before it."""
    name = str(step.argval)
    in_place = name in CHANGES or (name.endswith("_") and not name.endswith("__"))
    return step.opname == "STORE_SUBSCR" or (loads(step) and in_place)
