import base64
import io
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
import torch
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from gan_lab.runner.html import WIDGET
from gan_lab.runner.refresh import main, problems, refresh_notebook, without_alpha

# A PNG of one black pixel.
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
BALANCE = """\
# %% [markdown]
# # A lesson
#
# The scale shows **more than
# two** grams, $x^* > 2$. It is `still`.

# %% tags=["parameters"]
grams: float = 3.0  # what lies on the scale

# %% tags=["claims"]
from gan_lab.lessons.claims import claim

claim("The scale shows more than two grams, $x^* > 2$.", grams > 2)
claim("It is still.", abs(grams) < 10)
"""
LESSON = """\
# %% [markdown]
# # A lesson

# %% tags=["parameters"]
epochs: int = 2  # passes over the data

# %%
import asyncio
import os
import sys
from pathlib import Path

import ipywidgets
from IPython.display import Image, display

for epoch in range(epochs):
    print("epoch", epoch)
    sys.stdout.flush()
    await asyncio.sleep(0.1)

# %%
run = Path(os.environ["GAN_LAB_RUNS"], "lesson")
print(run, Path.cwd() / "lesson.ipynb", Path.cwd().parent / "data", sep="\\n")
run.mkdir(parents=True)  # fails if anything is there from an earlier run

# %% tags=["hide-input"]
#| fig-alt: A black dot.
view = display(ipywidgets.IntSlider(), display_id=True)
view.update({"image/png": "<DOT>", "text/plain": "done"}, raw=True)
ipywidgets.IntSlider()

# %%
run.name

# %% tags=["gpu"]
import torch

torch.zeros(1).cuda();

# %%
run.name
""".replace("<DOT>", DOT)


