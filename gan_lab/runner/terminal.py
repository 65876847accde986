"""What the commands print, and how they say what went wrong."""

import errno
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from gan_lab.run_folder import PICTURES, Scalar, executed, page, pictures
from gan_lab.runner.signals import Stopped, stopped_by_signals

if TYPE_CHECKING:
    from pandas import DataFrame

    from gan_lab.runner.run import NotebookError

# No table is cut off in a file, and what stands in brackets is a part of a name: no markup.
console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 500)
errors = Console(stderr=True, highlight=False, markup=False)


def show_runs(found: "DataFrame") -> None:
    """A line a training: its folder, what became of it, and the numbers that it found."""
    numbers = [name for name in found.attrs["found"] if found[name].any()]
    room = console.width - found["folder"].str.len().max() - 12
    numbers = numbers[: max(1, room // 11)]  # the report has all of them
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("run", "state"):
        table.add_column(column)
    for column in numbers:
        table.add_column(column, justify="right", no_wrap=True)
    for row in found.to_dict("records"):
        state = Text(row["state"], "green" if row["state"] == "done" else "red")
        table.add_row(row["folder"], state, *("" if row[name] != row[name] else f"{row[name]:.3g}" for name in numbers))
    console.print(table)
    for failure in sorted(set(found["failure"]) - {""}):
        errors.print(Text(failure, "red"), soft_wrap=True)


def show_left_out(runs: str) -> None:
    """Name the runs that are not in a page or a table; nothing if all are."""
    if runs:
        errors.print(Text(runs, "yellow"), soft_wrap=True)


def show_plan(notebook: Path, runs: Mapping[Path, Mapping[str, Scalar]]) -> None:
    """A line a run: its folder, what is in it already, and the parameters that differ; before it those that do not."""
    from gan_lab.runner.held import by_another_version, made_by_another_version, state

    first, *others = runs.values()
    same = [name for name in first if name != "run_dir" and all(values[name] == first[name] for values in others)]
    vary = [name for name in first if name not in same and name != "run_dir"]
    console.print(Text(", ".join(f"{name} = {first[name]}" for name in same), "dim"), soft_wrap=True)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("folder", "state", *vary):
        table.add_column(column, overflow="fold")
    states = {folder: state(folder) for folder in runs}
    for folder, values in runs.items():
        changed = made_by_another_version(notebook, folder)
        words = f"{states[folder]}, {by_another_version(changed)}" if changed else states[folder]
        table.add_row(str(folder), words, *(str(values[name]) for name in vary))
    console.print(table)
    done = sum(each == "done" for each in states.values())
    console.print(f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}, {done} done; nothing was started.")


def show_outcome(folder: Path, notebook: Path) -> None:
    """Name what there is to look at."""
    rows = [("notebook", executed(folder, notebook.stem)), ("page", page(folder, notebook.stem))]
    for run in sorted(folder.glob(f"*/{PICTURES}")):
        rows += [("samples", picture) for picture in pictures(run.parent)[-1:]]
    for name, path in rows:
        if path.exists():
            console.print(Text(f"{name:9}", "dim").append(str(path), "default"), soft_wrap=True)


def show_failure(error: "NotebookError") -> None:
    """Say which cell failed, show it and what it said, and name what there is to look at."""
    failure = error.failure
    errors.print(Text(str(error), "bold red"), soft_wrap=True)
    if failure.source:
        errors.print(
            "", Syntax(failure.source, "python", theme="ansi_light", background_color="default", word_wrap=True)
        )
    if failure.traceback:
        errors.print("", Text.from_ansi(failure.traceback), soft_wrap=True)
    show_outcome(error.out, error.notebook)


@contextmanager
def said_plainly() -> Iterator[None]:
    """An error that the user can put right, said in its own words without a traceback; a request to end, obeyed."""
    try:
        with stopped_by_signals():
            yield
    except (ValueError, OSError) as error:
        words = in_words(error) if isinstance(error, OSError) else str(error)
        errors.print(Text(words, "red"), soft_wrap=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt as stop:
        with suppress(OSError):  # the terminal may be gone
            errors.print("Interrupted. The same command goes on from here.")
        number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
        raise typer.Exit(128 + number) from None


WAYS_OUT = {
    errno.ENOSPC: "make room there, and give the same command again",
    getattr(errno, "EDQUOT", errno.ENOSPC): "make room there, and give the same command again",
    errno.EACCES: "choose a place where you may write",
    errno.EPERM: "choose a place where you may write",
    errno.EROFS: "choose a place where you may write",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def in_words(error: OSError) -> str:
    """What the operating system refused, "runs/01_dcgan: Permission denied. ...", with the way out if there is one."""
    if error.strerror is None:
        return str(error)  # one of ours
    file = Path(str(error.filename2 or error.filename or ""))
    place = str(file.with_name(file.name.removeprefix(".part-"))) if file.name else ""
    what = f"{place}: {error.strerror}" if place else error.strerror
    return f"{what}; {WAYS_OUT[error.errno]}" if error.errno in WAYS_OUT else what
