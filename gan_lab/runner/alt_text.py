"""What a picture shows, in words, for readers who do not see it: written at the head of the cell that draws it.

    #| fig-alt: >
    #|   Eight heaps of blue dots on a ring; all orange triangles sit in two of them.

This is Quarto's way to write it; the first line is all that is seen of a folded cell. The words become the alternative
text of each picture that the cell shows.
"""

import re

from nbformat import NotebookNode

OPTION = re.compile(r"\A(?:#\|.*\n?)*")
FIG_ALT = re.compile(r"^#\| fig-alt:(?: >)?(.*(?:\n#\|   .*)*)", re.MULTILINE)


def alt_text(source: str) -> str:
    """What the code of a cell says of its pictures; "" if it says nothing."""
    head = OPTION.match(source)
    found = FIG_ALT.search(head[0]) if head else None
    return " ".join(re.sub(r"^#\|", "", line).strip() for line in found[1].splitlines()).strip() if found else ""


def describe_pictures(notebook: NotebookNode) -> None:
    """Give each picture the words of its cell, where nbconvert and others look for them."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and (words := alt_text(cell.source)):
            for output in cell.outputs:
                for kind in output.get("data", {}):
                    if kind.startswith("image/"):
                        output.metadata[kind] = output.metadata.get(kind, {}) | {"alt": words}


def drop_options(notebook: NotebookNode) -> None:
    """Take the lines `#| ...` from the head of each cell: on a page, what they say has its place."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = OPTION.sub("", cell.source)


def undescribed(cell: NotebookNode) -> bool:
    """Whether the cell shows a picture that has no words."""
    return any(
        kind.startswith("image/") and not output.metadata.get(kind, {}).get("alt")
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    )
