"""The committed notebooks, as files. Their cells are run by nbval: `make test`."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from gan_lab.runner.html import save_html
from gan_lab.runner.refresh import problems

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_every_source_has_its_notebook_and_every_notebook_its_source() -> None:
    sources = {file.stem for file in FOLDER.glob("source/*.py")}
    assert sources == {file.stem for file in NOTEBOOKS} != set()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_clean(notebook: Path) -> None:
    assert problems(notebook) == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_formula_of_its_page_is_drawn(notebook: Path, tmp_path: Path) -> None:
    save_html(notebook, tmp_path / "page.html")
    page = BeautifulSoup((tmp_path / "page.html").read_text(encoding="utf-8"), "html.parser")
    assert [formula.text for formula in page.find_all("code", class_="latex")] == []
