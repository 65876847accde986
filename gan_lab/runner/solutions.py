"""A notebook as students get it, and as it is solved, from one source with nbgrader's markers.

    def double(x):                          def double(x):              def double(x):
        ### BEGIN SOLUTION          ->          pass  # your turn  or       return 2 * x
        return 2 * x
        ### END SOLUTION

What stands between ### BEGIN HIDDEN TESTS and ### END HIDDEN TESTS is in neither. An answer has a cell, and the call of
its check, `exercises.check_...(...)`, the next one.
"""

import copy
import re
from collections.abc import Callable

from nbformat import NotebookNode

YOUR_TURN = "pass  # your turn"
SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n(.*?)^[ \t]*### END SOLUTION$", re.DOTALL | re.MULTILINE)
HIDDEN = re.compile(r"^[ \t]*### BEGIN HIDDEN TESTS\n.*?^[ \t]*### END HIDDEN TESTS\n?", re.DOTALL | re.MULTILINE)
MARKER = re.compile(r"### (BEGIN|END) (SOLUTION|HIDDEN TESTS)")


def for_students(source: NotebookNode) -> NotebookNode:
    """The notebook with `pass  # your turn` in the place of every solution. Raises ValueError for a marker alone."""
    return _each_cell(source, lambda code: SOLUTION.sub(rf"\1{YOUR_TURN}", HIDDEN.sub("", code)))


def solved(source: NotebookNode) -> NotebookNode:
    """The notebook with every solution, and without the markers. Raises ValueError for a marker alone."""
    return _each_cell(source, lambda code: SOLUTION.sub(lambda found: found[2].rstrip("\n"), HIDDEN.sub("", code)))


def has_solution(cell: NotebookNode) -> bool:
    """Whether a cell of the source is to be answered."""
    return cell.cell_type == "code" and SOLUTION.search(cell.source) is not None


def _each_cell(source: NotebookNode, written: Callable[[str], str]) -> NotebookNode:
    notebook = copy.deepcopy(source)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = written(cell.source).rstrip("\n")
        if left := MARKER.search(cell.source):
            raise ValueError(f"{left[0]!r} stands alone in a cell, its other half is missing:\n{cell.source}")
    return notebook
