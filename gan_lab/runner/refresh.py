"""The committed notebooks: made from their sources, executed, and free of all that belongs to one machine.

python -m gan_lab.runner.refresh notebooks/source/01_dcgan.py ...   refreshes each of them and tells its problems
"""

import base64
import io
import re
import sys
import tempfile
from asyncio import InvalidStateError
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import jupytext
import nbformat
import numpy as np
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from PIL import Image

from gan_lab.files import whole
from gan_lab.lessons.claims import Claim
from gan_lab.runner.alt_text import describe_pictures
from gan_lab.runner.claims_table import answered, asking, record
from gan_lab.runner.html import WIDGET, drop_widgets
from gan_lab.runner.notebook_file import KERNEL, LANGUAGE, folding
from gan_lab.runner.sentences import contradicted, misquoted
from gan_lab.runner.solutions import for_students
from gan_lab.runner.surroundings import ARGUMENTS, surroundings

LARGEST = 2_000_000  # bytes; GitHub is slow to draw a larger notebook, or does not
PNG = "image/png"
LONGEST = 40  # lines; a cell fits a screen
STUMBLES = (AssertionError, AttributeError, InvalidStateError)  # nbclient's, over a kernel that it ended at Ctrl-C
METADATA = {"kernelspec", "language_info"}
ELSEWHERE = [r"/home/\w+", r"/Users/\w+", "/root/", "/tmp/", "/var/folders/", r"\b[A-Z]:\\\w+", "(site|dist)-packages"]
COLOUR = re.compile(r"\x1b\[[\d;]*m")


def refresh_notebook(source: Path) -> Path:
    """Execute notebooks/source/NAME.py from a clean start and write the outcome to notebooks/NAME.ipynb.

    What it trains goes to a folder that is thrown away, so it always trains from the beginning. A cell tagged `gpu` is
    left unexecuted where there is no CUDA device. Raises FileNotFoundError if there is no such source, and RuntimeError
    with the cell and its error if a cell fails, or with the sentences that the numbers contradict; the earlier notebook
    then stays as it was, and the contradicted one lies in runs/refused, where you can read its numbers. The claims of
    the notebook take their place in results/README.md, if that has a section for them.
    """
    notebook = for_students(jupytext.read(source, fmt="py:percent"))
    if wrong := list(misquoted(notebook)):
        raise RuntimeError("\n  ".join(wrong))
    committed = source.resolve().parent.parent / f"{source.stem}.ipynb"
    here = committed.parent
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder).resolve()
        claims = _execute(notebook, here, there)
        _clean(notebook, {f"{there}/": "", f"{here}/": "", f"{here.parent}/": "../"})
    if wrong := list(contradicted(notebook)):
        refused = here.parent / "runs" / "refused" / committed.name
        _write(notebook, refused)
        raise RuntimeError("\n  ".join([*wrong, f"so {committed.name} stays as it was; see {refused}"]))
    _write(notebook, committed)
    record(here.parent / "results" / "README.md", committed.stem, claims)
    return committed


