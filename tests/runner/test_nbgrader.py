"""nbgrader itself, where it is installed, makes its student version of every notebook and keeps the hidden tests."""

import pytest

from gan_lab.runner.release import CHECK, for_nbgrader, marked, sources
from gan_lab.runner.solutions import SOLUTION

preprocessors = pytest.importorskip("nbgrader.preprocessors", reason="nbgrader is not installed: pip install nbgrader")


@pytest.mark.parametrize("source", sources(), ids=lambda file: file.stem)
def test_nbgrader_hands_out_the_notebook_without_solutions_and_keeps_its_tests(source) -> None:
    ours = for_nbgrader(marked(source))
    solutions = {found[2].strip() for cell in ours.cells for found in SOLUTION.finditer(cell.source)}
    released = ours
    for step in ("ClearSolutions", "LockCells", "ComputeChecksums", "CheckCellMetadata", "ClearHiddenTests"):
        released, _ = getattr(preprocessors, step)().preprocess(released, {})
    text = "\n".join(cell.source for cell in released.cells)
    assert solutions and not [solution for solution in solutions if solution in text]
    assert "BEGIN SOLUTION" not in text and "BEGIN HIDDEN TESTS" not in text and ".insist()" not in text

    kept = for_nbgrader(marked(source))  # what autograde puts back in the place of a student's check
    checks = [cell for cell in kept.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert len(checks) == sum(CHECK in cell.source and cell.cell_type == "code" for cell in kept.cells) >= 2
    assert all(".insist()" in cell.source and cell.metadata.nbgrader.points == 1 for cell in checks)
