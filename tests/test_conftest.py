"""The conftest at the top of the project, tried on small notebooks and tests in a pytest of their own."""

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook, new_output

TOP = Path(__file__).parent.parent
LIVE = """\
import asyncio, ipywidgets
from IPython.display import clear_output, display
async def rounds():
    for i in range(3):
        await asyncio.sleep(0.01)
        yield i
slider = ipywidgets.IntSlider()
view = display(ipywidgets.VBox([slider]), display_id=True)
async for i in rounds():
    slider.value = i
    view.update({"text/plain": str(i)}, raw=True)
    clear_output()
"""
TALKATIVE = """\
import ipywidgets
x = ipywidgets.IntProgress(max=9999)
for i in range(10000):
    x.value = i
"""
PATIENT = """\
import time
try:
    time.sleep(60)
except KeyboardInterrupt:
    print("stopped")
"""
NOTE_RUNS = "import os, pathlib; pathlib.Path('where').write_text(os.environ['GAN_LAB_RUNS'])"


def outcomes(folder: Path, *, seconds: int) -> dict[str, list[str]]:
    """By file, what pytest with this project's conftest says of each test and cell: passed, skipped, or why not."""
    shutil.copy(TOP / "conftest.py", folder)
    shutil.copy(TOP / "pyproject.toml", folder)
    files = sorted(str(file.relative_to(folder)) for file in [*folder.glob("*.ipynb"), *folder.glob("test_*.py")])
    options = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={seconds}", "--junitxml=junit.xml"]
    subprocess.run([sys.executable, "-m", "pytest", *options, *files], cwd=folder, timeout=300, capture_output=True)
    said: dict[str, list[str]] = {}
    for case in ET.parse(folder / "junit.xml").iter("testcase"):
        failure, output = case.find("failure"), case.findtext("system-out", "")
        outcome = "skipped" if case.find("skipped") is not None else "passed"
        file = case.attrib["classname"].removesuffix(".ipynb")
        said.setdefault(file, []).append(outcome if failure is None else f"{failure.text}{output}")
    return said


def write(folder: Path, name: str, cells: Sequence[str | nbformat.NotebookNode]) -> None:
    nodes = [new_code_cell(cell, execution_count=1) if isinstance(cell, str) else cell for cell in cells]
    nbformat.write(new_notebook(cells=nodes), folder / f"{name}.ipynb")


def cell(source: str, printed: str, *tags: str) -> nbformat.NotebookNode:
    output = new_output("stream", text=printed)
    return new_code_cell(source, execution_count=1, metadata={"tags": list(tags)}, outputs=[output])


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """All of them at once, with more time for a cell than for the whole."""
    folder = tmp_path_factory.mktemp("patient")
    write(folder, "failing", ["x = 1", "def f():\n    raise KeyError('no such thing')", "f()", "x", "x"])
    write(folder, "dying", ["import os", "os._exit(1)", "2"])
    write(folder, "gpu", ["x = 1", cell("1 / 0", "", "gpu"), "assert x"])
    write(folder, "live", [LIVE, LIVE + "assert i == 2; 1 / 0"])
    write(folder, "talkative", [TALKATIVE, "assert x.value == 9999"])
    write(folder, "checked", [cell("print(3)", "4"), cell("print(5)", "5\n", "nbval-check-output")])
    write(folder, "changed", [cell("print(5)", "4\n", "nbval-check-output")])
    write(folder, "warning", ["import warnings\nwarnings.warn('old')", NOTE_RUNS])
    folder.joinpath("test_it.py").write_text(
        "import pytest, warnings\n"
        "@pytest.mark.gpu\ndef test_gpu(): assert False\n"
        "def test_warning(): warnings.warn('old')\n"
        "def test_other(): pass\n"
    )
    folder.joinpath("test_threads.py").write_text(
        "import torch\n"
        "before = torch.get_num_threads()\n"
        "def test_other_number(): torch.set_num_threads(before + 1)\n"
        "def test_number_is_back(): assert torch.get_num_threads() == before\n"
    )
    return outcomes(folder, seconds=600) | {"runs": [(folder / "where").read_text()]}


def test_a_failing_cell_is_one_failure_that_shows_the_cell_and_its_error(patient: dict[str, list[str]]) -> None:
    first, second, third, *rest = patient["failing"]
    assert (first, second, rest) == ("passed", "passed", ["skipped", "skipped"])
    assert third.startswith("In [3] KeyError: 'no such thing'\n\nf()\n")
    assert "Cell In[2], line 2, in f()" in third
    assert "\x1b" not in third


def test_a_kernel_that_dies_fails_at_once_and_says_so(patient: dict[str, list[str]]) -> None:
    first, second, third = patient["dying"]
    assert (first, third) == ("passed", "skipped")
    assert second.startswith("In [2] the kernel died") and "os._exit(1)" in second


def test_a_test_that_changes_the_number_of_threads_changes_it_for_itself(patient: dict[str, list[str]]) -> None:
    assert patient["test_threads"] == ["passed", "passed"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_what_needs_a_gpu_is_skipped_without_one(patient: dict[str, list[str]]) -> None:
    assert patient["gpu"] == ["passed", "skipped", "passed"]
    assert patient["test_it"][0] == "skipped"


def test_a_live_view_runs_without_a_front_end_and_does_not_clutter_a_failure(patient: dict[str, list[str]]) -> None:
    first, second = patient["live"]
    assert first == "passed"
    assert second.startswith("In [2] ZeroDivisionError") and "unhandled" not in second


def test_a_live_view_that_says_more_than_is_kept_unread_is_heard_to_its_end(patient: dict[str, list[str]]) -> None:
    assert patient["talkative"] == ["passed", "passed"]


def test_what_a_cell_prints_is_compared_if_its_tag_says_so(patient: dict[str, list[str]]) -> None:
    assert patient["checked"] == ["passed", "passed"]
    assert patient["changed"][0].startswith("In [1] Cell outputs differ")


def test_a_warning_fails_a_test_and_not_a_notebook(patient: dict[str, list[str]]) -> None:
    assert patient["warning"] == ["passed", "passed"]
    assert "UserWarning: old" in patient["test_it"][1] and patient["test_it"][2] == "passed"


def test_runs_go_to_a_folder_of_their_own_that_goes_away(patient: dict[str, list[str]]) -> None:
    runs = Path(patient["runs"][0])
    assert runs.name == "runs" and not runs.parent.exists()


def test_a_cell_that_takes_too_long_fails_even_if_it_ends_in_good_order_when_interrupted(tmp_path: Path) -> None:
    write(tmp_path, "slow", [PATIENT, "1"])
    first, second = outcomes(tmp_path, seconds=3)["slow"]
    assert first.startswith("In [1] the cell takes longer than 3 s") and second == "skipped"
