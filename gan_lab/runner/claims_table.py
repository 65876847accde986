"""The table of all claims in results/README.md: a section for each notebook, written anew when it is refreshed."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from gan_lab.files import whole
from gan_lab.lessons.claims import Claim

TELL = "import json\n\nfrom gan_lab.lessons.claims import made\n\nprint(json.dumps(made))"
HEAD = "| sentence | n | value [95 % interval] | verdict |\n|---|---|---|---|\n"


def asking() -> NotebookNode:
    """A cell that prints the claims that were made before it."""
    cell: NotebookNode = new_code_cell(TELL)
    return cell


def answered(cell: NotebookNode) -> list[Claim]:
    """The claims that the cell of `asking` printed."""
    return [Claim(*fields) for fields in json.loads("".join(output.text for output in cell.outputs))]


def section(notebook: str, claims: Iterable[Claim]) -> str:
    """The claims of a notebook, as a table in Markdown. A sentence that rests on no seeds but this run has dashes."""
    rows = []
    for said, _, numbers in claims:
        sentence = said.replace("|", r"\vert{}")  # in formulas; a bar would end the field
        n = dict.fromkeys(str(seeds) for seeds, *_ in numbers)
        values = [f"{value:.3g} [{low:.3g}, {high:.3g}]" for _, value, low, high, _ in numbers]
        verdicts = [verdict for *_, verdict in numbers]
        fields = [sentence, *("<br>".join(lines) or "-" for lines in (n, values, verdicts))]
        rows.append(f"| {' | '.join(fields)} |\n")
    return f"### {notebook}\n\n{HEAD}{''.join(rows)}"


def record(readme: Path, notebook: str, claims: Iterable[Claim]) -> None:
    """Put the section of a notebook in the place of its earlier one; nothing if the file has none for it."""
    if not readme.exists():
        return
    text = readme.read_text(encoding="utf-8")
    earlier = re.compile(rf"^### {re.escape(notebook)}\n.*?(?=^##|\Z)", re.MULTILINE | re.DOTALL)
    new = earlier.sub(lambda _: section(notebook, claims) + "\n", text).rstrip() + "\n"
    with whole(readme) as file:
        file.write_text(new, encoding="utf-8")
