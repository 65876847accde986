"""pyproject.toml, held against what the code imports and what the citation says."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from gan_lab.runner.command import COURSE

TOP = Path(__file__).parents[1]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUNNER = set(TOP.glob("gan_lab/runner/**/*.py"))
NOTEBOOKS = set(TOP.glob("notebooks/source/*.py"))
CORE = {*TOP.glob("gan_lab/**/*.py"), *NOTEBOOKS} - RUNNER
# They come with one that is named, as a part of how that is used.
PARTS = {"dask": "distributed", "rich": "typer", "jupyter_client": "nbclient"}
PARTS |= {"traitlets": "nbclient", "yaml": "papermill"}


def imported(files: Iterable[Path]) -> set[str]:
    """The packages, neither Python's own nor ours, that these files import anywhere."""
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"gan_lab"}


def named(requirements: list[str]) -> set[str]:
    """["numpy>=2"] -> {"numpy"}."""
    return {re.split(r"[^\w-]", requirement)[0].lower() for requirement in requirements}


def distributions(packages: set[str]) -> set[str]:
    """{"PIL"} -> {"pillow"}: what is installed to import these."""
    known = packages_distributions()
    return {known[package][0].lower().replace("_", "-") for package in packages}


def test_the_core_is_what_the_notebooks_need() -> None:
    """And `ipykernel`, which runs them."""
    assert named(PROJECT["dependencies"]) == distributions(imported(CORE)) | {"ipykernel"}


@pytest.mark.parametrize("package", ["ipykernel", "ipython", "ipywidgets"])
def test_the_core_takes_the_kernel_as_it_is(package: str) -> None:
    assert package in PROJECT["dependencies"], "a floor would replace what runs the notebook, as on Colab"


def test_the_command_asks_for_all_that_its_room_imports() -> None:
    theirs = {PARTS.get(package, package) for package in imported(RUNNER)}
    assert set(COURSE) == theirs - imported(CORE)


def test_the_extra_course_has_all_that_the_command_asks_for() -> None:
    assert distributions(set(COURSE)) <= named(PROJECT["optional-dependencies"]["course"])


def test_the_citation_is_of_this_version() -> None:
    assert f"\nversion: {PROJECT['version']}\n" in (TOP / "CITATION.cff").read_text(encoding="utf-8")
