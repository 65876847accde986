"""How the site is built: `make site`. Everything is in it; a reader's browser asks no other machine."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from gan_lab.runner.html import mathml

project = "gan-lab"
author = "the authors of gan-lab"
language = "en"
REPOSITORY = ""  # "https://github.com/OWNER/NAME", for links to Colab and Binder; while it is empty there are none

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx_design"]
exclude_patterns = ["_build"]
nb_execution_mode = "off"  # the notebooks are executed already, and tests hold them to it
nb_remove_code_source = False
nb_mime_priority_overrides = [("html", "image/gif", 15)]
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist", "html_image"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type", "misc.highlighting_failure"]
gettext_compact = False  # a catalogue for each page

highlight_language = "none"
html_theme = "sphinx_book_theme"
html_title = "gan-lab"
html_static_path = ["_static"]
html_css_files = ["site.css", "draw.css"]
html_favicon = "_static/favicon.svg"
html_math_renderer = "mathml"
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}
html_theme_options: dict[str, Any] = {
    "navbar_persistent": [],  # the side has the search
    "show_navbar_depth": 1,
    "home_page_in_toc": False,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-dark",
    "extra_footer": "",
}


# Under a notebook's title: ways to run it


def add_run_links(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    folder, _, name = page.partition("/")
    if folder == "course":
        links = "".join(f"<a{rest}>{words}</a>" for words, rest in run_links(name, REPOSITORY).items())
        context["body"] = context["body"].replace("</h1>", f'</h1>\n<p class="run-links">{links}</p>', 1)


def run_links(notebook: str, repository: str) -> dict[str, str]:
    """What each link says, and its attributes. On Colab a first cell has to install the package: see the README."""
    links = {"Download this notebook": f' href="../notebooks/{notebook}.ipynb" download'}
    if repository:
        place = repository.removeprefix("https://github.com/").strip("/")
        file = f"notebooks/{notebook}.ipynb"
        links["Colab"] = f' href="https://colab.research.google.com/github/{place}/blob/HEAD/{file}"'
        links["Binder"] = f' href="https://mybinder.org/v2/gh/{place}/HEAD?urlpath=lab/tree/{file}"'
    return links


# Formulas as MathML, which browsers draw by themselves


def inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(mathml(node.astext(), display=False))
    raise nodes.SkipNode


def block(translator: Any, node: nodes.math_block) -> None:
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    translator.body.append(f'<div class="math">{number}{mathml(node.astext(), display=True)}</div>')
    raise nodes.SkipNode


# Docstrings are written to be read in the file: their equations keep their lines here, too


def as_written(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    written: list[str] = []
    for indented, block in groupby(lines, key=lambda line: line.startswith("    ") or not line.strip()):
        text = "\n".join(block)
        if indented and text.strip():
            numbered = re.sub(r" {4,}(\(\d+\))$", r"    \1", text, flags=re.MULTILINE)
            written += ["", ".. code-block:: none", "", *numbered.splitlines(), ""]
        else:
            written += plain(text).splitlines() or [""]
    lines[:] = [*written, ""]


def plain(text: str) -> str:
    """Words in which only `code` and *stress* are marked up."""
    parts = re.split(r"(`[^`]+`|\*\w[\w -]*\*)", text)
    for n, part in enumerate(parts):
        if part.startswith("`"):
            parts[n] = f"`{part}`\\ "
        elif not re.fullmatch(r"\*\w[\w -]*\*", part):
            parts[n] = re.sub(r"([*|_\\])", r"\\\1", part)
    return "".join(parts)


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("html-page-context", add_run_links)
    app.connect("autodoc-process-docstring", as_written)
