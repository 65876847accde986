"""What students hand in: whose notebook it is, and which of its cells answer which exercise.

    SUBMISSIONS/ada/03_acgan.ipynb      a folder for each student, and in it as many notebooks as one likes

An answer is found by nbgrader's name of its cell or, where that is lost, by what it defines. So a cell may be renamed,
moved, or copied into a notebook of one's own; the checks that are run are those of the course.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from gan_lab.run_folder import STATUS
from gan_lab.runner.release import CHECK, marked
from gan_lab.runner.solutions import for_students, solved

ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
CONTEXT = {"parameters", "context"}  # tags of the cells that answers and checks build on, beside the first one


class Exercise(NamedTuple):
    """An exercise of a notebook: its name, what an answer defines, how it is handed out, and its check."""

    name: str
    defines: frozenset[str]
    handed_out: str
    check: str


class Answer(NamedTuple):
    """What a student handed in for an exercise: code, "" if there is none, and the cells that it may build on."""

    exercise: Exercise
    code: str
    beside: tuple[str, ...]

    @property
    def untouched(self) -> bool:
        return self.code.strip() == self.exercise.handed_out.strip()


@dataclass(frozen=True)
class Lesson:
    """A notebook of the course, as far as grading goes."""

    source: Path

    @cached_property
    def notebook(self) -> NotebookNode:
        return marked(self.source)

    @cached_property
    def cells(self) -> list[NotebookNode]:
        return code_cells(self.notebook)

    @cached_property
    def handed_out(self) -> list[str]:
        """The code of each cell, as a student gets it."""
        return [cell.source for cell in code_cells(for_students(self.notebook))]

    @property
    def context(self) -> list[str]:
        """The cells that every answer builds on: the first, the parameters, and those tagged "context"."""
        return [
            code
            for n, (cell, code) in enumerate(zip(self.cells, self.handed_out, strict=True))
            if n == 0 or CONTEXT & {*cell.metadata.get("tags", [])}
        ]

    @cached_property
    def exercises(self) -> list[Exercise]:
        """In their order. The check has its hidden tests."""
        whole = [cell.source for cell in code_cells(solved(self.notebook))]
        found = []
        for n, cell in enumerate(self.cells):
            if CHECK in cell.source:
                name = self.cells[n - 1].metadata["nbgrader"]["grade_id"]
                defines = frozenset(defined(whole[n - 1]) & defined(self.handed_out[n - 1]))
                found.append(Exercise(name, defines, self.handed_out[n - 1], cell.source))
        return found

    def answers(self, notebook: NotebookNode) -> list[Answer]:
        """The answers in a notebook that was handed in."""
        cells = code_cells(notebook)
        known = {code.strip() for code in self.handed_out}
        own = [
            n
            for n, cell in enumerate(cells)
            if cell.source.strip() not in known and "parameters" not in cell.metadata.get("tags", [])
        ]
        needed = {n: code for n in own if (code := definitions(cells[n].source))}
        found = []
        for exercise in self.exercises:
            at = place(exercise, cells, own)
            beside = tuple(code for n, code in needed.items() if n != at)
            found.append(Answer(exercise, "" if at is None else cells[at].source, beside))
        return found


def place(exercise: Exercise, cells: Sequence[NotebookNode], own: Sequence[int]) -> int | None:
    """Which of the cells answers, if one does: of the student's `own` ones that define what is asked for the last, or
    the last that still has the name; else the last one of that name, whatever it holds."""
    named = [n for n, cell in enumerate(cells) if grade_id(cell) == exercise.name]
    defining = [n for n in own if exercise.defines <= defined(cells[n].source)]
    for choice in ([n for n in defining if n in named], defining, named):
        if choice:
            return choice[-1]
    return next((n for n, cell in enumerate(cells) if cell.source.strip() == exercise.handed_out.strip()), None)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def grade_id(cell: NotebookNode) -> str:
    """nbgrader's name of a cell, "" if it has none."""
    mark = cell.metadata.get("nbgrader")
    return str(mark.get("grade_id", "")) if isinstance(mark, dict) else ""


def read(file: Path) -> NotebookNode:
    """The notebook in a file. Raises ValueError, which names the file, if it holds none, or is a link to another."""
    if file.is_symlink():
        raise ValueError(f"{file.name} is a link: hand in the file itself")
    try:
        notebook: NotebookNode = nbformat.read(file, as_version=4)
        nbformat.validate(notebook)
        return notebook
    except Exception as error:  # what a student's file makes of a reader has no end
        raise ValueError(f"{file.name} is no notebook: {' '.join(str(error).split())[:120]}") from error


def students(folder: Path) -> dict[str, list[Path]]:
    """The notebooks of each student, by the name of their folder.

    A copy that a command executed into a run's folder counts only where the student has no other notebook. A link to a
    notebook is there, to be named; what lies behind a link to a folder is not, also where that is a student's. Raises
    FileNotFoundError if there is no notebook.
    """
    own: dict[str, list[Path]] = {}
    executed: dict[str, list[Path]] = {}
    for file in sorted(folder.glob("*/**/*.ipynb")):
        parts = file.relative_to(folder).parts
        if (folder / parts[0]).is_symlink() or any(part.startswith(".") for part in parts):
            continue
        if file.is_symlink() or file.is_file():
            kind = executed if (file.parent / STATUS).exists() else own
            kind.setdefault(parts[0], []).append(file)
    found = {student: own.get(student) or executed[student] for student in sorted({*own, *executed})}
    if not found:
        raise FileNotFoundError(
            f"{folder} has no notebooks: put each student's into a folder, {folder}/NAME/03_acgan.ipynb"
        )
    return found


def folders(folder: Path) -> list[str]:
    """The names of all folders in there, each a student's; hidden ones and links are none."""
    inside = (place for place in folder.iterdir() if place.is_dir() and not place.is_symlink())
    return sorted(place.name for place in inside if not place.name.startswith("."))


def in_no_folder(folder: Path) -> str:
    """What to say of notebooks and archives that lie beside the students' folders, and so are nobody's, and of links
    to a folder; "" of none."""
    links = sorted(file.name for file in folder.glob("*") if file.is_symlink() and file.is_dir())
    said = [f"{name}: it is a link to a folder; move the folder itself here" for name in links]
    for file in sorted(file for file in folder.glob("*") if file.is_file() and not file.name.startswith(".")):
        if file.suffix == ".ipynb":
            said.append(f"{file.name}: move it to {folder}/NAME/{file.name}")
        elif file.suffix.lower() in ARCHIVES:
            said.append(f"{file.name}: unpack it into {folder}/NAME")
    return "\n".join(["Not graded, for it lies in no student's folder:", *said]) if said else ""


def defined(code: str) -> set[str]:
    """The names that a cell sets outside of functions and classes; none if it is no Python."""
    names: set[str] = set()
    pending = statements(code)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        else:
            names |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
            pending += [inner for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.stmt)]
    return names


def definitions(code: str) -> str:
    """What a cell of the student's own imports, defines, and sets without calling anything: an answer may need it."""
    kept = []
    for node in statements(code):
        defines = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom)
        sets = isinstance(node, ast.Assign | ast.AnnAssign)
        if defines or (sets and not any(isinstance(inner, ast.Call | ast.comprehension) for inner in ast.walk(node))):
            kept.append(ast.unparse(node))
    return "\n".join(kept)


def statements(code: str) -> list[ast.stmt]:
    try:
        return ast.parse(TransformerManager().transform_cell(code)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
