"""A notebook checks its own parameters, however they were set: by its cell, by papermill, by a run once more."""

from collections.abc import Iterator
from pathlib import Path

import nbformat
import papermill
import pytest
from IPython.core.interactiveshell import InteractiveShell
from papermill.exceptions import PapermillExecutionError
from papermill.translators import PythonTranslator
from tiny_notebook import PARAMETERS, write_notebook
from traitlets.config import Config

from gan_lab.parameters import check_parameters

CHECK = "from gan_lab.parameters import check_parameters\ncheck_parameters(globals())"


class Notebook:
    """The kernel of a notebook, without its process: cells are run one by one, and a name has a value."""

    def __init__(self) -> None:
        self.shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))

    def run(self, *cells: str) -> None:
        """Run these cells. Raises what the first raises that fails."""
        for cell in cells:
            self.shell.run_cell(cell, store_history=True).raise_error()

    def __getitem__(self, name: str) -> object:
        return self.shell.user_ns[name]


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    made = Notebook()
    yield made
    made.shell.reset(new_session=False)


def injected(**values: object) -> str:
    """The cell that papermill puts below the declaration."""
    return str(PythonTranslator.codify(values))


def test_each_value_takes_the_type_that_its_line_declares(notebook: Notebook) -> None:
    notebook.run(PARAMETERS, injected(quick="false", epochs=10.0, rate=1, seed="1e1"), CHECK)
    found = [notebook[name] for name in ("quick", "epochs", "rate", "seed", "device")]
    assert [(value, type(value)) for value in found] == [
        *((False, bool), (10, int), (1.0, float), (10, int), ("auto", str)),
    ]


def test_a_line_that_says_0_to_a_float_means_it(notebook: Notebook) -> None:
    notebook.run("beta1: float = 0  # memory [at least 0, below 1]", CHECK)
    assert isinstance(notebook["beta1"], float)


def test_all_that_is_wrong_is_said_at_once(notebook: Notebook) -> None:
    with pytest.raises(ValueError) as error:
        notebook.run(PARAMETERS, injected(epochs=0, epoch=3, rate=float("nan"), seed=None, quick="perhaps"), CHECK)
    assert str(error.value).splitlines() == [
        "epochs = 0 is not possible: it takes an int, at least 1 (passes over the data)",
        "rate = nan is not possible: it takes a float, above 0, at most 1 (step size)",
        "quick = 'perhaps' is not possible: it takes true or false (do less)",
        "seed = None is not possible: it takes an int",
        "this notebook has no parameter epoch: did you mean epochs?",
    ]
    assert notebook["epochs"] == 0  # nothing is half done


def test_the_last_run_of_the_cell_counts(notebook: Notebook) -> None:
    notebook.run(PARAMETERS, injected(epochs=7), CHECK)
    with pytest.raises(ValueError, match="epochs = -1 is not possible"):
        notebook.run(PARAMETERS.replace("epochs: int = 3", "epochs: int = -1"), CHECK)
    notebook.run(PARAMETERS.replace("epochs: int = 3", "epochs: float = 2"), CHECK)
    assert isinstance(notebook["epochs"], float)


def test_another_cell_with_an_annotation_is_no_declaration(notebook: Notebook) -> None:
    notebook.run("%time x: int = 1", PARAMETERS, "n: int = 5\nprint(n)", CHECK, "epochs = '4'", CHECK)
    assert notebook["epochs"] == 4


def test_a_cell_that_papermill_would_read_otherwise_is_refused(notebook: Notebook) -> None:
    with pytest.raises(ValueError, match="papermill cannot read the line of rate: it takes a plain value"):
        notebook.run(PARAMETERS.replace("rate: float = 0.5", "rate: float = 1 / 4"), CHECK)


def test_a_batch_is_at_most_the_images_here_too(notebook: Notebook, tmp_path: Path) -> None:
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match="batch_size = 4 is not possible: there are 3 images in"):
        notebook.run(PARAMETERS, injected(data_dir=str(tmp_path), batch_size=4), CHECK)


def test_where_no_cells_are_kept_nothing_is_done() -> None:
    """nbval runs the cells so."""
    namespace = {"In": [""], "epochs": "no number"}
    check_parameters(namespace)
    check_parameters(other := {"epochs": "no number"})
    assert namespace["epochs"] == other["epochs"] == "no number"


def test_plain_papermill_is_held_to_the_contract(tmp_path: Path) -> None:
    page, out = write_notebook(tmp_path / "tiny.ipynb", CHECK, "print(quick, epochs, rate)"), tmp_path / "out.ipynb"
    papermill.execute_notebook(page, out, {"quick": "false", "epochs": 10.0, "rate": 1}, progress_bar=False)
    assert nbformat.read(out, 4).cells[-1].outputs[0].text == "False 10 1.0\n"
    with pytest.raises(PapermillExecutionError) as error:
        papermill.execute_notebook(page, out, {"quikc": True, "epochs": 0}, progress_bar=False)
    assert error.value.ename == "ValueError"
    assert error.value.evalue.splitlines() == [
        "epochs = 0 is not possible: it takes an int, at least 1 (passes over the data)",
        "this notebook has no parameter quikc: did you mean quick?",
    ]


def test_a_name_that_was_another_when_the_cell_was_run_before_is_a_slip(notebook: Notebook) -> None:
    notebook.run(PARAMETERS, CHECK)
    with pytest.raises(ValueError, match=r"this notebook has no parameter epoch: did you mean epochs\?"):
        notebook.run(PARAMETERS.replace("epochs:", "epoch:"), CHECK)
    notebook.run(PARAMETERS.replace("epochs: int = 3", "epochs: int = 7"), CHECK)
    assert notebook["epochs"] == 7


def test_a_parameter_of_one_s_own_is_no_slip(notebook: Notebook) -> None:
    notebook.run(PARAMETERS, CHECK, PARAMETERS + "\nmine: int = 1  # how many\n", CHECK)
    assert notebook["mine"] == 1
