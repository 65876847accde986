"""Which notebook and which code a run was made by: digits that change when they change."""

import hashlib
import json
from functools import cache
from importlib.metadata import version
from pathlib import Path

import gan_lab
from gan_lab.runner.notebook_file import read_cells

PARAMETERS = {"parameters", "injected-parameters"}  # the tags of cells whose values a run keeps by name


def notebook_digest(notebook: str | Path) -> str:
    """Eight digits for the notebook's code: its code cells, without their outputs, the text and the parameters.

    Raises FileNotFoundError if there is no such notebook, ValueError if it is none.
    """
    code = [cell.source for cell in read_cells(notebook) if cell.type == "code" and not PARAMETERS & {*cell.tags}]
    return digest(json.dumps(code).encode())


@cache
def code_version() -> str:
    """The version of gan-lab and eight digits for what its notebooks import: "0.1.0 3f2a91c0"."""
    package = Path(gan_lab.__file__).parent
    runner = Path(__file__).parent
    files = sorted(file for file in package.rglob("*.py") if runner not in file.parents)
    sources = [(file.relative_to(package).as_posix(), file.read_text(encoding="utf-8")) for file in files]
    return f"{version('gan-lab')} {digest(json.dumps(sources).encode())}"


def digest(words: bytes) -> str:
    """Eight hexadecimal digits that stand for the bytes."""
    return hashlib.sha256(words).hexdigest()[:8]
