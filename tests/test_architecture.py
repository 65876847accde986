"""Imports inside the package point one way, and importing what trains loads nothing that draws."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import gan_lab

PACKAGE = Path(gan_lab.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# A room, or a module that stands in none, imports from its own line and from those above it.
LINES = (
    ("files", "owner", "shipped", "run_folder", "parameters", "measure.seeds", "lessons.claims"),
    (
        "players",
        "losses",
        "lipschitz",
        "average",
        "moves",
        "latent",
        "layers",
        "theory",
        "process",
        "described",
        "gathered",
    ),
    ("networks", "data", "noise", "augmentation", "pretrained"),
    ("training",),
    ("identity", "checkpoint"),
    ("runs", "measure"),
    ("show",),
    ("lessons",),
)
LINE = {room: number for number, rooms in enumerate(LINES) for room in rooms}


def room(module: str) -> str:
    """measure.coverage -> measure; measure.seeds stays, since it has a place of its own; runner.cli -> runner."""
    return module if module in LINE else module.partition(".")[0]


def name(file: Path) -> str:
    """gan_lab/networks/mlp.py -> networks.mlp; gan_lab/networks/__init__.py -> networks."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(source: str, package: str = "gan_lab") -> Iterator[str]:
    """The modules of gan_lab that this source, standing in that package, imports anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*above, *filter(None, [node.module])])
            found = [f"{origin}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (module.removeprefix("gan_lab.") for module in found if module.startswith("gan_lab."))


def modules_imported_by(file: Path) -> set[str]:
    package = ".".join(("gan_lab", *file.parent.relative_to(PACKAGE).parts))
    known = {name(other) for other in FILES}
    found = set()
    for imported in imports(file.read_text(), package):
        parts = imported.split(".")
        longest = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
        found |= {next((module for module in longest if module in known), imported)}
    return found


@pytest.mark.parametrize(
    ("source", "package", "found"),
    [
        ("import os, gan_lab.runs as r", "gan_lab", ["runs"]),
        ("from gan_lab.networks.mlp import MLP", "gan_lab", ["networks.mlp.MLP"]),
        ("from gan_lab.show import plots, widgets", "gan_lab", ["show.plots", "show.widgets"]),
        ("from . import mlp", "gan_lab.networks", ["networks.mlp"]),
        ("from ..losses import Loss", "gan_lab.networks", ["losses.Loss"]),
        ("def f():\n    from gan_lab.runs import Run", "gan_lab", ["runs.Run"]),
        ("import gan_labels\nfrom gan_labels.runs import x", "gan_lab", []),
    ],
)
def test_every_way_to_import_is_seen(source: str, package: str, found: list[str]) -> None:
    assert list(imports(source, package)) == found


@pytest.mark.parametrize("file", FILES, ids=name)
def test_imports_point_one_way(file: Path) -> None:
    """The room `runner` deals with notebooks as files: it imports itself and the first line; nothing imports it."""
    own = room(name(file))
    for imported in sorted(modules_imported_by(file)):
        other = room(imported)
        if own == "runner":
            assert other == "runner" or LINE.get(other) == 0, f"{name(file)} imports {imported}, which trains or draws"
        elif own:
            assert other in LINE, f"{name(file)} trains or draws, {imported} deals with notebooks"
            assert LINE[other] <= LINE[own], f"{name(file)} may not import {imported}, which stands below it"


def test_every_module_has_a_place() -> None:
    assert {room(name(file)) for file in FILES} - {"", "runner"} <= LINE.keys()


def test_no_module_imports_itself_in_a_circle() -> None:
    TopologicalSorter({name(file): modules_imported_by(file) - {name(file)} for file in FILES}).prepare()


def loaded_with(*modules: str) -> set[str]:
    """The packages that a fresh Python has loaded after importing these."""
    program = f"import sys, {', '.join(modules)}; print(*{{m.partition('.')[0] for m in sys.modules}})"
    return set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )


def test_importing_the_package_or_the_names_in_a_run_s_folder_loads_nothing() -> None:
    assert not loaded_with("gan_lab", "gan_lab.run_folder") & {"torch", "numpy", "pandas"}


def test_what_trains_does_without_what_draws() -> None:
    trains = [file for file in FILES if room(name(file)) == "runs" or LINE.get(room(name(file)), 9) <= LINE["training"]]
    modules = [f"gan_lab.{name(file)}" for file in trains]
    slow = {"matplotlib", "ipywidgets", "IPython", "torchmetrics", "torchvision", "lightning_fabric", "ot"}
    assert not loaded_with(*modules) & slow


def test_the_command_answers_before_torch_is_loaded() -> None:
    assert not loaded_with("gan_lab.runner.cli") & {"torch", "matplotlib"}
