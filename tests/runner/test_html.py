import base64
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from gan_lab.runner.html import WIDGET, drop_widgets, mathml, save_html

PNG = base64.b64encode(bytes.fromhex("89504e470d0a1a0a")).decode()


def page_of(folder: Path, *cells: nbformat.NotebookNode) -> BeautifulSoup:
    notebook, html = folder / "lesson.ipynb", folder / "lesson.html"
    nbformat.write(new_notebook(cells=list(cells), metadata={"language_info": {"name": "python"}}), notebook)
    save_html(notebook, html)
    return BeautifulSoup(html.read_text(encoding="utf-8"), "html.parser")


def shown(data: dict[str, object]) -> nbformat.NotebookNode:
    return new_code_cell("show", outputs=[new_output("display_data", data)])


def markup(page: BeautifulSoup) -> str:
    """The tags of the first formula, flat."""
    return " ".join(tag.name for tag in page.find("math").find_all())


def test_a_page_loads_nothing(tmp_path: Path) -> None:
    text = "# T\n$x$ and [a link](https://arxiv.org/abs/1406.2661)\n\n```mermaid\ngraph LR\n```\n"
    widgets = {WIDGET: {"model_id": "7"}, "image/png": PNG, "text/plain": "sliders"}
    page = page_of(tmp_path, new_markdown_cell(text), shown(widgets), shown({"text/html": "<b>bold</b>"}))
    addresses = [tag.get("src") or tag.get("href") for tag in page.find_all(lambda tag: tag.name != "a")]
    assert all(address is None or address.startswith("data:") for address in addresses)
    assert not page.find_all(["script", "link"])
    assert not any("@import" in style.text or "url(" in style.text for style in page.find_all("style"))
    assert page.p.a["href"] == "https://arxiv.org/abs/1406.2661"


def test_the_browser_is_told_to_fetch_nothing_for_an_output_that_asks(tmp_path: Path) -> None:
    page = page_of(tmp_path, shown({"text/html": "<script src='https://example.org/x.js'></script>"}))
    policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none';") and "http" not in policy and "*" not in policy


def test_the_title_is_the_first_heading(tmp_path: Path) -> None:
    first = new_markdown_cell("no heading yet\n\n```\n# a comment\n```\n")
    second = new_markdown_cell("# 1 · *Two* networks & a game\n# Another")
    assert page_of(tmp_path, first, second).title.text == "1 · Two networks & a game"


def test_without_a_heading_the_title_is_the_files_name(tmp_path: Path) -> None:
    assert page_of(tmp_path, new_markdown_cell("text")).title.text == "lesson"


def test_a_link_to_a_heading_finds_it(tmp_path: Path) -> None:
    page = page_of(tmp_path, new_markdown_cell("[there](#2.-The-game)\n\n## 2. The game\n"))
    assert page.find(id=page.find("a")["href"].removeprefix("#")).text == "2. The game"


@pytest.mark.parametrize("source", ["$x + 1$", "\\\\(x + 1\\\\)"])
def test_a_formula_in_a_line_becomes_mathml(source: str, tmp_path: Path) -> None:
    page = page_of(tmp_path, new_markdown_cell(f"so {source} holds"))
    assert markup(page) == "mi mo mn"
    assert page.main.text.split() == ["so", "x+1", "holds"]
    assert "display" not in page.find("math").attrs


@pytest.mark.parametrize("source", ["$$x + 1$$", "\\\\[x + 1\\\\]", "$$\nx\n+ 1\n$$"])
def test_a_formula_on_its_own_line_becomes_mathml(source: str, tmp_path: Path) -> None:
    page = page_of(tmp_path, new_markdown_cell(f"so\n\n{source}\n\nholds"))
    assert markup(page) == "mi mo mn"
    assert page.main.text.split() == ["so", "x+1", "holds"]
    assert page.find("math")["display"] == "block"


@pytest.mark.parametrize("mime", ["text/markdown", "text/latex"])
def test_a_formula_that_a_cell_displays_becomes_mathml(mime: str, tmp_path: Path) -> None:
    assert markup(page_of(tmp_path, shown({mime: "$x + 1$", "text/plain": "x + 1"}))) == "mi mo mn"


def test_code_keeps_its_dollars(tmp_path: Path) -> None:
    fences = "```python\na = '$$b$$'\n```\n\n```\n\\begin{align} a \\end{align} $c$\n```\n"
    page = page_of(tmp_path, new_markdown_cell(f"`$x$` and\n\n{fences}\n    $d$ indented\n"), new_code_cell("'$e$'"))
    assert not page.find("math")
    for code in ("$x$", "'$$b$$'", "\\begin{align} a \\end{align} $c$", "$d$ indented", "'$e$'"):
        assert code in page.main.text


def test_an_escaped_dollar_is_a_dollar(tmp_path: Path) -> None:
    assert page_of(tmp_path, new_markdown_cell(r"from \$5 to \$6")).main.text.strip() == "from $5 to $6"


def test_what_max_ranges_over_stands_under_it_on_a_line_of_its_own() -> None:
    assert "munder" in mathml(r"\max_D V", display=True)
    assert "munder" not in mathml(r"\max_D V", display=False)


def test_equations_have_the_numbers_they_are_given_and_no_others(tmp_path: Path) -> None:
    page = page_of(tmp_path, new_markdown_cell("$$a \\tag{7}$$\n\n\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}\n"))
    numbered, plain = page.find_all("math")
    assert "(7)" in numbered.text
    assert plain.text.split() == ["a=bc=d"]