def write_source(folder: Path, text: str) -> Path:
    source = folder / "notebooks" / "source" / "lesson.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(text)
    return source


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notebook of LESSON."""
    return refresh_notebook(write_source(tmp_path_factory.mktemp("course"), LESSON))


def outputs(lesson: Path, number: int) -> list[NotebookNode]:
    code = [cell for cell in nbformat.read(lesson, 4).cells if cell.cell_type == "code"]
    return code[number - 1].outputs


def test_a_refreshed_notebook_is_clean(lesson: Path) -> None:
    assert problems(lesson) == []


def test_it_stands_beside_the_folder_of_sources(lesson: Path) -> None:
    assert lesson.parts[-2:] == ("notebooks", "lesson.ipynb")


def test_pieces_of_text_are_one_output(lesson: Path) -> None:
    assert outputs(lesson, 2) == [new_output("stream", text="epoch 0\nepoch 1\n")]


def test_places_are_told_from_the_notebook(lesson: Path) -> None:
    assert outputs(lesson, 3) == [new_output("stream", text="runs/lesson\nlesson.ipynb\n../data\n")]


def test_a_widget_leaves_its_picture(lesson: Path) -> None:
    (output,) = outputs(lesson, 4)
    assert dict(output.data) == {"image/png": DOT, "text/plain": "done"}


def test_a_folded_cell_that_only_draws_leaves_its_picture_with_words(lesson: Path) -> None:
    cell = next(cell for cell in nbformat.read(lesson, 4).cells if cell.source.startswith("#| fig-alt"))
    assert cell.metadata == {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}
    assert cell.outputs[0].metadata == {"image/png": {"alt": "A black dot."}}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_cell_is_left_unexecuted_without_one(lesson: Path) -> None:
    counts = [cell.execution_count for cell in nbformat.read(lesson, 4).cells if cell.cell_type == "code"]
    assert counts == [1, 2, 3, 4, 5, None, 6]


def test_a_picture_loses_its_transparency_only_if_it_has_none() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    see_through = encoded(pixels)
    pixels[..., 3] = 255
    opaque = encoded(pixels)
    assert without_alpha(see_through) == see_through
    assert len(without_alpha(opaque)) < len(opaque)
    kept = Image.open(io.BytesIO(base64.b64decode(without_alpha(opaque))))
    assert kept.mode == "RGB" and np.array_equal(np.asarray(kept), pixels[..., :3])


def encoded(pixels: np.ndarray) -> str:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="png")
    return base64.b64encode(out.getvalue()).decode()


def test_refreshing_again_changes_nothing_and_another_cell_changes_no_other(lesson: Path, tmp_path: Path) -> None:
    again = refresh_notebook(write_source(tmp_path, LESSON))
    assert again.read_bytes() == lesson.read_bytes()
    inserted = LESSON.replace("# %%\nrun.name\n", "# %% [markdown]\n# A word.\n\n# %%\nrun.name\n", 1)
    ids = [cell.id for cell in nbformat.read(again, 4).cells]
    more = [cell.id for cell in nbformat.read(refresh_notebook(write_source(tmp_path, inserted)), 4).cells]
    assert [id for id in more if id in ids] == ids and len(set(more)) == len(more) == len(ids) + 1


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ("raise ValueError('no data here')", r"In \[2\]: ValueError: no data here(.|\n)*raise ValueError"),
        ("import os; os._exit(1)", r"In \[2\]: the kernel died"),
    ],
)
def test_a_failing_cell_is_named_and_leaves_the_earlier_notebook(last: str, message: str, tmp_path: Path) -> None:
    source = write_source(tmp_path, f"# %%\nx = 1\n\n# %%\n{last}\n")
    earlier = tmp_path / "notebooks" / "lesson.ipynb"
    earlier.write_text("earlier")
    with pytest.raises(RuntimeError, match=message):
        refresh_notebook(source)
    assert earlier.read_text() == "earlier"
    assert sorted(path.name for path in earlier.parent.iterdir()) == ["lesson.ipynb", "source"]


def test_ctrl_c_ends_the_refresh_and_not_one_notebook_of_it(tmp_path: Path) -> None:
    stuck = write_source(tmp_path, "# %%\nimport os, time\nopen('begun', 'w').close()\ntime.sleep(600)\n")
    after = stuck.with_name("after.py")
    after.write_text("# %%\nopen('after', 'w').close()\n")
    command = [sys.executable, "-m", "gan_lab.runner.refresh", str(stuck), str(after)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as refresh:
        while not (tmp_path / "notebooks" / "begun").exists():
            assert refresh.poll() is None
            time.sleep(0.1)
        refresh.send_signal(signal.SIGINT)
        said, _ = refresh.communicate(timeout=60)
    assert refresh.returncode == 1 and "what comes after it is not refreshed" in said
    assert not (tmp_path / "notebooks" / "after").exists()


def test_a_failing_notebook_keeps_no_other_from_being_refreshed_and_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = write_source(tmp_path, BALANCE)
    fails = good.with_name("fails.py")
    fails.write_text("# %%\nraise ValueError('no data here')\n")
    for sources, code in (([fails, good], 1), ([good], 0)):
        monkeypatch.setattr("sys.argv", ["refresh", *map(str, sources)])
        assert main() == code
        said = capsys.readouterr().out
        assert said.endswith(f"{good} ...\n  executed, and clean\n")
        assert ("ValueError: no data here" in said) == (fails in sources)
    assert (tmp_path / "notebooks" / "lesson.ipynb").exists() and not (tmp_path / "notebooks" / "fails.ipynb").exists()


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"lesson\.py"):
        refresh_notebook(tmp_path / "notebooks" / "source" / "lesson.py")


@pytest.fixture(scope="module")
def balance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notebook of BALANCE."""
    return refresh_notebook(write_source(tmp_path_factory.mktemp("course"), BALANCE))


def test_a_sentence_that_its_numbers_bear_out_is_no_problem_and_its_cell_is_folded(balance: Path) -> None:
    assert problems(balance) == []
    cell = nbformat.read(balance, 4).cells[-1]
    assert cell.metadata == {"tags": ["claims"], "jupyter": {"source_hidden": True}} and cell.outputs == []


