from pathlib import Path

import nbformat
import pytest
from tiny_notebook import write_notebook

from gan_lab.runner.notebook_file import read_cells, title

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_cells_are_what_nbformat_reads(notebook: Path) -> None:
    cells = nbformat.read(notebook, 4).cells
    assert read_cells(notebook) == [(c.cell_type, c.source, c.metadata.get("tags", [])) for c in cells]


def test_a_notebook_without_a_heading_is_called_by_its_file(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    assert title(notebook) == "A tiny notebook"
    notebook.write_text(notebook.read_text().replace("# A tiny notebook", "A tiny notebook"))
    assert title(notebook) == "tiny"


@pytest.mark.parametrize("text", ["", "{}", "[]", "3", '{"worksheets": []}', '{"cells": [3]}', "\xff", "[" * 100_000])
def test_what_is_no_notebook_is_named_with_the_way_out(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.ipynb").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"odd\.ipynb is no notebook .*: open it in Jupyter and save it again"):
        read_cells(tmp_path / "odd.ipynb")
    with pytest.raises(FileNotFoundError, match=r"there is no notebook .*none\.ipynb"):
        read_cells(tmp_path / "none.ipynb")
