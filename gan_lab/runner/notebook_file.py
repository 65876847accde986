"""A notebook as a file: its cells and its title, without nbformat, which takes a second to import."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python"}  # both as the metadata of a notebook of the course
CLAIMS = "claims"  # the tag of cells that hold the text to the numbers
HIDE_INPUT = "hide-input"  # Jupyter Book's tag of cells that are read for what they show: imports, drawings


class Cell(NamedTuple):
    """A cell as its author wrote it."""

    type: str  # "code" or "markdown"
    source: str
    tags: list[str]


def read_cells(notebook: str | Path) -> list[Cell]:
    """The cells in their order. Raises FileNotFoundError if there is no such notebook, ValueError if it is none."""
    if not Path(notebook).is_file():
        raise FileNotFoundError(f"there is no notebook {notebook}")
    try:
        cells = json.loads(Path(notebook).read_bytes())["cells"]
        return [Cell(c["cell_type"], "".join(c["source"]), c["metadata"].get("tags", [])) for c in cells]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"{notebook} is no notebook that can be read: open it in Jupyter and save it again") from None


def folding(tags: Collection[str]) -> dict[str, dict[str, bool]]:
    """The metadata by which JupyterLab folds the code of a cell with these tags; none for a cell that is to be read."""
    return {"jupyter": {"source_hidden": True}} if {CLAIMS, HIDE_INPUT} & {*tags} else {}


def title(notebook: str | Path) -> str:
    """The notebook's first heading, without its number sign."""
    for cell in read_cells(notebook):
        if cell.type == "markdown" and cell.source.startswith("# "):
            return cell.source.splitlines()[0].removeprefix("# ").strip()
    return Path(notebook).stem
