from pathlib import Path

import nbformat
import pytest
from tiny_notebook import PARAMETERS, write_notebook

from gan_lab.runner import versions
from gan_lab.runner.versions import code_version, notebook_digest


def test_a_notebook_is_another_when_its_code_is(tmp_path: Path) -> None:
    first = notebook_digest(write_notebook(tmp_path / "a.ipynb", "x = 1"))
    assert len(first) == 8 and first == notebook_digest(write_notebook(tmp_path / "b.ipynb", "x = 1"))
    assert first != notebook_digest(write_notebook(tmp_path / "c.ipynb", "x = 2"))


def test_parameters_text_and_outputs_make_no_other_notebook(tmp_path: Path) -> None:
    file = write_notebook(tmp_path / "a.ipynb", "x = 1")
    before = notebook_digest(file)
    notebook = nbformat.read(file, 4)
    notebook.cells[0].source = "# Another title"
    notebook.cells[1].source = PARAMETERS.replace("= 3", "= 4")
    notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="1\n")]
    nbformat.write(notebook, file)
    assert notebook_digest(file) == before


def test_the_code_is_what_notebooks_import_and_not_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "gan_lab"
    for file in ("__init__.py", "losses.py", "layers/__init__.py", "runner/cli.py"):
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).write_text("1\n")
    monkeypatch.setattr("gan_lab.__file__", str(package / "__init__.py"))
    monkeypatch.setattr(versions, "__file__", str(package / "runner" / "versions.py"))
    here = code_version.__wrapped__()
    (package / "runner" / "cli.py").write_text("2\n")
    (package / "notes.txt").write_text("2\n")
    assert code_version.__wrapped__() == here
    (package / "layers" / "__init__.py").write_text("2\n")
    assert code_version.__wrapped__() != here
    assert here.split()[0] == code_version().split()[0]
