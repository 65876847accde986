"""Builds the site into .site/html, without a network: python docs/build_site.py

With the word gettext it writes the text of all pages into .site/catalogues, for translators.
The pages of docs/, the executed notebooks, the tables of results/ and the cards are laid out in .site/source, where
Sphinx turns them into pages. A warning is an error.
"""

import re
import shutil
import sys
from pathlib import Path

import nbformat
from generator_weights import write_weights
from sphinx.cmd.build import main as sphinx
from system_pages import write_systems

from gan_lab.runner.alt_text import alt_text, drop_options
from gan_lab.runner.html import with_formulas
from gan_lab.runner.notebook_file import CLAIMS

ROOT = Path(__file__).parents[1]
SITE = ROOT / ".site"
SOURCE, HTML, CATALOGUES = SITE / "source", SITE / "html", SITE / "catalogues"
LESSONS = "0*.ipynb"  # and no notebook of a user's own
PAGES = {  # where a file of the repository stands in the site
    **{f"docs/{file.name}": file.name for file in sorted((ROOT / "docs").glob("*.md"))},
    **{f"notebooks/{file.name}": f"course/{file.name}" for file in sorted((ROOT / "notebooks").glob(LESSONS))},
    "results/README.md": "results.md",
    "data/README.md": "data_card.md",
    "gan_lab/measure/digits_classifiers.md": "classifiers_card.md",
    "gan_lab/pretrained/generators.md": "generators_card.md",
    "CHANGELOG.md": "changelog.md",
}
SCRIPTS = {  # what a page loads, from modules of docs/_static
    "play": ("plane_game", "plane_view", "plane_page"),
    "draw": ("generator", "draw_view", "draw_page"),
}
ROOMS = ("", "data", "networks", "layers", "measure", "theory", "show", "lessons")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#:\s]+)(#[^)\s]*)?\)")
HINT = re.compile(r"<details>.*?</details>", re.DOTALL)  # HTML, which Markdown leaves alone
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^):\s]+)\)")


def lay_out() -> None:
    """Put everything that becomes a page into .site/source."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    for origin, page in PAGES.items():
        place = SOURCE / page
        place.parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / origin).read_text(encoding="utf-8")
        read = text_of_notebook(text) if origin.endswith(".ipynb") else linked(text, Path(origin), page)
        place.write_text(read, encoding="utf-8")
    shutil.copyfile(ROOT / "docs" / "conf.py", SOURCE / "conf.py")
    shutil.copytree(ROOT / "docs" / "_static", SOURCE / "_static")
    write_scripts(SOURCE / "_static")
    write_weights(SOURCE / "_static")
    write_start()
    write_api()
    write_systems(SOURCE / "systems")


def text_of_notebook(text: str) -> str:
    """The notebook with its pictures' words where myst-nb looks for them, with the formulas of its hints, and without
    the code of its claims."""
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = HINT.sub(lambda found: with_formulas(found[0]), cell.source)
        if cell.cell_type == "code":
            told = [kind.get("alt") for output in cell.outputs for kind in output.get("metadata", {}).values()]
            cell.metadata["mystnb"] = {"image": {"alt": alt_text(cell.source) or next(filter(None, told), "")}}
            if CLAIMS in cell.metadata.get("tags", []):
                cell.metadata["tags"] = [*cell.metadata["tags"], "remove-input"]
    drop_options(notebook)
    return str(nbformat.writes(notebook))


def linked(text: str, origin: Path, page: str) -> str:
    """The text with its links to files of the repository as links to their pages; without those that have none."""

    def link(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        if (SOURCE / page).parent.joinpath(target).exists() or target in PAGES.values():
            return found[0]
        file = (ROOT / origin.parent / target).resolve()
        there = PAGES.get(file.relative_to(ROOT).as_posix()) if file.is_relative_to(ROOT) else None
        return f"[{words}]({'../' * page.count('/')}{there}{anchor})" if there else words

    def picture(found: re.Match[str]) -> str:
        file = (ROOT / origin.parent / found[2]).resolve()
        shutil.copyfile(file, SOURCE / file.name)
        return f"![{found[1]}]({'../' * page.count('/')}{file.name})"

    return LINK.sub(link, PICTURE.sub(picture, text))


def write_scripts(static: Path) -> None:
    """Each page's code in one file. A browser loads modules from a server only, and this also from a folder."""
    shutil.copyfile(ROOT / "gan_lab" / "lessons" / "plane_view.js", static / "plane_view.js")
    for script, modules in SCRIPTS.items():
        code = "\n".join((static / f"{module}.js").read_text(encoding="utf-8") for module in modules)
        code = re.sub(r"^import .*\n", "", re.sub(r"^export ", "", code, flags=re.MULTILINE), flags=re.MULTILINE)
        (static / f"{script}.js").write_text(f"(() => {{\n{code}}})();\n", encoding="utf-8")
    for module in {module for modules in SCRIPTS.values() for module in modules}:
        (static / f"{module}.js").unlink()


def write_start() -> None:
    """The part of the README that says how to begin."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    start = readme[readme.index("## Start") : readme.index("## The course")]
    own = readme[readme.index("## Your own parameters") : readme.index("## A GAN of your own")]
    text = "# Start\n\n" + start.removeprefix("## Start\n").lstrip() + own
    (SOURCE / "start.md").write_text(linked(text, Path("README.md"), "start.md"), encoding="utf-8")


def write_api() -> None:
    """A page for each room of the package, its modules in the order of their names."""
    (SOURCE / "api").mkdir()
    names = []
    for room in ROOMS:
        folder = ROOT / "gan_lab" / room
        modules = [file.stem for file in sorted(folder.glob("*.py")) if file.stem not in ("__init__", "process")]
        title = f"gan_lab.{room}" if room else "gan_lab"
        names.append(room or "game")
        body = "".join(
            f"\n## {title}.{module}\n\n```{{eval-rst}}\n.. automodule:: {title}.{module}\n   :members:\n```\n"
            for module in modules
        )
        (SOURCE / "api" / f"{names[-1]}.md").write_text(f"# {title}\n{body}", encoding="utf-8")
    tree = "\n".join(names)
    text = "# Reference\n\nThe package, room by room, from its docstrings.\n\n"
    text += f"```{{toctree}}\n:maxdepth: 1\n\n{tree}\n```\n"
    (SOURCE / "api" / "index.md").write_text(text, encoding="utf-8")


def copy_notebooks(folder: Path, copies: Path) -> None:
    """Put the notebooks and their parameters beside the pages, to download; and nothing else, such as runs."""
    for file in [*folder.glob(LESSONS), *folder.glob("parameters/*.yaml")]:
        copy = copies / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def build(kind: str, place: Path) -> int:
    """Have Sphinx make pages ("html") or catalogues ("gettext") of what is laid out; 0 if there was no warning."""
    shutil.rmtree(place, ignore_errors=True)
    return sphinx(["-W", "--keep-going", "-q", "-b", kind, str(SOURCE), str(place)])


if __name__ == "__main__":
    lay_out()
    if sys.argv[1:] == ["gettext"]:
        sys.exit(build("gettext", CATALOGUES))
    failed = build("html", HTML)
    copy_notebooks(ROOT / "notebooks", HTML / "notebooks")
    sys.exit(failed)
