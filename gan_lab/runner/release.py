"""The course to hand out: notebooks without solutions and outputs, marked as nbgrader marks them."""

import ast
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from gan_lab.files import whole
from gan_lab.runner.course import NOTEBOOKS
from gan_lab.runner.notebook_file import KERNEL, LANGUAGE, folding
from gan_lab.runner.solutions import for_students, has_solution, solved

CHECK = "exercises.check_"


def sources(names: list[str] | None = None) -> list[Path]:
    """The sources of the course's notebooks, or of those with these names.

    Raises FileNotFoundError for a name that is none, and where there are no sources, as in an installed wheel.
    """
    there = {file.stem: file for file in sorted((NOTEBOOKS / "source").glob("*.py"))}
    if not there:
        raise FileNotFoundError("solutions come from the notebooks' sources, which only a clone of the repository has")
    if unknown := [name for name in names or [] if name not in there]:
        raise FileNotFoundError(f"there is no notebook {', '.join(unknown)}: the course has {', '.join(there)}")
    return [there[name] for name in names or there]


def release(folder: str | Path, names: list[str] | None = None) -> list[Path]:
    """Write the notebooks for students into a folder. Raises FileNotFoundError as `sources` does, and FileExistsError
    before anything is written if one of them is there."""
    return _written(for_students, Path(folder), names)


def solutions(folder: str | Path, names: list[str] | None = None, *, markers: bool = False) -> list[Path]:
    """Write the solved notebooks into a folder. Raises as `release` does.

    markers: as nbgrader's folder `source` has them, with the markers of the solutions, and checks that raise an error.
    """
    return _written(for_nbgrader if markers else solved, Path(folder), names)


def marked(source: Path) -> NotebookNode:
    """The notebook of a source, its answers and checks marked as nbgrader marks them: a point for each check.

    An answer has the name of its check: 06_few_images-average is checked by 06_few_images-check_average.
    """
    notebook: NotebookNode = jupytext.read(source, fmt="py:percent")
    notebook.metadata = NotebookNode(kernelspec=KERNEL, language_info=LANGUAGE)
    for n, cell in enumerate(notebook.cells):
        cell.id = f"{source.stem}-{n}"
        cell.metadata |= folding(cell.metadata.get("tags", []))
        if cell.cell_type != "code" or CHECK not in cell.source:
            continue
        name = cell.source.partition(CHECK)[2].partition("(")[0]
        answer = next(before for before in reversed(notebook.cells[:n]) if has_solution(before))
        cell.metadata["nbgrader"] = mark(f"{source.stem}-check_{name}", grade=True, locked=True, points=1)
        answer.metadata["nbgrader"] = mark(f"{source.stem}-{name}", solution=True)
    return notebook


def for_nbgrader(notebook: NotebookNode) -> NotebookNode:
    """The notebook, with a hidden test behind each check: nbgrader gives a point where no error is raised."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            call = next(node for node in ast.parse(cell.source).body if isinstance(node, ast.Expr))
            insists = f"\n### BEGIN HIDDEN TESTS\n{ast.unparse(call)}.insist()\n### END HIDDEN TESTS"
            lines = cell.source.splitlines()
            cell.source = (
                "\n".join(lines[: call.end_lineno])
                + insists
                + "".join(f"\n{line}" for line in lines[call.end_lineno :])
            )
    return notebook


def mark(grade_id: str, **more: bool | int) -> NotebookNode:
    """nbgrader's mark of a cell, in the third version of its schema."""
    return NotebookNode(schema_version=3, grade_id=grade_id, task=False, **{**ANSWER, **more})


ANSWER = {"grade": False, "locked": False, "solution": False}


def _written(version: Callable[[NotebookNode], NotebookNode], folder: Path, names: list[str] | None) -> list[Path]:
    files = {source: folder / f"{source.stem}.ipynb" for source in sources(names)}
    for file in files.values():
        if file.exists():
            raise FileExistsError(f"{file} is there already: choose another folder, or delete it")
    folder.mkdir(parents=True, exist_ok=True)
    for source, file in files.items():
        with whole(file) as part:
            nbformat.write(version(marked(source)), part)
    return list(files.values())
