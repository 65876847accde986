"""The contract of a notebook: the parameters it takes, and what they may be.

A notebook declares its parameters in one cell tagged `parameters`, one annotated scalar a line. The comment says what
the parameter means and, in brackets at its end, what it may be:

    epochs: int = 30  # passes over the data [at least 1]
    real_target: float = 1.0  # what D should answer for a real image [above 0, at most 1]
    device: str = "auto"  # where to train [one of auto, cpu, cuda]
    data_dir: str = ""  # the images; "" is the bundled digits [a folder, or one of MNIST, KMNIST]
    batch_size: int = 64  # images a step [at least 2, at most the images in data_dir]
    run_dir: str = ""  # where the run is kept; "" lets the run choose

A bound is `at least`, `above`, `at most` or `below` a number, and a comma joins several. They are words because
papermill loses a line with a second "=", in a comment too.

`gan-lab` reads the contract before it starts a notebook. The notebook reads it too, right below the cell, since who
changes the cell, or takes plain papermill, goes round `gan-lab`:

    check_parameters(globals())
"""

import ast
import difflib
import math
import operator
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_lab.run_folder import Scalar
from gan_lab.shipped import DIGITS

TYPES: dict[str, type[Scalar]] = {"bool": bool, "int": int, "float": float, "str": str}
BOOLS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
BOUNDS: dict[str, Callable[[Any, float], bool]] = {
    "at least": operator.ge,
    "above": operator.gt,
    "at most": operator.le,
    "below": operator.lt,
}
IMAGES = re.compile(r"at most the images in (\w+)")
LINE = re.compile(r"(\w+)\s*:[^=#]*=\s*([^=#]*?)\s*(?:#\s*(?!type:)([^=]*))?")  # name: type = value  # comment
COMMENT = re.compile(r"(.*?)\s*(?:\[([^\[\]]*)\])?")  # the meaning [what is allowed]
INJECTED = "# Parameters\n"  # how the cell begins that papermill puts below the declaration


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell."""

    name: str
    type: type[Scalar]
    default: Scalar
    meaning: str
    allowed: str  # the words in brackets; "" if there are none

    def convert(self, value: object) -> Scalar:
        """The value in this parameter's type; a string is read as from a command line.

        Raises ValueError, saying what is allowed.
        """
        asked = self.asked
        if isinstance(value, Scalar):
            try:
                return asked(read(str(value), self.type))
            except (ValueError, KeyError):
                pass
        said = repr(value) if len(repr(value)) < 200 else f"{repr(value)[:200]}..."
        raise ValueError(f"{self.name} = {said} is not possible: it takes {self.takes}")

    @property
    def asked(self) -> Callable[[Any], Scalar]:
        """What the words in brackets ask of a value: it returns the value, or raises ValueError.

        Raises ValueError if the words cannot be read.
        """
        if self.allowed.startswith("one of "):
            return one_of(listed(self.allowed.removeprefix("one of ")))
        if folder := re.fullmatch(r"a folder(?:, or one of (.+))?", self.allowed):
            return folder_or([self.default, *listed(folder[1] or "")])
        return within([self._bound(words) for words in listed(self.allowed) if not IMAGES.fullmatch(words)])

    def _bound(self, words: str) -> tuple[Callable[[Any, float], bool], float]:
        bound = re.fullmatch(rf"({'|'.join(BOUNDS)}) (-?[\d.]+(?:e-?\d+)?)", words)
        if bound is None or self.type not in (int, float):
            raise ValueError(
                f"cannot read [{self.allowed}] in the comment of {self.name}; write for example [at least 1], "
                "[above 0, at most 1], [one of auto, cpu, cuda] or [a folder]"
            )
        return BOUNDS[bound[1]], float(bound[2])

    @property
    def takes(self) -> str:
        """What it takes, in words: "an int, at least 1 (passes over the data)"."""
        kind = {bool: "true or false", int: "an int", float: "a float", str: "a str"}[self.type]
        return ", ".join(filter(None, [kind, self.allowed])) + (f" ({self.meaning})" if self.meaning else "")


def check_parameters(namespace: dict[str, Any]) -> None:
    """Check what a notebook's parameters are set to, and give each the type that it declares.

    namespace: the notebook's names, `globals()`; with them come the cells that were run, `In`. The last run of the cell
    that declares the parameters counts, and the values that papermill has put below it. Where no cells are kept, as
    under nbval, there is nothing to go by, and nothing is done.
    Raises ValueError, naming every parameter that does not exist or cannot have its value, and what would do.
    """
    cells: Sequence[str] = namespace.get("In", [])
    names, place = max(((names_declared(cell), place) for place, cell in enumerate(cells)), default=(0, 0))
    if names == 0:
        return
    known = declared(cells[place])
    refuse_new_names(known, cells[:place])
    set_here = [*known, *(name for cell in cells[place + 1 :] for name in names_injected(cell))]
    namespace |= checked(known, {name: namespace[name] for name in set_here if name in namespace}, "this notebook")


def refuse_new_names(known: Mapping[str, Parameter], earlier: Sequence[str]) -> None:
    """Raises ValueError if a parameter has another name than when its cell was run first: the old one keeps its value,
    and whoever misspelt it would not be told."""
    before = next((cell for cell in earlier if names_declared(cell) == len(known)), "")
    try:
        names = declared(before)
    except ValueError:
        return  # it was refused when it was run
    for name in known:
        if names and name not in names:
            nearest(name, names, "this notebook")


def checked(known: Mapping[str, Parameter], given: Mapping[str, object], notebook: str) -> dict[str, Scalar]:
    """What a notebook with these parameters runs with: the given values in their types, and its own for the rest.

    Raises ValueError, naming every parameter that does not exist or cannot have its value, and what would do.
    """
    values = {name: parameter.default for name, parameter in known.items() if name not in given}
    wrong = []
    for name, value in given.items():
        try:
            values[name] = nearest(name, known, notebook).convert(value)
        except ValueError as error:
            wrong.append(str(error))
    wrong += more_than_the_images(known, values)
    if wrong:
        raise ValueError("\n".join(wrong))
    return {name: values[name] for name in known}


def more_than_the_images(known: Mapping[str, Parameter], values: Mapping[str, Scalar]) -> list[str]:
    """What is wrong with each value that may be at most the images in a folder; a torchvision set is not counted."""
    wrong = []
    for name, parameter in known.items():
        bound = IMAGES.search(parameter.allowed)
        if bound and {name, bound[1]} <= values.keys():
            folder = Path(str(values[bound[1]]) or DIGITS)
            classes = folder / "train" if (folder / "train").is_dir() else folder
            images = len(list(classes.glob("*/[!.]*")))
            if images and int(values[name]) > images:
                wrong.append(f"{name} = {values[name]} is not possible: there are {images} images in {classes}")
    return wrong


def nearest(name: str, known: Mapping[str, Parameter], notebook: str) -> Parameter:
    """The parameter of that name. Raises ValueError, suggesting the nearest name, if there is none."""
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}."
        raise ValueError(f"{notebook} has no parameter {name}: {hint}")
    return known[name]


def declared(cell: str) -> dict[str, Parameter]:
    """The parameters that a cell declares, by name, in its order.

    Raises ValueError if it does anything else, or if papermill cannot read a line, and SyntaxError if it is no Python.
    """
    lines, found = cell.splitlines(), {}
    for node in ast.parse(cell).body:
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value):
            raise ValueError(f"a parameter is written `name: type = value  # meaning`, unlike `{ast.unparse(node)}`")
        name, kind = node.target.id, ast.unparse(node.annotation)
        if kind not in TYPES:
            raise ValueError(f"{name} is a {kind}; a parameter is one of {', '.join(TYPES)}")
        default, words = default_and_comment(name, lines[node.lineno - 1])
        comment = COMMENT.fullmatch(words)
        meaning, allowed = (comment[1], comment[2] or "") if comment else ("", "")
        found[name] = Parameter(name, TYPES[kind], default, meaning, allowed)
    for bound in filter(None, (IMAGES.search(parameter.allowed) for parameter in found.values())):
        nearest(bound[1], found, f"[{bound[0]}]: the cell")
    return found


def names_declared(cell: str) -> int:
    """How many parameters a cell declares, be it in the right way or not; 0 if it is no Python."""
    try:
        lines = ast.parse(cell).body
    except (SyntaxError, ValueError):
        return 0
    return sum(isinstance(line, ast.AnnAssign) and ast.unparse(line.annotation) in TYPES for line in lines)


def names_injected(cell: str) -> list[str]:
    """The names that a cell sets, if it is the one in which papermill sets parameters."""
    lines = ast.parse(cell).body if cell.startswith(INJECTED) else []
    return [
        target.id
        for line in lines
        if isinstance(line, ast.Assign)
        for target in line.targets
        if isinstance(target, ast.Name)
    ]


def default_and_comment(name: str, line: str) -> tuple[Scalar, str]:
    """What the line of a parameter says, to papermill too. Raises ValueError if papermill would lose some of it."""
    try:
        read = LINE.fullmatch(line.strip())
        if read is None or read[1] != name:
            raise SyntaxError
        return ast.literal_eval(read[2]), read[3] or ""
    except (ValueError, SyntaxError):
        raise ValueError(
            f"papermill cannot read the line of {name}: it takes a plain value without '#', no second '=', "
            "and no comment that begins with `type:`"
        ) from None


def read(text: str, kind: type[Scalar]) -> Scalar:
    """A value of this type as people write it, such as 1e1 for an int. Raises ValueError or KeyError if it is none."""
    if kind is str:
        return text
    if kind is bool:
        return BOOLS[text.strip().lower()]
    number = float(text)
    if not math.isfinite(number) or (kind is int and not (number.is_integer() and abs(number) < 2**63)):
        raise ValueError(text)
    if kind is float:
        return number
    return int(number) if re.search("[.eE]", text) else int(text)  # a float has not all digits of a long int


def within(bounds: list[tuple[Callable[[Any, float], bool], float]]) -> Callable[[Any], Scalar]:
    """Refuses a value that is not within every bound."""

    def asked(value: Any) -> Scalar:
        if not all(holds(value, limit) for holds, limit in bounds):
            raise ValueError(value)
        return value  # type: ignore[no-any-return]

    return asked


def one_of(names: list[str]) -> Callable[[Any], Scalar]:
    """Refuses a value that is not among the names."""

    def asked(value: Scalar) -> Scalar:
        if str(value) not in names:
            raise ValueError(value)
        return value

    return asked


def folder_or(names: list[Scalar]) -> Callable[[Any], Scalar]:
    """Refuses what is neither a folder nor one of the names. A folder becomes absolute: notebooks run elsewhere."""

    def asked(value: str) -> str:
        folder = os.path.expanduser(value)
        if value in names:
            return value
        if not os.path.isdir(folder):  # pathlib's raises for a name that is too long, or a folder that may not be read
            raise ValueError(value)
        return os.path.realpath(folder)

    return asked


def listed(words: str) -> list[str]:
    """The items of a list as people write it: "auto, cpu, cuda"."""
    return [word.strip() for word in words.split(",") if word.strip()]
