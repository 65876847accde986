"""The course's own notebooks and files of parameters: which there are, by their names, and laid out in a folder."""

import difflib
import json
from pathlib import Path

from gan_lab.files import whole
from gan_lab.shipped import shipped

NOTEBOOKS = shipped("notebooks")
PARAMETERS = NOTEBOOKS / "parameters"


def notebooks(folder: str | Path) -> list[Path]:
    """The notebooks in a folder, in order. Raises FileNotFoundError if it holds none."""
    files = sorted(Path(folder).glob("*.ipynb"))
    if not files:
        raise FileNotFoundError(f"there is no notebook in {folder}")
    return files


def find_notebook(name: str | Path) -> Path:
    """The notebook in that file or, for a bare name that is none here, the course's own: "01_dcgan".

    Raises FileNotFoundError, with the nearest name, if there is none.
    """
    return find(Path(name), ".ipynb", "notebook", NOTEBOOKS)


def find_parameters(name: str | Path) -> Path:
    """The file of parameters of that name or, for a bare name that is none here, the course's own: "report_a.yaml".

    Raises FileNotFoundError, with the nearest name, if there is none.
    """
    return find(Path(name), ".yaml", "file of parameters", PARAMETERS)


def find(name: Path, ending: str, what: str, ours: Path) -> Path:
    """That file, with or without its ending; for a bare name the one in `ours`, if there is none here."""
    whole_name = name if name.suffix == ending else Path(f"{name}{ending}")
    bare = name.parent == Path()
    for file in (name, whole_name, *([ours / whole_name] if bare else [])):
        if file.is_file():
            return file
    known = sorted(file.stem for file in ours.glob(f"*{ending}"))
    near = difflib.get_close_matches(whole_name.stem, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the course has {', '.join(known)}."
    raise FileNotFoundError(f"there is no {what} {name}: {hint}")


def lay_out(folder: str | Path) -> tuple[list[Path], list[Path]]:
    """Copy the course's notebooks and their parameters into a folder, the notebooks without what they show: a reader is
    asked to predict it.

    Returns the files that it wrote, and those that were there before and stay as they are.
    """
    written, left = [], []
    for file in [*NOTEBOOKS.glob("*.ipynb"), *PARAMETERS.glob("*.yaml")]:
        copy = Path(folder) / file.relative_to(NOTEBOOKS)
        if copy.exists():
            left.append(copy)
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        with whole(copy) as part:
            part.write_text(unexecuted(file) if file.suffix == ".ipynb" else file.read_text("utf-8"), encoding="utf-8")
        written.append(copy)
    return sorted(written), sorted(left)


def unexecuted(notebook: Path) -> str:
    """The text of a notebook's file, with no outputs."""
    page = json.loads(notebook.read_bytes())
    for cell in page["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return json.dumps(page, indent=1, ensure_ascii=False) + "\n"
