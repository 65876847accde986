"""What a folder holds before a notebook is executed into it: nothing that is not its own may be replaced."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from gan_lab.owner import LOCK, is_free
from gan_lab.run_folder import EPOCHS, LOG, RECIPE, ROUNDS, STATUS, DamagedFileError, Scalar, executed, page
from gan_lab.runner import course
from gan_lab.runner.status import Status
from gan_lab.runner.versions import code_version, notebook_digest

# What tells our files from others of the same name: the title of a page, the columns of a table.
REPORT, BOARD, GRADES = b": the runs compared</title>", b"<title>The board</title>", b"<title>Grades</title>"
GRADE = b" points</title>"  # of one student
FOUND = ("run", "epochs", "notebook_digest", "code", "device")
ANOTHER_NAME = "choose another name"


def refuse_to_replace(notebook: Path, out: Path) -> None:
    """Raises ValueError if `out` is no place for what comes of the notebook: each time it names the file in the way."""
    for place in (out, *out.parents):
        if os.path.lexists(place) and not place.is_dir():
            raise ValueError(f"{place} is a file: choose a folder for what comes of {notebook.name}")
    given_there = (course.NOTEBOOKS / "runs").resolve()  # by a command in the clone's folder of notebooks
    if lies_in(out, course.NOTEBOOKS) and given_there not in out.resolve().parents:
        raise ValueError(f"{out} belongs to the course's own notebooks: choose another folder")
    copy = executed(out, notebook.stem)
    if copy.exists() and copy.samefile(notebook):
        raise ValueError(f"the executed copy would replace the notebook {copy} itself: choose another folder")
    ours = readable_status(out) is not None or ((out / STATUS).is_file() and (out / LOCK).exists())  # a damaged one
    for file in (copy, page(out, notebook.stem), out / STATUS, out / LOG):
        if os.path.lexists(file) and not ours:
            raise ValueError(f"{file} is there already, and no run of gan-lab made it: choose another folder")
        if file.is_symlink():
            raise ValueError(f"{file} is a link to another file, which would be replaced: choose another folder")


def refuse_page(file: Path, title: bytes = REPORT, kind: str = "report", way_out: str = ANOTHER_NAME) -> None:
    """Raises ValueError if a page of that name would replace anything but one of its kind, which has that title."""
    if file.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{file} is no name for a page: it ends in .html")
    if os.path.lexists(file) and not (file.is_file() and title in file.read_bytes()[:1000]):
        raise ValueError(f"{file} is there already, and no {kind}: {way_out}")


def refuse_table(file: Path) -> None:
    """Raises ValueError if a table of what runs found would replace anything but such a table."""
    if file.suffix.lower() != ".csv":
        raise ValueError(f"{file} is no name for a table: it ends in .csv")
    place = file.resolve()
    if place.name.lower() in (ROUNDS, EPOCHS) and (place.parent / RECIPE).exists():
        raise ValueError(f"{file} is what a run keeps: {ANOTHER_NAME}")
    refuse_other_table(file, FOUND, "table of what runs found")


def refuse_other_table(file: Path, columns: Collection[str], kind: str, way_out: str = ANOTHER_NAME) -> None:
    """Raises ValueError if a table of that name would replace anything but one of its kind, which has these columns."""
    if os.path.lexists(file) and not (file.is_file() and {*columns} <= {*columns_of(file)}):
        raise ValueError(f"{file} is there already, and no {kind}: {way_out}")


def columns_of(file: Path) -> list[str]:
    """The names in the first line of a table."""
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        return lines.readline().strip().split(",")


def lies_in(place: Path, folder: Path) -> bool:
    """Whether the place is the folder or lies below it, whatever links lead there and however it is spelled."""
    place = place.resolve()
    return folder.exists() and any(p.exists() and p.samefile(folder) for p in (place, *place.parents))


def refuse_other_run(notebook: Path, values: Mapping[str, Scalar], folder: Path, free: Collection[str]) -> None:
    """Raises ValueError if the folder holds a run of another notebook or of other parameters than those in `free`."""
    status = readable_status(folder)
    if status is None:
        return
    there, here = {"notebook": status.notebook, **status.parameters}, {"notebook": notebook.stem, **values}
    differ = sorted(k for k in {*there, *here} - {*free} if there.get(k) != here.get(k))
    if differ:
        raise ValueError(
            f"{folder} holds another run:\n"
            + "\n".join(f"  {k}: {there.get(k, 'nothing')} there, {here.get(k, 'nothing')} here" for k in differ)
            + "\nChoose another folder, or delete what is there."
        )


def state(folder: Path) -> str:
    """What became of the notebook that was executed there, "new" if none was, "damaged" if that cannot be read.

    A process that was killed leaves "running" behind: its folder is free, and it was interrupted.
    """
    try:
        status = Status.read(folder)
    except DamagedFileError:
        return "damaged"
    if status is None:
        return "new"
    return "interrupted" if status.state == "running" and is_free(folder) else status.state


def damage(folder: Path) -> str:
    """Why the folder's status cannot be read, and what becomes of it, in a sentence; "" if it can, or there is none.

    Nothing is lost with it: a training knows itself what it is, and goes on.
    """
    try:
        Status.read(folder)
    except DamagedFileError as error:
        return f"{error.file} cannot be read, {error.why}: it is written anew, and what was trained there goes on"
    return ""


def readable_status(folder: Path) -> Status | None:
    """The folder's status; None if there is none that can be read."""
    try:
        return Status.read(folder)
    except DamagedFileError:
        return None


def made_by_another_version(notebook: Path, folder: Path) -> set[str]:
    """What has changed since the run that is done there was made: {"the notebook", "gan-lab"} at most."""
    status = readable_status(folder)
    if status is None or status.state != "done":
        return set()
    then_and_now = {
        "the notebook": (status.notebook_digest, notebook_digest(notebook)),
        "gan-lab": (status.code, code_version()),
    }
    return {what for what, (then, now) in then_and_now.items() if then not in ("", now)}


def by_another_version(what: Collection[str]) -> str:
    """That in words: "by another version of the notebook and of gan-lab"."""
    return f"by another version of {' and of '.join(sorted(what, reverse=True))}"
