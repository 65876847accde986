"""The command `gan-lab`: what an instructor does with the notebooks, from a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

app = typer.Typer(
    help="Run the course's notebooks with other parameters, many at a time, and compare what comes out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


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


Notebook = Annotated[Path, typer.Argument(help="The notebook's file.", show_default=False)]
Parameters = Annotated[
    list[str],
    typer.Option("-p", "--parameter", metavar="NAME VALUE", help="Give one parameter a value.", show_default=False),
]
Files = Annotated[
    list[Path],
    typer.Option(
        "-f", "--file", metavar="FILE.yaml", help="Take parameters from a file. -p goes before.", show_default=False
    ),
]
TimeLimit = Annotated[
    float | None,
    typer.Option(
        "--time-limit", metavar="SECONDS", min=1, help="Stop a notebook that takes longer.", show_default=False
    ),
]


@app.command(name="list")
def list_(
    folder: Annotated[Path, typer.Argument(help="Where the notebooks are.")] = Path("notebooks"),
) -> None:
    """Show the notebooks with their parameters: name, type, default, meaning."""
    from gan_lab.course import notebooks

    with said_plainly():
        found = notebooks(folder)
    for (file, title), rows in found.groupby(["notebook", "title"], sort=False):
        table = Table(title=f"[bold]{title}[/]  [dim]{file}[/]", title_justify="left", box=None, padding=(0, 2, 0, 0))
        for column in ("parameter", "type", "default", "meaning"):
            table.add_column(column, header_style="dim")
        for row in rows.itertuples():
            meaning = Text(row.meaning).append(f"  {row.allowed}" if row.allowed else "", "dim")
            table.add_row(Text(row.name, "bold"), row.type, Text(repr(row.default)), meaning)
        console.print(table, "")


@app.command(cls=NameValue)
def run(
    notebook: Notebook,
    parameter: Parameters = [],
    file: Files = [],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where all that comes of it is put.", show_default="runs/NOTEBOOK"),
    ] = None,
    time_limit: TimeLimit = None,
) -> None:
    """Run a notebook with other parameters.

    A parameter that the notebook does not have, or a value that it cannot take, is an error before anything starts.
    In the folder are then the executed notebook, an HTML copy that opens anywhere, and the runs that it trained. The
    same command again goes on where an interrupted training was.

        gan-lab run notebooks/01_dcgan.ipynb -p epochs 5
        gan-lab run notebooks/01_dcgan.ipynb -f notebooks/parameters/report_a.yaml -p epochs 1 --out runs/a1
    """
    from gan_lab.course import NotebookError
    from gan_lab.course import run as run_notebook

    with said_plainly():
        try:
            folder = run_notebook(notebook, given(parameter, file), out, time_limit=time_limit)
        except NotebookError as error:
            show_failure(error)
            raise typer.Exit(1) from None
    show_outcome(folder, notebook)


def show_outcome(folder: Path, notebook: Path) -> None:
    """Name what there is to look at."""
    rows = [("notebook", folder / notebook.name), ("page", folder / f"{notebook.stem}.html")]
    for pictures in sorted(folder.glob("*/pictures")):
        rows += [("samples", picture) for picture in sorted(pictures.glob("*.png"))[-1:]]
    for name, path in rows:
        if path.exists():
            console.print(Text(f"{name:9}", "dim").append(str(path), "default"), soft_wrap=True)


def show_failure(error: Any) -> None:
    """Say which cell failed, show it and what it said, and name what there is to look at."""
    failure = error.failure
    errors.print(Text(str(error), "bold red"), soft_wrap=True)
    if failure.source:
        errors.print("", Syntax(failure.source, "python", theme="ansi_light", background_color="default"))
    if failure.traceback:
        errors.print("", Text.from_ansi(failure.traceback), soft_wrap=True)
    show_outcome(error.out, error.notebook)


def given(parameter: list[str], file: list[Path]) -> dict[str, object]:
    """The parameters of the files, later ones before earlier, and of the command line before all."""
    from gan_lab.parameters import read_yaml

    values: dict[str, object] = {}
    for one in file:
        values |= read_yaml(one)
    return values | dict(pair.split("=", 1) for pair in parameter)


@contextmanager
def said_plainly() -> Iterator[None]:
    """An error that the user can put right, said in its own words without a traceback."""
    try:
        yield
    except (ValueError, FileNotFoundError) as error:
        errors.print(Text(str(error), "red"), soft_wrap=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        errors.print("Interrupted. The same command goes on from here.")
        raise typer.Exit(130) from None


if __name__ == "__main__":
    app()
