"""One run of a notebook.

The rest of the instructor's side stands beside this: `sweep.run_sweep` for many runs, `results` for what
they found, `report.write_report` for a page about it, `doctor.examine` for the machine.
"""

import hashlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gan_lab.owner import begin_anew, in_use, is_free
from gan_lab.run_folder import RECIPE, STATUS, Scalar
from gan_lab.runner.execution import execute
from gan_lab.runner.held import (
    by_another_version,
    damage,
    made_by_another_version,
    readable_status,
    refuse_other_run,
    refuse_to_replace,
)
from gan_lab.runner.parameters import check, read_yaml
from gan_lab.runner.status import Failure


class NotebookError(RuntimeError):
    """A notebook that did not reach its end; `failure` says where and why, `out` holds what there is."""

    def __init__(self, notebook: Path, out: Path, failure: Failure):
        super().__init__(f"{notebook.name}, {failure}")
        self.notebook, self.out, self.failure = notebook, out, failure


def run_notebook(
    notebook: str | Path,
    given: Mapping[str, object] | None = None,
    out: str | Path | None = None,
    *,
    time_limit: float | None = None,
    progress: bool = True,
    again: bool = False,
    files: Sequence[Path] = (),
) -> Path:
    """Run a notebook with these parameters, its own for the rest, and return the folder with all that came of it.

    The folder gets the executed notebook, its HTML page and the runs that the notebook trains. If none is named, it is
    runs/<notebook>, with what differs from the notebook's own parameters in its name: runs/01_dcgan,seed=3. The same
    call again, or one with more epochs, goes on where the training was.
    files: of parameters, from which some of the given ones come: a folder that is not named has their names in its own.
    again: put what another version of the notebook or of gan-lab has made there aside, and begin anew.
    Raises ValueError before anything starts if the parameters do not suit the notebook, or if the folder holds other
    files or another run; BlockingIOError if another process works there, or plays the sweep that the folder belongs to;
    NotebookError if the notebook fails.
    """
    notebook, made_by = Path(notebook), None
    out, values = planned(notebook, given or {}, out, files)
    refuse_sweep_at_work(out.resolve().parent)
    if damaged := damage(out):
        print(damaged, file=sys.stderr)
    if changed := made_by_another_version(notebook, out):
        if again:
            begin_anew(out)
        else:
            made_by = readable_status(out) if any(out.rglob(RECIPE)) else None
            said = f"{out} was made {by_another_version(changed)}; what it trained stays"
            print(f"{said}. --again plays it again", file=sys.stderr)
    status = execute(notebook, values, out, time_limit=time_limit, progress=progress, made_by=made_by)
    if status.failure:
        raise NotebookError(notebook, out, status.failure)
    return out


def refuse_sweep_at_work(folder: Path) -> None:
    """Raises BlockingIOError if a sweep is at work in the folder: it counts on the runs in there as its own."""
    if not (folder / STATUS).exists() and not is_free(folder):
        raise in_use(folder)


def planned(
    notebook: Path, given: Mapping[str, object], out: str | Path | None = None, files: Sequence[Path] = ()
) -> tuple[Path, dict[str, Scalar]]:
    """The folder and the parameters of a run. Raises ValueError as `run_notebook` does; writes nothing."""
    values = check(notebook, given)
    out = Path(out) if out else default_folder(notebook, values, files)
    out = out if out.name not in ("", "..") else Path(os.path.abspath(out))  # a folder that may get another name
    refuse_other_than_text(str(out.absolute()), *map(str, values.values()))
    values = in_folder(values, out)
    refuse_to_replace(notebook, out)
    refuse_other_run(notebook, values, out, free=("epochs", "run_dir"))  # more epochs go on
    return out, values


def in_folder(values: dict[str, Scalar], out: Path) -> dict[str, Scalar]:
    """The same values, with a run_dir that was left open set to the folder of the execution.

    One that was given becomes absolute: it is where the caller means it, and notebooks run elsewhere.
    """
    if "run_dir" not in values:
        return values
    return values | {"run_dir": str(Path(os.path.expanduser(str(values["run_dir"]) or out)).resolve())}


def refuse_other_than_text(*values: str) -> None:
    """Raises ValueError if a value is no text in UTF-8, as a folder's name may be: no file of ours could name it."""
    for value in values:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"{value!r} is no text in UTF-8: choose another name, or start in another folder"
            ) from None


def default_folder(notebook: Path, values: Mapping[str, Scalar], files: Sequence[Path] = ()) -> Path:
    """runs/<notebook>, followed by the names of the files of parameters, and by the values that are neither theirs nor
    the notebook's own: runs/03_acgan,report_a,seed=3. More epochs are the same training."""
    known = check(notebook, {name: value for file in files for name, value in read_yaml(file).items()})
    changed = {k: v for k, v in values.items() if v != known[k] and k not in ("epochs", "run_dir")}
    return Path("runs", ",".join(filter(None, [notebook.stem, *(file.stem for file in files), folder_name(changed)])))


def folder_name(setting: Mapping[str, Scalar]) -> str:
    """A setting as the name of a folder, "seed=0,real_target=0.9"; a value that no folder can bear becomes a digest."""
    words = {
        name: str(value) if re.fullmatch(r"[\w.+-]{0,39}[\w+-]", str(value), re.ASCII) else digest(str(value))
        for name, value in setting.items()
    }
    joined = ",".join(f"{name}={word}" for name, word in words.items())
    return joined if len(joined) <= 120 else digest(joined)


def digest(text: str) -> str:
    """Ten hexadecimal digits that stand for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:10]