def test_latex_that_has_no_mathml_is_an_error_and_stays_readable_on_the_page(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\\nonsense"):
        mathml(r"\nonsense < 1", display=False)
    page = page_of(tmp_path, new_markdown_cell(r"so $\nonsense < 1$ holds"))
    assert page.find("code", class_="latex").text == r"\nonsense < 1"


def test_a_widget_shows_the_picture_beside_it(tmp_path: Path) -> None:
    data = {WIDGET: {"model_id": "7"}, "image/png": PNG, "text/plain": "epoch <3>"}
    picture = page_of(tmp_path, shown(data)).find("img")
    assert picture["src"] == f"data:image/png;base64,{PNG}"
    assert picture["alt"] == "epoch <3>"


def test_a_widget_with_nothing_beside_it_is_left_out(tmp_path: Path) -> None:
    page = page_of(tmp_path, shown({WIDGET: {"model_id": "7"}, "text/plain": "IntSlider(value=3)"}))
    assert "IntSlider" not in page.text and "model_id" not in page.text


def test_of_a_claim_only_what_it_prints_is_shown(tmp_path: Path) -> None:
    tagged = {"tags": ["claims"]}
    told = new_code_cell("claim('It is so.', x > 2)", metadata=tagged, outputs=[new_output("stream", text="Not so.")])
    page = page_of(tmp_path, new_code_cell("x = 1"), told, new_code_cell("claim('It is still.', x)", metadata=tagged))
    assert page.main.text.split() == ["x", "=", "1", "Not", "so."]


def test_code_that_is_read_for_what_it_shows_waits_behind_a_click(tmp_path: Path) -> None:
    hidden = new_code_cell("draw()", metadata={"tags": ["hide-input"]}, outputs=[new_output("stream", text="drawn")])
    page = page_of(tmp_path, new_code_cell("x = 1"), hidden)
    assert [fold.text.split() for fold in page.find_all("details")] == [["Code", "draw()"]]
    assert page.main.text.split()[-1] == "drawn"


def test_a_picture_is_described_by_its_cell(tmp_path: Path) -> None:
    cell = shown({"image/png": PNG, "text/plain": "<Figure>"})
    cell.source = '#| fig-alt: A "steep" curve\nplot()'
    assert page_of(tmp_path, cell).find("img")["alt"] == 'A "steep" curve'
    assert page_of(tmp_path, cell).main.text.split() == ["plot()"]


def test_dropping_widgets_keeps_every_other_output() -> None:
    stream = new_output("stream", text="hi")
    table = new_output("execute_result", {"text/html": "<b>t</b>", "text/plain": "t"})
    view = {WIDGET: {"model_id": "7"}, "text/plain": "HBox()"}
    notebook = new_notebook(cells=[new_code_cell(outputs=[stream, new_output("display_data", view), table])])
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    drop_widgets(notebook)
    assert notebook.cells[0].outputs == [stream, table]
    assert "widgets" not in notebook.metadata


def test_a_moving_picture_is_shown(tmp_path: Path) -> None:
    data = {"image/gif": "R0lG\nODlh\n", "text/plain": "<Image>"}
    assert page_of(tmp_path, shown(data)).find("img")["src"] == "data:image/gif;base64,R0lGODlh"


@pytest.mark.parametrize("source", ["![a dot](dot.png)", '<img src="dot.png" alt="a dot">'])
def test_a_picture_file_is_put_inside(source: str, tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(base64.b64decode(PNG))
    picture = page_of(tmp_path, new_markdown_cell(source)).find("img")
    assert (picture["src"], picture["alt"]) == (f"data:image/png;base64,{PNG}", "a dot")


def test_a_picture_that_is_its_own_address_stays_however_long_that_is(tmp_path: Path) -> None:
    address = "data:image/png;base64," + "iVBOR" * 2000
    assert page_of(tmp_path, new_markdown_cell(f"![a curve]({address})")).find("img")["src"] == address


def test_an_attached_picture_is_put_inside(tmp_path: Path) -> None:
    cell = new_markdown_cell("![a dot](attachment:dot.png)", attachments={"dot.png": {"image/png": PNG}})
    assert page_of(tmp_path, cell).find("img")["src"] == f"data:image/png;base64,{PNG}"


@pytest.mark.parametrize("source", ["![a dot](attachment:dot.png)", "![a dot](dot.png)", '<img src="" alt="a dot">'])
def test_a_picture_that_is_not_there_leaves_its_words(source: str, tmp_path: Path) -> None:
    picture = page_of(tmp_path, new_markdown_cell(f"see {source}")).find("img")
    assert (picture.get("src"), picture["alt"]) == (None, "a dot")


def test_a_hint_stays_folded_with_all_that_it_hides(tmp_path: Path) -> None:
    text = "<details><summary>Hint</summary>\n\nlook *there*\n\n</details>\n\nafter"
    page = page_of(tmp_path, new_markdown_cell(text))
    hint = page.find("details")
    assert isinstance(hint, Tag)
    assert hint.text.split() == ["Hint", "look", "there"]


def test_a_hint_has_its_formulas_and_leaves_code_alone(tmp_path: Path) -> None:
    text = "<details><summary>Hint</summary>With $x &lt; 1$ and\n$y$: <code>cost = $5 + $6</code>.</details>"
    hint = page_of(tmp_path, new_markdown_cell(text)).find("details")
    assert isinstance(hint, Tag)
    assert [formula.text for formula in hint.find_all("math")] == ["x<1", "y"]
    assert hint.code and hint.code.text == "cost = $5 + $6"


def test_a_missing_notebook_leaves_the_earlier_page(tmp_path: Path) -> None:
    html = tmp_path / "lesson.html"
    html.write_text("earlier")
    with pytest.raises(FileNotFoundError, match=r"lesson\.ipynb"):
        save_html(tmp_path / "lesson.ipynb", html)
    assert html.read_text() == "earlier"
