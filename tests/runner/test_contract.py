"""What notebooks promise with their parameters: each is read, every file of values suits, and a smoke run is short."""

import ast
import dis
import re
from pathlib import Path
from types import CodeType

import jupytext
import nbformat
import numpy as np
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from PIL import Image
from tiny_notebook import write_notebook

from gan_lab.run_folder import read_table
from gan_lab.runner.parameters import check, read_parameters, read_yaml
from gan_lab.runner.run import run_notebook
from gan_lab.runner.solutions import solved

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
FILES = sorted(FOLDER.glob("parameters/*.yaml"))


def unread(notebook: Path) -> set[str]:
    """The parameters that no later cell reads, or that one sets again before any does: an override would be lost."""
    lost = set(read_parameters(notebook))
    pending = set(lost)
    cells = [cell for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code"]
    for cell in cells:
        if "parameters" in cell.metadata.get("tags", []):
            continue
        source = TransformerManager().transform_cell(cell.source)
        code = compile(source, notebook.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        lost -= pending & read_in(code)
        pending -= read_in(code) | named(code, "STORE_NAME")
    return lost


def read_in(code: CodeType) -> set[str]:
    """The global names that a cell reads, the bodies of its functions and classes included.

    The compiler knows whose a name is; in every Python a name of the module is loaded by one of these instructions, and
    the variable of a function, or of a comprehension, by others.
    """
    names = named(code, "LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")
    if code.co_name != "<module>":
        names -= named(code, "STORE_NAME")  # what the body of a class sets is its own
    return names.union(*(read_in(part) for part in code.co_consts if isinstance(part, CodeType)))


def named(code: CodeType, *instructions: str) -> set[str]:
    """The names in these instructions of a piece of code."""
    return {step.argval for step in dis.get_instructions(code) if step.opname in instructions}


def notebooks_of(file: Path) -> list[Path]:
    """The notebooks that a file of parameters is for: its first comment names their numbers, "for notebook 01"."""
    comment = re.match(r"(#.*\n)*", file.read_text())
    numbers = re.findall(r"\b\d\d\b", comment[0]) if comment else []
    return [notebook for notebook in NOTEBOOKS if notebook.name[:2] in numbers]


def smoke(notebook: Path) -> dict[str, object]:
    """The values that make a notebook short: the file that ends in "smoke" and is for it; its own if there is none."""
    files = [file for file in FILES if file.stem.endswith("smoke") and notebook in notebooks_of(file)]
    return read_yaml(files[0]) if files else {}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_parameter_changes_something(notebook: Path) -> None:
    assert unread(notebook) == set()


@pytest.mark.parametrize("source", sorted(FOLDER.glob("source/*.py")), ids=lambda file: file.stem)
def test_the_first_statement_below_the_parameters_checks_them(source: Path) -> None:
    """Whoever takes plain papermill, or edits the cell, goes round the check of `gan-lab run`."""
    cells = [cell for cell in jupytext.read(source, fmt="py:percent").cells if cell.cell_type == "code"]
    (place,) = [i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", [])]
    assert cells[place + 1].source.splitlines()[0] == "check_parameters(globals())"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_parameter_says_what_it_means(notebook: Path) -> None:
    assert [name for name, parameter in read_parameters(notebook).items() if not parameter.meaning] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_of_parameters_suits_its_notebooks(file: Path) -> None:
    assert notebooks_of(file) != [], f"the first comment of {file.name} says which notebooks it is for, by number"
    for notebook in notebooks_of(file):
        check(notebook, read_yaml(file))


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the reports had one: five classes, in each the frames of a shape that moves, 32 x 32 pixels.

    A shape is one to five spots about a middle, as fingers are; there are 60 frames of each.
    """
    folder = tmp_path_factory.mktemp("film")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32]
    for k in range(1, 6):
        (folder / f"{k}_fingers").mkdir()
        middle = np.array([12.0, 12.0])
        for frame in range(60):
            middle = (middle + rng.normal(0, 0.7, 2)).clip(8, 24)
            angles = 2 * np.pi * np.arange(k) / 5 + 0.02 * frame
            places = middle + 5 * np.stack([np.cos(angles), np.sin(angles)], 1)
            spots = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / 3) for a, b in places)
            Image.fromarray((255 * np.clip(spots, 0, 1)).astype(np.uint8)).save(folder / f"{k}_fingers/{frame:03}.png")
    return folder


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_smoke_run_of_the_solved_notebook_on_images_of_one_s_own_ends_in_a_minute_with_every_answer_correct(
    notebook: Path, film: Path, tmp_path: Path
) -> None:
    """A minute on two cores that are free; ten times that here, so that a busy machine fails nobody."""
    source = jupytext.read(notebook.parent / "source" / f"{notebook.stem}.py", fmt="py:percent")
    nbformat.write(solved(source), tmp_path / notebook.name)
    given = {**smoke(notebook), "data_dir": str(film)}
    given |= {"batch_size": min(int(str(given["batch_size"])), 25)} if "batch_size" in given else {}  # 140 images train
    out = run_notebook(tmp_path / notebook.name, given, tmp_path / "out", time_limit=600, progress=False)
    cells = nbformat.read(out / notebook.name, as_version=4).cells
    said = [cell.outputs[0].text for cell in cells if "exercises.check_" in cell.source and cell.cell_type == "code"]
    assert said == ["Correct.\n"] * len(said) and len(said) >= 2


def test_fewer_images_than_features_leave_the_frechet_distance_open_and_notebook_04_comes_to_its_end(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    for name in ("bar", "cross", "ring"):
        (tmp_path / "shapes" / name).mkdir(parents=True)
        for i in range(20):
            pixels = rng.integers(0, 256, (32, 32), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "shapes" / name / f"{i}.png")
    (notebook,) = (one for one in NOTEBOOKS if one.stem == "04_wgan")
    given = {**smoke(notebook), "data_dir": str(tmp_path / "shapes"), "batch_size": 4}
    out = run_notebook(notebook, given, tmp_path / "out", time_limit=600, progress=False)
    measured = [read_table(file)[-1] for file in out.glob("*/epochs.csv")]
    assert len(measured) == 2 and all("kernel_distance" in row and "frechet_distance" not in row for row in measured)


@pytest.mark.parametrize(
    ("cells", "lost"),
    [
        (["print(a, b)"], set()),
        (["print(a)"], {"b"}),
        (["def f(a):\n    return a", "print(b)"], {"a"}),  # f's own a
        (["def f():\n    return a + b"], set()),
        (["a = 3", "print(a, b)"], {"a"}),  # the override is gone before it is read
        (["a = a + 1", "print(b)"], set()),
        (["print(b)", "b = a"], set()),
        (["async for i in f(a):\n    await g(i)", "%matplotlib inline\nprint(b)"], set()),
        (["x = [a for a in f(b)]"], {"a"}),
        (["x = {a: [b for _ in a] for a in y for b in y}"], {"a", "b"}),
        (["x = [y for y in z if y < a]", "def f():\n    return {y + b for y in z}"], set()),
        (["def f(a):\n    return lambda: [a + b for b in x]"], {"a", "b"}),
        (["class C:\n    a = 1\n    c = a", "class D:\n    def f(self):\n        return b"], {"a"}),
        (["class C:\n    a = b = 1\n    def f(self):\n        return a"], {"b"}),
        (["a += 1", "import b"], {"b"}),
        (["f'{a} and {b}'"], set()),
        (["'a and b'  # a, b"], {"a", "b"}),
    ],
)
def test_a_parameter_that_is_not_read_is_found(tmp_path: Path, cells: list[str], lost: set[str]) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb", *cells, parameters="a: int = 1  # a\nb: int = 2  # b")
    assert unread(notebook) == lost