def test_a_claim_whose_cell_is_not_folded_is_a_problem(balance: Path, tmp_path: Path) -> None:
    page = nbformat.read(balance, 4)
    source = page.cells[-1].metadata.pop("jupyter") and jupytext.read(balance)
    (found,) = problems_of(tmp_path, page, source)
    assert found.endswith("has other metadata than a refresh gives it: jupyter")


def test_one_other_number_makes_the_refresh_fail_and_name_the_sentence(
    balance: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    course, earlier = balance.parent.parent, balance.read_bytes()
    source = write_source(course, BALANCE.replace("= 3.0", "= 1.0"))
    monkeypatch.setattr("sys.argv", ["refresh", str(source)])
    assert main() == 1
    assert (
        "its numbers contradict its text: The scale shows more than two grams, $x^* > 2$.\n" in capsys.readouterr().out
    )
    assert balance.read_bytes() == earlier
    refused = nbformat.read(course / "runs" / "refused" / "lesson.ipynb", 4).cells
    assert refused[1].source.startswith("grams: float = 1.0")
    assert refused[2].outputs[0].text == "Does not hold here: The scale shows more than two grams, $x^* > 2$.\n"


@pytest.mark.parametrize(
    ("said", "instead", "problem"),
    [
        ("more than\n# two", "more than\n# three", "no text of the notebook says: The scale shows more than two grams"),
        ("It is `still`.", "It was still.", "no text of the notebook says: It is still."),
        ('claim("It is still."', 'claim(f"It is {still}."', "write the sentence out"),
        ('claim("It is still."', "claim(still", "write the sentence out"),
        ('tags=["claims"]', "", "needs the tag claims: claim('The scale shows"),
        ('tags=["parameters"]', 'tags=["parameters", "claims"]', "which hides it: 'grams"),
    ],
)
def test_a_sentence_that_no_text_says_is_refused_before_anything_runs(
    said: str, instead: str, problem: str, tmp_path: Path
) -> None:
    assert said in BALANCE
    source = write_source(tmp_path, BALANCE.replace(said, instead) + "\n# %%\nopen('ran', 'w')\n")
    with pytest.raises(RuntimeError, match=re.escape(problem)):
        refresh_notebook(source)
    assert not list(tmp_path.rglob("ran"))


def clean_page() -> NotebookNode:
    """A notebook without a problem: heading, parameters, one more cell."""
    heading, parameters, more = new_markdown_cell("# A lesson"), new_code_cell("n = 1"), new_code_cell("n")
    parameters.metadata["tags"] = ["parameters"]
    page = new_notebook(cells=[heading, parameters, more])
    page.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return page


def executed(page: NotebookNode) -> NotebookNode:
    for count, cell in enumerate((cell for cell in page.cells if cell.cell_type == "code"), 1):
        cell.execution_count = count
    return page


def problems_of(folder: Path, page: NotebookNode, source: NotebookNode) -> list[str]:
    (folder / "source").mkdir()
    jupytext.write(source, folder / "source" / "lesson.py", fmt="py:percent")
    nbformat.write(page, folder / "lesson.ipynb")
    return problems(folder / "lesson.ipynb")


def shows(output: NotebookNode) -> Callable[[NotebookNode], None]:
    return lambda page: page.cells[2].outputs.append(output)


def says(text: str) -> Callable[[NotebookNode], None]:
    return shows(new_output("stream", text=text))


def test_a_clean_notebook_has_no_problems(tmp_path: Path) -> None:
    assert problems_of(tmp_path, executed(clean_page()), clean_page()) == []


STATE = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
VIEW = {WIDGET: {"model_id": "7"}, "image/png": "iVBORw0KGgo=", "text/plain": "sliders"}


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (shows(new_output("error", ename="ValueError", evalue="no data", traceback=[])), "error, ValueError: no data"),
        (shows(new_output("stream", name="stderr", text="\nFutureWarning: old\n")), "stderr: FutureWarning: old"),
        (shows(new_output("display_data", VIEW)), "the code cell 'n' shows a widget"),
        (says(f"in {Path.home()}/data"), "one machine"),
        (says("in /home/ada/data"), "one machine: /home/ada"),
        (says("in /Users/ada/data"), "one machine: /Users/ada"),
        (says("in C:\\Users\\ada"), "one machine: C:"),
        (says("/tmp/x/run"), "one machine: /tmp/"),
        (says("lib/python3.11/site-packages/torch"), "one machine: site-packages"),
        (shows(new_output("display_data", {"text/html": "<a href='/home/ada/a.png'>a</a>"})), "one machine: /home/ada"),
        (shows(new_output("display_data", {"image/png": "A" * 2_000_000})), "2.0 MB"),
        (lambda page: page.metadata["kernelspec"].update(name="conda-env"), "its kernel is conda-env"),
        (lambda page: page.metadata.update(widgets=STATE), "its metadata holds widgets"),
        (lambda page: page.metadata.update(papermill={}), "its metadata holds papermill"),
        (
            lambda page: page.cells[2].metadata.update(execution={"iopub.status.busy": "10:00"}),
            "the code cell 'n' has other metadata than a refresh gives it: execution",
        ),
        (
            lambda page: page.cells[2].metadata.update(jupyter={"source_hidden": True}),
            "the code cell 'n' has other metadata than a refresh gives it: jupyter",
        ),
        (says("as said\nDoes not hold here: It is so.\n"), "its numbers contradict its text: It is so."),
        (lambda page: page.cells[2].update(execution_count=5), "not executed once each and in order: [1, 5]"),
        (lambda page: page.cells[2].update(execution_count=None), "not executed once each and in order: [1, None]"),
        (lambda page: page.cells[2].update(source="n + 1"), "the code cell 'n + 1' differs from lesson.py"),
        (lambda page: page.cells[2].metadata.update(tags=["gpu"]), "the code cell 'n' differs from lesson.py"),
        (lambda page: page.cells.append(new_markdown_cell("more")), "lesson.py has 3 cells, the notebook 4"),
    ],
)
def test_a_problem_of_the_executed_notebook_is_told(
    spoil: Callable[[NotebookNode], None], problem: str, tmp_path: Path
) -> None:
    page = executed(clean_page())
    spoil(page)
    (found,) = problems_of(tmp_path, page, clean_page())
    assert problem in found


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda page: page.cells[1].metadata.pop("tags"), "0 cells have the tag parameters"),
        (lambda page: page.cells[2].metadata.update(tags=["parameters"]), "2 cells have the tag parameters"),
        (lambda page: page.cells[2].update(source="\n".join("n" * 41)), "has 41 lines"),
        (lambda page: page.cells.append(new_markdown_cell("")), "is empty"),
        (lambda page: page.cells[2].update(source="open('/home/ada/x')"), "one machine: /home/ada"),
    ],
)
def test_a_problem_of_the_source_is_told(spoil: Callable[[NotebookNode], None], problem: str, tmp_path: Path) -> None:
    page = clean_page()
    spoil(page)
    (found,) = problems_of(tmp_path, executed(page), page)
    assert problem in found


def test_the_folder_of_the_project_is_a_place_on_one_machine(tmp_path: Path) -> None:
    page = executed(clean_page())
    says(f"in {tmp_path.parent}/data")(page)
    (found,) = problems_of(tmp_path, page, clean_page())
    assert found.endswith(f"one machine: {tmp_path.parent}/")


def test_a_notebook_without_its_source_is_told(tmp_path: Path) -> None:
    nbformat.write(executed(clean_page()), tmp_path / "lesson.ipynb")
    (found,) = problems(tmp_path / "lesson.ipynb")
    assert found.startswith("its source") and found.endswith("lesson.py, is missing")


def test_a_picture_that_happens_to_spell_a_place_is_none(tmp_path: Path) -> None:
    page = executed(clean_page())
    shows(new_output("display_data", {"text/html": "<img src='data:image/png;base64,AA/tmp/BB=='>"}))(page)
    assert problems_of(tmp_path, page, clean_page()) == []
