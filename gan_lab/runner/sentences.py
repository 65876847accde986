"""The sentences of a notebook that state a result: each is a sentence of its text, and its numbers bear it out."""

import ast
import re
from collections.abc import Iterator

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from gan_lab.lessons.claims import DOES_NOT_HOLD
from gan_lab.runner.notebook_file import CLAIMS


def contradicted(page: NotebookNode) -> Iterator[str]:
    """The sentences that the numbers of an executed notebook contradict, in words."""
    for cell in page.cells:
        for output in cell.get("outputs", []):
            for line in output.get("text", "").splitlines():
                if line.startswith(DOES_NOT_HOLD):
                    yield f"its numbers contradict its text: {line.removeprefix(DOES_NOT_HOLD)}"


def misquoted(page: NotebookNode) -> Iterator[str]:
    """What is wrong with the sentences given to `claim`, and with the cells that give them, in words."""
    texts = [plain(cell.source) for cell in page.cells if cell.cell_type == "markdown"]
    for cell in page.cells:
        calls = list(claims_of(cell.source)) if cell.cell_type == "code" else []
        tagged = CLAIMS in cell.metadata.get("tags", [])
        if calls and not tagged:
            yield f"a cell that calls claim needs the tag {CLAIMS}: {ast.unparse(calls[0])}"
        if tagged and not calls:
            yield f"a cell that calls no claim has the tag {CLAIMS}, which hides it: {cell.source[:50]!r}"
        for call in calls:
            match call.args:
                case [ast.Constant(value=str(sentence)), _, *_]:
                    if not any(plain(sentence) in text for text in texts):
                        yield f"no text of the notebook says: {sentence}"
                case _:
                    yield f"write the sentence out, claim('It is so.', holds): {ast.unparse(call)}"


def claims_of(source: str) -> Iterator[ast.Call]:
    """The calls of `claim` in a cell; none if it is no Python, which its execution will say."""
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and "claim" in (getattr(node.func, "id", ""), getattr(node.func, "attr", "")):
            yield node


def plain(text: str) -> str:
    """The text without its asterisks and backticks, on one line."""
    return " ".join(re.sub(r"[*`]", "", text).split())
