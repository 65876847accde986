"""A notebook as one page that opens anywhere, without network or server: pictures, formulas and style are in it."""

import os
import re
from html import escape, unescape
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from jinja2 import pass_context
from jinja2.runtime import Context
from math_core import LatexError, LatexToMathML
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from gan_lab.files import whole
from gan_lab.runner.alt_text import describe_pictures, drop_options
from gan_lab.runner.notebook_file import CLAIMS
from gan_lab.runner.sanitise import sanitised

WIDGET = "application/vnd.jupyter.widget-view+json"
_BEST_FIRST = [
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "text/latex",
    "image/gif",
    "image/png",
    "image/jpeg",
    "text/plain",
]
INLINE_MATH = re.compile(r"(<(?:code|pre)\b.*?</(?:code|pre)>)|\$([^$]+?)\$", re.DOTALL)  # code is left alone
_latex = LatexToMathML(fancy_error=False)


def save_html(notebook: Path, html: Path) -> None:
    """Write the notebook, with the outputs it has, as one self-contained page, titled by the notebook's first heading.

    A widget is shown by the picture displayed with it, a cell tagged `claims` by what it prints; the code of one
    tagged `hide-input` is folded. Scripts, forms and the like are left out (see `sanitised`).
    Raises FileNotFoundError if there is no such notebook.
    """
    page = nbformat.read(notebook, as_version=4)
    drop_widgets(page)
    describe_pictures(page)
    drop_options(page)
    page.metadata["title"] = _first_heading(page) or notebook.stem
    exporter = HTMLExporter(
        extra_template_basedirs=[str(Path(__file__).parent)],
        template_name="page",
        filters={"markdown2html": _markdown_of_cell, "sanitised": sanitised},
        config={
            "NbConvertBase": {"display_data_priority": _BEST_FIRST},
            "TagRemovePreprocessor": {"enabled": True, "remove_input_tags": {CLAIMS}},
        },
    )
    body, _ = exporter.from_notebook_node(page, {"metadata": {"path": str(notebook.parent)}})
    with whole(html) as file:
        file.write_text(body, encoding="utf-8")


def drop_widgets(notebook: NotebookNode) -> None:
    """Leave of each widget the picture or page displayed with it, and nothing where there is none.

    A widget lives in a running kernel. What a file keeps of it is a name, such as `VBox(children=...)`, which tells a
    reader nothing.
    """
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_bare_widget(output)]
            for output in cell.outputs:
                output.get("data", {}).pop(WIDGET, None)


def _is_bare_widget(output: NotebookNode) -> bool:
    data = output.get("data", {})
    return WIDGET in data and not data.keys() - {WIDGET, "text/plain"}


def mathml(latex: str, *, display: bool) -> str:
    """The formula as MathML, which browsers draw by themselves; display: on a line of its own.

    As in JupyterLab, an equation has the number that its \\tag gives it, and no other. Raises ValueError for LaTeX that
    is wrong or that MathML has no words for.
    """
    latex = re.sub(r"\\(begin|end)\{(equation|align|gather|multline)\}", r"\\\1{\2*}", latex.strip())
    if r"\tag" in latex and not latex.startswith(r"\begin"):
        latex = rf"\begin{{equation*}}{latex}\end{{equation*}}"
    try:
        return _latex.convert_with_local_state(latex, displaystyle=display)
    except LatexError as error:
        raise ValueError(f"no MathML for {latex}: {error}") from None


def formula(latex: str, *, display: bool) -> str:
    """The formula as MathML, or as LaTeX to read where there is none."""
    try:
        return mathml(latex, display=display)
    except ValueError:
        return f'<code class="latex">{escape(latex.strip())}</code>'


def with_formulas(html: str) -> str:
    """HTML in which $...$ stands as MathML; what is code is left alone."""
    return INLINE_MATH.sub(lambda found: found[1] or formula(unescape(found[2]), display=False), html)


class _Renderer(IPythonRenderer):
    """Markdown to HTML; a formula that has no MathML stays readable as LaTeX."""

    def block_html(self, html: str) -> str:
        """HTML with its formulas, which Markdown leaves alone there, as in a hint that is folded.

        nbconvert parses HTML to embed its images, which closes a `<details>` before what it hides.
        """
        html = with_formulas(html)
        return super().block_html(html) if "<img" in html else html

    def _embed_image_or_attachment(self, src: str) -> str:
        """A picture whose file or attachment is not there is left out of the page, which nbconvert refuses to write."""
        there = src.removeprefix("attachment:") in self.attachments if src.startswith("attachment:") else True
        return str(super()._embed_image_or_attachment(src)) if there else src

    def _src_to_base64(self, src: str) -> str | None:
        there = os.path.isfile(os.path.join(self.path, src))  # pathlib raises for an address that is longer than a name
        embedded: str | None = super()._src_to_base64(src) if there else None
        return embedded

    def heading(self, text: str, level: int, **attributes: Any) -> str:
        """nbconvert writes the empty link of a heading as XML, `<a/>`, which in HTML stays open."""
        return str(super().heading(text, level, **attributes)).replace('" /></h', '"></a></h')

    def inline_math(self, body: str) -> str:
        return formula(body, display=False)

    def block_math(self, body: str) -> str:
        return formula(body, display=True)

    def latex_environment(self, name: str, body: str) -> str:
        return formula(rf"\begin{{{name}}}{body}\end{{{name}}}", display=True)


def _markdown(cell: NotebookNode, source: str, path: str = "") -> str:
    renderer = _Renderer(
        escape=False,
        anchor_link_text="",  # the style sheet draws it
        attachments=cell.get("attachments", {}),
        embed_images=True,
        path=path,
    )
    return MarkdownWithMath(renderer).render(source)


@pass_context
def _markdown_of_cell(context: Context, source: str) -> str:
    """The filter by which nbconvert's templates turn the markdown of a cell, or of its outputs, into HTML."""
    return _markdown(context["cell"], source, context["resources"]["metadata"]["path"])


def _first_heading(notebook: NotebookNode) -> str:
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading = BeautifulSoup(_markdown(cell, cell.source), "html.parser").find(re.compile("^h[1-6]$"))
            if heading:
                return heading.get_text()
    return ""
