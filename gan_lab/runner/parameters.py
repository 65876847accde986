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
papermill loses a line with a second "=", in a comment too. What is read here is what papermill reads; a test holds it,
for to import papermill takes seconds.
"""

import ast
import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import annotated_types
import yaml  # type: ignore[import-untyped]
from pydantic import AfterValidator, AllowInfNan, Field, TypeAdapter, ValidationError

from gan_lab.run_folder import Scalar
from gan_lab.runner.notebook_file import read_cells
from gan_lab.shipped import DIGITS

TYPES: dict[str, type[Scalar]] = {"bool": bool, "int": int, "float": float, "str": str}
BOUNDS: dict[str, Callable[[float], Any]] = {
    "at least": annotated_types.Ge,
    "above": annotated_types.Gt,
    "at most": annotated_types.Le,
    "below": annotated_types.Lt,
}
IMAGES = re.compile(r"at most the images in (\w+)")
LINE = re.compile(r"(\w+)\s*:[^=#]*=\s*([^=#]*?)\s*(?:#\s*(?!type:)([^=]*))?")  # name: type = value  # comment
COMMENT = re.compile(r"(.*?)\s*(?:\[([^\[\]]*)\])?")  # the meaning [what is allowed]


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
        if isinstance(value, Scalar):
            try:
                asked = Annotated[self.type, Field(description=self.meaning), *self.constraints]  # type: ignore[name-defined]
                converted: Scalar = TypeAdapter(asked).validate_strings(str(value))
                return converted
            except ValidationError:
                pass
        raise ValueError(f"{self.name} = {value!r} is not possible: it takes {self.takes}")

    @property
    def constraints(self) -> list[Any]:
        """What the words in brackets ask of a value, for pydantic. Raises ValueError if they cannot be read."""
        if self.allowed.startswith("one of "):
            return [AfterValidator(one_of(listed(self.allowed.removeprefix("one of "))))]
        if folder := re.fullmatch(r"a folder(?:, or one of (.+))?", self.allowed):
            return [AfterValidator(folder_or(self.default, *listed(folder[1] or "")))]
        finite: list[Any] = [AllowInfNan(False)] if self.type is float else []
        return finite + [self._bound(words) for words in listed(self.allowed) if not IMAGES.fullmatch(words)]

    def _bound(self, words: str) -> Any:
        bound = re.fullmatch(rf"({'|'.join(BOUNDS)}) (-?[\d.]+(?:e-?\d+)?)", words)
        if bound is None or self.type not in (int, float):
            raise ValueError(
                f"cannot read [{self.allowed}] in the comment of {self.name}; write for example [at least 1], "
                "[above 0, at most 1], [one of auto, cpu, cuda] or [a folder]"
            )
        return BOUNDS[bound[1]](float(bound[2]))

    @property
    def takes(self) -> str:
        """What it takes, in words: "an int, at least 1 (passes over the data)"."""
        kind = {bool: "true or false", int: "an int", float: "a float", str: "a str"}[self.type]
        return ", ".join(filter(None, [kind, self.allowed])) + (f" ({self.meaning})" if self.meaning else "")


def read_parameters(notebook: str | Path) -> dict[str, Parameter]:
    """The parameters of a notebook by name, in the notebook's order.

    Raises FileNotFoundError if there is no such notebook, ValueError if its parameters cannot be read.
    """
    cells = [cell.source for cell in read_cells(notebook) if "parameters" in cell.tags]
    if len(cells) != 1:
        raise ValueError(f"{notebook} needs one cell tagged 'parameters', and has {len(cells)}")
    try:
        known = {parameter.name: parameter for parameter in declared(cells[0])}
        for bound in filter(None, (IMAGES.search(parameter.allowed) for parameter in known.values())):
            nearest(bound[1], known, Path(notebook).name)
    except (ValueError, SyntaxError) as error:
        raise ValueError(f"{notebook}: {error}") from None
    return known


def check(notebook: str | Path, given: Mapping[str, object]) -> dict[str, Scalar]:
    """What the notebook would run with: the given values in their types, and its own for the rest.

    Raises ValueError, naming every parameter that does not exist or cannot have its value, and what would do.
    """
    known = read_parameters(notebook)
    values = {name: parameter.default for name, parameter in known.items()}
    wrong = []
    for name, value in given.items():
        try:
            values[name] = nearest(name, known, Path(notebook).name).convert(value)
        except ValueError as error:
            wrong.append(str(error))
    wrong += more_than_the_images(known, values)
    if wrong:
        raise ValueError("\n".join(wrong))
    return values


def more_than_the_images(known: Mapping[str, Parameter], values: Mapping[str, Scalar]) -> list[str]:
    """What is wrong with each value that may be at most the images in a folder; a torchvision set is not counted."""
    wrong = []
    for name, parameter in known.items():
        if bound := IMAGES.search(parameter.allowed):
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


def read_yaml(file: str | Path) -> dict[str, object]:
    """The parameters in a YAML file, each value as it is written there: the parameter's type decides what it is.

    Raises FileNotFoundError if there is no such file, ValueError if it does not hold names and values.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f"there is no file of parameters {file}")
    try:
        values = yaml.load(Path(file).read_bytes(), yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{file} should hold lines `name: value`")
    return {str(name): value for name, value in values.items()}


def declared(cell: str) -> Iterator[Parameter]:
    """The parameters that a cell declares.

    Raises ValueError if it does anything else, if papermill cannot read a line, or if one contradicts itself, and
    SyntaxError if it is no Python.
    """
    lines = cell.splitlines()
    for node in ast.parse(cell).body:
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value):
            raise ValueError(f"a parameter is written `name: type = value  # meaning`, unlike `{ast.unparse(node)}`")
        name, kind = node.target.id, ast.unparse(node.annotation)
        if kind not in TYPES:
            raise ValueError(f"{name} is a {kind}; a parameter is one of {', '.join(TYPES)}")
        default, words = default_and_comment(name, lines[node.lineno - 1])
        comment = COMMENT.fullmatch(words)
        meaning, allowed = (comment[1], comment[2] or "") if comment else ("", "")
        parameter = Parameter(name, TYPES[kind], default, meaning, allowed)
        parameter.convert(default)
        yield parameter


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


def one_of(names: Collection[str]) -> Callable[[Scalar], Scalar]:
    """Refuses a value that is not among the names."""

    def check(value: Scalar) -> Scalar:
        if str(value) not in names:
            raise ValueError(value)
        return value

    return check


def folder_or(*names: Scalar) -> Callable[[str], str]:
    """Refuses what is neither a folder nor one of the names. A folder becomes absolute: notebooks run elsewhere."""

    def check(value: str) -> str:
        if value in names:
            return value
        if not Path(value).expanduser().is_dir():
            raise ValueError(value)
        return str(Path(value).expanduser().resolve())

    return check


def listed(words: str) -> list[str]:
    """The items of a list as people write it: "auto, cpu, cuda"."""
    return [word.strip() for word in words.split(",") if word.strip()]


def unformatted(path: str | Path) -> str:
    """A path that papermill, which fills {names} in a path with parameters, leaves as it is."""
    return str(path).replace("{", "{{").replace("}", "}}")
