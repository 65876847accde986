"""What a round leaves in an object, told from what the object was made with.

A discriminator that keeps its features for the loss, or a loss that counts its calls, is the same one after a round. So
an attribute that a round stores or changes does not tell what an object is, unless `__init__` was given it.
"""

import dis
import inspect
import types
from collections.abc import Iterator
from functools import cache

PLAYED = ("forward", "__call__", "d_loss", "g_loss", "measures", "get_lr", "step")  # what a round begins with
CHANGES = {"append", "appendleft", "extend", "update", "add", "setdefault"}  # and every name that ends in _


def gathered(kind: type) -> frozenset[str]:
    """The attributes of a class that a round leaves in its objects, and that begin as the class's own code says."""
    return changed(kind) - given(kind)


@cache
def changed(kind: type) -> frozenset[str]:
    """The attributes that a round stores, self.h = x, or changes in place, self.h.add_(x), self.h.append(x)."""
    found = set()
    for function in in_a_round(kind):
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
        for each in kind.__mro__ if name not in seen else ():
            function = inspect.unwrap(vars(each).get(name))  # type: ignore[arg-type]
            if isinstance(function, types.FunctionType) and each.__module__.partition(".")[0] != "torch":
                yield function
                names += [str(step.argval) for step in dis.get_instructions(function) if loads(step)]
        seen.add(name)


@cache
def given(kind: type) -> frozenset[str]:
    """The attributes that `__init__` sets to what it is given or computes. A constant is told by its code."""
    found = set()
    for each in kind.__mro__:
        function = vars(each).get("__init__")
        steps = [*dis.get_instructions(function)] if isinstance(function, types.FunctionType) else []
        for n, step in enumerate(steps):
            if step.opname == "STORE_ATTR" and n >= 2 and not constant(steps[n - 2]):
                found.add(step.argval)
    return frozenset(found)


def constant(step: dis.Instruction) -> bool:
    """Whether a value is one, or an empty list or dictionary."""
    return step.opname == "LOAD_CONST" or (step.opname in ("BUILD_LIST", "BUILD_MAP") and step.arg == 0)


def loads(step: dis.Instruction) -> bool:
    return step.opname in ("LOAD_ATTR", "LOAD_METHOD")


def changes(step: dis.Instruction) -> bool:
    """Whether a step changes what was loaded before it."""
    name = str(step.argval)
    in_place = name in CHANGES or (name.endswith("_") and not name.endswith("__"))
    return step.opname == "STORE_SUBSCR" or (loads(step) and in_place)
