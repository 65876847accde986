"""The command `gan-lab`: what an instructor does with the notebooks, from a terminal."""

import os
import subprocess
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

from gan_lab.runner.limits import BOARD_SECONDS, MEGABYTES, SECONDS
from gan_lab.runner.terminal import (
    console,
    errors,
    said_plainly,
    show_failure,
    show_left_out,
    show_outcome,
    show_plan,
    show_runs,
)

app = typer.Typer(
    help="Run the course's notebooks with other parameters, many at a time, and compare what comes out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


class NameValue(TyperCommand):
    """A command whose -p takes a name and a value, as papermill's does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, joined(args))


def joined(args: list[str]) -> list[str]:
    """The same arguments, with each `-p name value` made `-p name=value`."""
    words = iter(args)
    result = []
    for word in words:
        result.append(word)
        if word in ("-p", "--parameter"):
            name = next(words, "")
            result.append(name if "=" in name else f"{name}={next(words, '')}")
    return result


Notebook = Annotated[Path, typer.Argument(metavar="NOTEBOOK", help="Its file or, for one of the course, its name.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="What a run or a sweep wrote to.")]
Target = Annotated[Path, typer.Argument(metavar="DIR", help="Where to put them; it is made if it is not there.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option("-p", "--parameter", metavar="NAME VALUE", help="Give a parameter another value. Repeat for more."),
]
Files = Annotated[
    list[Path] | None,
    typer.Option("-f", "--file", metavar="FILE", help="Take values from a YAML file, or from the course's: report_a."),
]
TimeLimit = Annotated[
    float | None,
    typer.Option("--time-limit", metavar="SECONDS", min=1, help="Stop a notebook that takes longer."),
]
Again = Annotated[
    bool,
    typer.Option("--again", help="Put aside what another version of the notebook or of gan-lab made; play it anew."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would run, where, and what is there already. Start nothing.")
]


def say_version(asked: bool) -> None:
    from importlib.metadata import version

    if asked:
        console.print(f"gan-lab {version('gan-lab')}")
        raise typer.Exit


@app.callback()
def begin(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=say_version, help="Show the version and exit.")
    ] = False,
) -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console that has no Greek gets a ?


@app.command(name="list")
def list_(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Where the notebooks are.  [default: those of the course]")
    ] = None,
) -> None:
    """Show the notebooks and the parameters that each takes."""
    from gan_lab.runner.course import NOTEBOOKS, notebooks
    from gan_lab.runner.notebook_file import title
    from gan_lab.runner.parameters import read_parameters

    with said_plainly():
        found = {notebook: read_parameters(notebook) for notebook in notebooks(folder or NOTEBOOKS)}
    for notebook, parameters in found.items():
        console.print(Text(title(notebook), "bold").append(f"  {notebook.name}", "dim"))
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("parameter", "type", "default", "meaning"):
            table.add_column(column, no_wrap=column != "meaning")
        for one in parameters.values():
            meaning = Text(one.meaning).append(f" [{one.allowed}]" if one.allowed else "", "dim")
            table.add_row(Text(one.name, "bold"), one.type.__name__, repr(one.default), meaning)
        console.print(table, "")


@app.command(name="notebooks")
def notebooks_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to put them; it is made if it is not there.")],
) -> None:
    """Lay the course out in a folder: its notebooks, not yet run, and their files of parameters.

    A file that is there already stays as it is.
    """
    from gan_lab.runner.course import lay_out

    with said_plainly():
        written, left = lay_out(folder)
    for name, files in (("new", written), ("was there", left)):
        for file in files:
            console.print(Text(f"{name:10}", "dim").append(str(file), "default"), soft_wrap=True)


@app.command(cls=NameValue)
def run(
    notebook: Notebook,
    parameter: Parameters = None,
    file: Files = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to put all that comes of it.  [default: runs/NOTEBOOK,...]"),
    ] = None,
    time_limit: TimeLimit = None,
    again: Again = False,
    dry_run: DryRun = False,
) -> None:
    """Run a notebook with other parameters.

    A parameter that it does not have, or a value that it cannot take, is an error before anything starts. The folder
    then holds the executed notebook, an HTML copy that opens anywhere, and the runs that it trained. The same command
    again goes on where an interrupted training was.

    **Example:** gan-lab run 01_dcgan -f report_a -p epochs 1
    """
    from gan_lab.runner.course import find_notebook, find_parameters
    from gan_lab.runner.run import NotebookError, planned, run_notebook

    with said_plainly():
        notebook = find_notebook(notebook)
        values, files = given(parameter, file), [find_parameters(one) for one in file or []]
        if dry_run:
            show_plan(notebook, dict([planned(notebook, values, out, files)]))
            return
        try:
            folder = run_notebook(notebook, values, out, time_limit=time_limit, again=again, files=files)
        except NotebookError as error:
            show_failure(error)
            raise typer.Exit(1) from None
    show_outcome(folder, notebook)


@app.command(cls=NameValue)
def sweep(
    notebook: Notebook,
    grid: Annotated[
        list[str] | None,
        typer.Option("--grid", metavar="NAME=A,B,C", help="Values to try, or 0..9. Several grids: their product."),
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv", help="A line of names, then a run a line; each with every value of the grids."
        ),
    ] = None,
    parameter: Parameters = None,
    file: Files = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to put the runs.  [default: runs/NOTEBOOK-sweep]")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="How many at a time.  [default: one a core]")
    ] = None,
    scheduler: Annotated[
        str, typer.Option(metavar="tcp://HOST:PORT", help="Run on this Dask cluster, not on this machine alone.")
    ] = "",
    time_limit: TimeLimit = None,
    again: Again = False,
    dry_run: DryRun = False,
) -> None:
    """Run a notebook with every combination of some values.

    Each run has its own folder and its share of the cores. Started again, it leaves what is done and runs the rest. A
    worker that dies loses its own run only, which is started once more.

    **Example:** gan-lab sweep 01_dcgan --grid "seed=0..4" --grid "real_target=1.0,0.9"
    """
    from gan_lab.runner.course import find_notebook
    from gan_lab.runner.points import grids, read_points
    from gan_lab.runner.sweep import planned, run_sweep, sweep_folder, unfinished

    with said_plainly():
        notebook = find_notebook(notebook)
        values, tried = given(parameter, file), grids(grid or [])
        chosen = read_points(points) if points else None
        runs = planned(notebook, tried, values, sweep_folder(notebook, out), chosen)
        if dry_run:
            unfinished(notebook, runs)
            show_plan(notebook, runs)
            return
        how: Any = {"jobs": jobs, "scheduler": scheduler, "time_limit": time_limit, "again": again}
        found = run_sweep(notebook, tried, values, out, points=chosen, **how)
    asked = {run.name for run in runs}  # the folder may hold those of other sweeps
    found = found[[folder.partition(os.sep)[0] in asked for folder in found["folder"]]]
    show_runs(found)
    if not (found["state"] == "done").all():
        raise typer.Exit(1)


@app.command()
def report(
    folder: Folder,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="The page.  [default: DIR/report.html]")
    ] = None,
) -> None:
    """Compare runs on one page, for a class to look at.

    A row a setting, with its mean over the seeds and a 95 % t interval; the samples side by side through the
    training; the curves with their spread. The page is one file and needs no network.
    """
    from gan_lab.runner.held import refuse_page
    from gan_lab.runner.report import write_report
    from gan_lab.runner.results import left_out

    with said_plainly():
        refuse_page(html or folder / "report.html")
        console.print(str(write_report(folder, html)), soft_wrap=True)
        show_left_out(left_out(folder))


@app.command()
def table(
    folder: Folder,
    csv: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The table, such as results/02_stability.csv.")],
    epochs: Annotated[bool, typer.Option("--epochs", help="A row a measured epoch, not a row a training.")] = False,
) -> None:
    """Write what complete trainings found as a table, for a notebook to draw its claims from.

    A row a training: its parameters and, of its last epoch, all that was measured. Nothing in it names a machine's
    folders, so that it can be kept with the course.
    """
    from gan_lab.files import whole
    from gan_lab.runner.held import refuse_table
    from gan_lab.runner.results import left_out, training_table

    with said_plainly():
        refuse_table(csv)
        found = training_table(folder, each_epoch=epochs)
        with whole(csv) as part:
            found.to_csv(part, index=False)
        console.print(f"{csv}: {len(found)} rows", soft_wrap=True)
        show_left_out(left_out(folder))


Names = Annotated[list[str] | None, typer.Argument(metavar="[NAMES]", help="Some of the notebooks: 01_dcgan.")]


@app.command()
def release(folder: Target, names: Names = None) -> None:
    """Write the notebooks to hand out to students: without solutions, marked for grading."""
    from gan_lab.runner.release import release

    with said_plainly():
        show_written(release(folder, names))


@app.command()
def solutions(
    folder: Target,
    names: Names = None,
    markers: Annotated[
        bool, typer.Option("--markers", help="Leave nbgrader's markers in, for its source folder.")
    ] = False,
) -> None:
    """Write the notebooks with the solutions of all exercises that have a check."""
    from gan_lab.runner.release import solutions

    with said_plainly():
        show_written(solutions(folder, names, markers=markers))


@app.command()
def grade(
    submissions: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder for each student, with notebooks in it.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the grades go.")] = Path("grades"),
    jobs: Annotated[int, typer.Option(min=1, help="How many notebooks at a time.")] = 2,
    seconds: Annotated[float, typer.Option(min=1, help="What one answer may take.")] = SECONDS,
    megabytes: Annotated[int, typer.Option(min=100, help="The memory that one answer may take.")] = MEGABYTES,
    board_seconds: Annotated[
        float, typer.Option(min=1, help="Processor time of a notebook with a cell # board.")
    ] = BOARD_SECONDS,
    trusted: Annotated[
        bool, typer.Option("--trusted", help="Grade even where answers can reach the network and change your files.")
    ] = False,
) -> None:
    """Grade notebooks that students handed in: a table, and a page for each student with the hints.

    The checks are the course's own, whatever a notebook says. Graded again, only what is new is graded.
    """
    from gan_lab.runner.isolation import refuse_to_grade_here

    with said_plainly():
        refuse_to_grade_here(trusted=trusted)
        from gan_lab.runner.grade import grade
        from gan_lab.runner.graded_folder import TABLE
        from gan_lab.runner.submissions import in_no_folder

        limits: Any = {"seconds": seconds, "megabytes": megabytes, "board_seconds": board_seconds}
        show_left_out(in_no_folder(submissions))
        grades, anew = grade(submissions, out, jobs=jobs, **limits)
    console.print(f"{anew} notebooks graded anew; {out / TABLE} has {len(grades)} answers", soft_wrap=True)


@app.command()
def board(
    graded: Annotated[Path, typer.Argument(metavar="GRADED", help="What gan-lab grade wrote.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="PAGE.html", help="The page; a table lies beside it.  [default: GRADED/board.html]"),
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv", help="Columns student and name: who wants a name on the page, not a pseudonym."
        ),
    ] = None,
) -> None:
    """Rank a class's samples on one page to project, under pseudonyms; copies of real images come last.

    The samples are what a cell `# board` of each graded notebook drew. The table beside the page has the real names.
    """
    from gan_lab.runner.board import board

    with said_plainly():
        page = out or graded / "board.html"
        found = board(graded, page, names)
    counts = ", ".join(f"{number} {state}" for state, number in found["state"].value_counts().items())
    console.print(f"{page}: {counts}; {page.with_suffix('.csv')} has the students' names", soft_wrap=True)


def show_written(files: list[Path]) -> None:
    for file in files:
        console.print(str(file), soft_wrap=True)


@app.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
def reproduce(
    given: Annotated[list[str] | None, typer.Argument(metavar="[NAMES] [OPTIONS]", help="See --help.")] = None,
) -> None:
    """Play the two reports' trainings to their end, at full size: ten hours or more on two cores.

    Stopped and started again, it goes on where it was. **Example:** gan-lab reproduce B1 --seeds 3
    """
    command = [sys.executable, "-m", "gan_lab.lessons.reproduce", *(given or [])]
    if os.name == "posix":
        os.execv(sys.executable, command)  # so that who asks this process to end asks the training
    raise typer.Exit(subprocess.run(command).returncode)


@app.command()
def doctor(
    seconds: Annotated[float, typer.Option(metavar="SECONDS", help="How long to time a training step.")] = 10.0,
) -> None:
    """Check this machine: versions, device, data, disk, and how fast it trains.

    Says what to do about each thing that is wrong, and ends with exit code 1 if something is broken.
    """
    from gan_lab.runner.doctor import examine

    good, broken = ("+", "x") if console.options.ascii_only else ("✓", "✗")
    marks = {"good": Text(good, "green"), "note": Text("!", "yellow"), "broken": Text(broken, "red")}
    with errors.status(f"Looking around, and training for {seconds:g} seconds"):
        found = examine(seconds)
    table = Table.grid(padding=(0, 2, 0, 0))
    for row in found.to_dict("records"):
        said = Text(row["found"]).append(f"\n{row['remedy']}" if row["remedy"] else "", "dim")
        table.add_row(marks[row["state"]], row["check"], said)
    console.print(table)
    if (found["state"] == "broken").any():
        raise typer.Exit(1)


def given(parameter: list[str] | None, file: list[Path] | None) -> dict[str, object]:
    """The values in the files, later ones before earlier, and those of the command line before all."""
    from gan_lab.runner.course import find_parameters
    from gan_lab.runner.parameters import read_yaml

    values: dict[str, object] = {}
    for one in file or []:
        values |= read_yaml(find_parameters(one))
    if nameless := [pair for pair in parameter or [] if "=" not in pair]:
        raise ValueError(f"-p {nameless[0]}: write a name and a value, as in -p seed 3")
    return values | dict(pair.split("=", 1) for pair in parameter or [])


if __name__ == "__main__":
    app()
