"""The committed notebooks, as files. Their cells are run by nbval: `make test`."""

import re
from copy import copy
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from gan_lab.runner.html import save_html
from gan_lab.runner.reading import minutes, stated
from gan_lab.runner.refresh import problems

FOLDER = Path(__file__).parents[2] / "notebooks"
README = FOLDER.parent / "README.md"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_every_source_has_its_notebook_and_every_notebook_its_source() -> None:
    sources = {file.stem for file in FOLDER.glob("source/*.py")}
    assert sources == {file.stem for file in NOTEBOOKS} != set()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_clean(notebook: Path) -> None:
    assert problems(notebook) == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_says_how_long_it_takes_to_read(notebook: Path) -> None:
    page = nbformat.read(notebook, as_version=4)
    assert stated(page) == minutes(page)
    row = next(
        line
        for line in README.read_text(encoding="utf-8").splitlines()
        if f"({notebook.name})" in line.replace("notebooks/", "")
    )
    assert row.endswith(f"| {' + '.join(str(part) for part in minutes(page) if part)} |")


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda file: file.stem)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BeautifulSoup:
    """The notebook as a page."""
    html = tmp_path_factory.mktemp("page") / "page.html"
    save_html(request.param, html)
    return BeautifulSoup(html.read_text(encoding="utf-8"), "html.parser")


def test_every_formula_is_drawn(page: BeautifulSoup) -> None:
    assert [formula.text for formula in page.find_all("code", class_="latex")] == []
    prose = copy(page)
    for code in prose.select("pre, code, script, style"):
        code.extract()
    assert [text for text in prose.find_all(string=re.compile(r"\$|\\[a-z]"))] == []


def test_no_hint_and_no_code_is_empty(page: BeautifulSoup) -> None:
    hints = [fold for fold in page.find_all("details") if fold.summary and fold.summary.text != "Code"]
    assert hints and all(len(hint.text) > len(hint.summary.text) + 20 for hint in hints if hint.summary)
    assert [code for code in page.select(".jp-RenderedMarkdown code") if not code.text.strip()] == []


def test_every_picture_is_described(page: BeautifulSoup) -> None:
    words = [str(picture.get("alt", "")) for picture in page.find_all("img")]
    assert [alt for alt in words if len(alt.split()) < 4 or alt.startswith("<")] == []