def _write(notebook: NotebookNode, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with whole(place) as file:
        nbformat.write(notebook, file)


def _execute(notebook: NotebookNode, here: Path, there: Path) -> list[Claim]:
    """Run every cell in the folder `here`, and return the claims; runs and IPython's own files go to `there`."""
    notebook.cells.append(asking())
    client = NotebookClient(
        notebook,
        kernel_name=KERNEL["name"],
        resources={"metadata": {"path": str(here)}},
        record_timing=False,
        store_widget_state=False,
        skip_cells_with_tag="" if _has_gpu() else "gpu",
        extra_arguments=ARGUMENTS,
    )
    environment = surroundings(GAN_LAB_RUNS=str(there / "runs"), IPYTHONDIR=str(there / "ipython"))
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        if error.ename == "KeyboardInterrupt":  # Ctrl-C came to the kernel first
            raise KernelDiedError(f"cell In [{client.code_cells_executed}]: interrupted") from None
        said = COLOUR.sub("", error.traceback)
        raise RuntimeError(f"cell In [{client.code_cells_executed}]: {error.ename}: {error.evalue}\n{said}") from None
    except (DeadKernelError, *STUMBLES):
        raise KernelDiedError(f"cell In [{client.code_cells_executed}]: the kernel died") from None
    return answered(notebook.cells.pop())


class KernelDiedError(RuntimeError):
    """A kernel died, by itself or because nbclient took Ctrl-C for us and ended it."""


def _has_gpu() -> bool:
    import torch  # slow to import, and only needed here

    return torch.cuda.is_available()


def _clean(notebook: NotebookNode, paths: Mapping[str, str]) -> None:
    """Leave only what another machine would write too; `paths` says how to write each folder of this one."""
    drop_widgets(notebook)
    describe_pictures(notebook)
    notebook.metadata = NotebookNode(kernelspec=KERNEL, language_info=LANGUAGE)
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        digest = sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[digest] += 1  # the same text keeps its id wherever the cell moves
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        cell.metadata = _metadata(cell)
        if cell.cell_type == "code":
            cell.outputs = list(_joined(cell.outputs))
            for output in cell.outputs:
                data = output.get("data", {})
                _rename(output, paths)
                _rename(data, paths)
                if PNG in data:
                    data[PNG] = without_alpha(data[PNG])


def without_alpha(picture: str) -> str:
    """A PNG in base64, without its transparency if it has none: the same pixels in a tenth less."""
    image = Image.open(io.BytesIO(base64.b64decode(picture)))
    if image.mode != "RGBA" or np.asarray(image)[..., 3].min() < 255:
        return picture
    out = io.BytesIO()
    image.convert("RGB").save(out, format="png", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def _metadata(cell: NotebookNode) -> NotebookNode:
    """All that a cell's metadata may hold: its tags, and whether JupyterLab folds its code."""
    tags = {"tags": cell.metadata.tags} if "tags" in cell.metadata else {}
    return NotebookNode(tags | folding(_tags(cell)))


def _joined(outputs: list[NotebookNode]) -> Iterator[NotebookNode]:
    """The outputs, with the pieces in which a kernel happens to send a text put together."""
    last = None
    for output in outputs:
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            yield (last := output)


def _rename(texts: NotebookNode, paths: Mapping[str, str]) -> None:
    for key, text in texts.items():
        if key.startswith("text") and isinstance(text, str):
            for path, name in paths.items():
                text = text.replace(path, name)
            texts[key] = text


def problems(notebook: Path) -> list[str]:
    """Everything that keeps a notebook from being committed, in words; nothing if it was just refreshed.

    Raises FileNotFoundError if there is no such notebook.
    """
    page = nbformat.read(notebook, as_version=4)
    here = [re.escape(f"{folder}/") for folder in (notebook.resolve().parent.parent, Path.home())]
    machine = re.compile("|".join([*here, *ELSEWHERE]))
    return [
        *_apart(page, notebook.parent / "source" / f"{notebook.stem}.py"),
        *_problems_of_page(page, notebook.stat().st_size),
        *misquoted(page),
        *contradicted(page),
        *(f"{_name(cell)} {problem}" for cell in page.cells for problem in _problems_of_cell(cell, machine)),
    ]


def _apart(page: NotebookNode, source: Path) -> Iterator[str]:
    if not source.exists():
        yield f"its source, {source}, is missing"
        return
    written = for_students(jupytext.read(source, fmt="py:percent")).cells
    if len(written) != len(page.cells):
        yield f"{source.name} has {len(written)} cells, the notebook {len(page.cells)}: refresh it"
    for cell, origin in zip(page.cells, written, strict=False):
        if any(cell[key] != origin[key] for key in ("cell_type", "source")) or _tags(cell) != _tags(origin):
            yield f"{_name(cell)} differs from {source.name}: refresh it"
            return


def _problems_of_page(page: NotebookNode, size: int) -> Iterator[str]:
    if size > LARGEST:
        yield f"it is {size / 1e6:.1f} MB; at most {LARGEST / 1e6:.0f} MB (make its pictures smaller)"
    if page.metadata.get("kernelspec", {}).get("name") != KERNEL["name"]:
        yield f"its kernel is {page.metadata.get('kernelspec', {}).get('name')}, not {KERNEL['name']}"
    for key in sorted(page.metadata.keys() - METADATA):
        yield f"its metadata holds {key}"
    tagged = sum("parameters" in _tags(cell) for cell in page.cells)
    if tagged != 1:
        yield f"{tagged} cells have the tag parameters; one must"
    cells = [cell for cell in page.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in cells if cell.execution_count or "gpu" not in _tags(cell)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"its cells were not executed once each and in order: {counts}"


def _problems_of_cell(cell: NotebookNode, machine: re.Pattern[str]) -> Iterator[str]:
    lines = len(cell.source.splitlines())
    if not cell.source.strip():
        yield "is empty"
    if lines > LONGEST:
        yield f"has {lines} lines; at most {LONGEST} fit a screen"
    wanted = _metadata(cell)
    for key in sorted(cell.metadata.keys() | wanted.keys()):
        if cell.metadata.get(key) != wanted.get(key):
            yield f"has other metadata than a refresh gives it: {key}"
    outputs = cell.get("outputs", [])
    for output in outputs:
        if output.output_type == "error":
            yield f"ends in an error, {output.ename}: {output.evalue}"
        if output.get("name") == "stderr":
            yield f"writes to stderr: {output.text.strip().splitlines()[0]}"
        if WIDGET in output.get("data", {}):
            yield "shows a widget, which GitHub cannot draw"
    texts = [cell.source, *(text for output in outputs for text in _texts(output))]
    for path in sorted({match[0] for text in texts for match in machine.finditer(text)}):
        yield f"names a place on one machine: {path}"


def _texts(output: NotebookNode) -> Iterator[str]:
    """What a reader can read of an output: no pictures, nor pictures inside a page."""
    for key, text in [*output.items(), *output.get("data", {}).items()]:
        if key.startswith("text"):
            yield re.sub(r"base64,[\w+/=]+", "", text)


def _tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def _name(cell: NotebookNode) -> str:
    first = cell.source.strip().splitlines()[:1] or [""]
    return f"the {cell.cell_type} cell {first[0][:50]!r}"


def main() -> int:
    """Refresh the notebooks of the sources named on the command line; 1 if one fails or is not clean, else 0.

    Where a kernel dies, the notebooks after it are left as they are: it may have been Ctrl-C.
    """
    faults = 0
    for source in map(Path, sys.argv[1:]):
        print(f"{source} ...", flush=True)
        try:
            found = problems(refresh_notebook(source))
        except KernelDiedError as error:
            print(f"  {error}; what comes after it is not refreshed")
            return 1
        except (FileNotFoundError, RuntimeError) as error:
            found = [str(error)]
        faults += len(found)
        print("\n".join(f"  {problem}" for problem in found or ["executed, and clean"]))
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main())
