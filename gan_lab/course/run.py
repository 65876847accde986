"""The notebooks of the course, and one run of one of them.

The rest of the instructor's side stands beside this: `sweep.sweep` for many runs, `results.results` and
`results.comparison` for what they found, `report.report` for a page about it, `doctor.doctor` for the machine.
"""

from collections.abc import Mapping
from pathlib import Path

import nbformat
import pandas as pd

from gan_lab.course.execution import execute
from gan_lab.course.parameters import check, parameters
from gan_lab.course.status import Failure, Scalar


def notebooks(folder: str | Path = "notebooks") -> pd.DataFrame:
    """One row a parameter: notebook, title, name, type, default, meaning, allowed.

    Raises FileNotFoundError if the folder holds no notebook, ValueError if one's parameters cannot be read.
    """
    files = sorted(Path(folder).glob("*.ipynb"))
    if not files:
        raise FileNotFoundError(f"there is no notebook in {folder}")
    return pd.DataFrame(
        {"notebook": file.name, "title": title(file), **vars(parameter), "type": parameter.type.__name__}
        for file in files
        for parameter in parameters(file).values()
    )


def title(notebook: str | Path) -> str:
    """The notebook's first heading, without its number sign."""
    for cell in nbformat.read(notebook, 4).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("# "):
            return str(cell.source.splitlines()[0].removeprefix("# ").strip())
    return Path(notebook).stem


class NotebookError(RuntimeError):
    """A notebook that did not reach its end; `failure` says where and why, `out` holds what there is."""

    def __init__(self, notebook: Path, out: Path, failure: Failure):
        super().__init__(f"{notebook.name}, {failure}")
        self.notebook, self.out, self.failure = notebook, out, failure


def run(
    notebook: str | Path,
    given: Mapping[str, object] | None = None,
    out: str | Path | None = None,
    *,
    time_limit: float | None = None,
    progress: bool = True,
) -> Path:
    """Run a notebook with these parameters, its own for the rest, and return the folder with all that came of it.

    The folder, runs/<notebook> if none is named, gets the executed notebook, its HTML page and the runs that the
    notebook trains. The same call again goes on where an interrupted training was.
    Raises ValueError before anything starts if the parameters do not suit the notebook, NotebookError if it fails.
    """
    notebook = Path(notebook)
    out = Path(out) if out else Path("runs", notebook.stem)
    values = in_folder(check(notebook, given or {}), out)
    status = execute(notebook, values, out, time_limit=time_limit, progress=progress)
    if status.failure:
        raise NotebookError(notebook, out, status.failure)
    return out


def in_folder(values: dict[str, Scalar], out: Path) -> dict[str, Scalar]:
    """The same values, with a run_dir that was left open set to the folder of the execution."""
    return values | {"run_dir": str(out.resolve())} if values.get("run_dir") == "" else values
