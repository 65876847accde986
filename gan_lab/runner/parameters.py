"""The contract of a notebook, `gan_lab.parameters`, read from its file; and files of values.

What is read here is what papermill reads; a test holds it, for to import papermill takes seconds.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from gan_lab.parameters import Parameter, checked, declared
from gan_lab.run_folder import Scalar
from gan_lab.runner.notebook_file import read_cells


def read_parameters(notebook: str | Path) -> dict[str, Parameter]:
    """The parameters of a notebook by name, in the notebook's order, each default in its parameter's type.

    Raises FileNotFoundError if there is no such notebook, ValueError if its parameters cannot be read, or if one has a
    default that it may not have.
    """
    cells = [cell.source for cell in read_cells(notebook) if "parameters" in cell.tags]
    if len(cells) != 1:
        raise ValueError(f"{notebook} needs one cell tagged 'parameters', and has {len(cells)}")
    try:
        known = declared(cells[0]).values()
        return {one.name: replace(one, default=one.convert(one.default)) for one in known}
    except (ValueError, SyntaxError) as error:
        raise ValueError(f"{notebook}: {error}") from None


def check(notebook: str | Path, given: Mapping[str, object]) -> dict[str, Scalar]:
    """What the notebook would run with: the given values in their types, and its own for the rest.

    Raises ValueError, naming every parameter that does not exist or cannot have its value, and what would do.
    """
    return checked(read_parameters(notebook), given, Path(notebook).name)


def read_yaml(file: str | Path) -> dict[str, object]:
    """The parameters in a YAML file, each value as it is written there: the parameter's type decides what it is.

    Raises FileNotFoundError if there is no such file, ValueError if it does not hold names and values, each name once.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f"there is no file of parameters {file}")
    try:
        page = yaml.compose(Path(file).read_text(encoding="utf-8-sig"), yaml.BaseLoader)
    except UnicodeDecodeError:
        raise ValueError(f"{file} cannot be read: save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        said = f"{file} cannot be read: {error.problem}, in line {line}; write lines `name: value`"
        raise ValueError(said) from None
    except yaml.YAMLError as error:
        raise ValueError(f"{file} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(page, yaml.MappingNode):
        raise ValueError(f"{file} should hold lines `name: value`")
    values: dict[str, object] = {}
    for name, value in page.value:
        where = f"{file}, line {name.start_mark.line + 1}"
        if not (isinstance(name, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode)):
            raise ValueError(f"{where} should be `name: value`, with one value")
        if name.value in values:
            raise ValueError(f"{where} gives {name.value} a second time: keep one of the two lines")
        values[name.value] = value.value
    return values


def unformatted(path: str | Path) -> str:
    """A path that papermill, which fills {names} in a path with parameters, leaves as it is."""
    return str(path).replace("{", "{{").replace("}", "}}")
