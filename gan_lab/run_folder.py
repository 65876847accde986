"""The folder of a run, and that of a notebook around its runs: what the files are called, and how tables are read.

`Run` writes them and `gan-lab` reads them; neither spells a name of its own.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Scalar = bool | int | float | str  # what a parameter is

# The folder of a run, "B1":
RECIPE = "recipe.json"  # every parameter, the data's fingerprint, the versions and the device
ROUNDS = "rounds.csv"  # one row a round: losses and accuracies
EPOCHS = "epochs.csv"  # one row an epoch: seconds, and whatever was measured
PICTURES = "pictures"  # one sample grid an epoch: 0001.png, 0002.png, …
CHECKPOINT = "checkpoint.pt"  # what is needed to go on after the last whole epoch

# The folder of a notebook that a command executed, with the folders of its runs in it:
STATUS = "status.json"  # what became of it
LOG = "log.txt"  # what its process complained of; gone when it ends well

TRAIN_AGAIN = "put a whole copy back, or move its run away and train it again"


class DamagedFileError(ValueError):
    """A file of a run that cannot be read: which one, why, and the way out."""

    def __init__(self, file: Path, why: str, way_out: str = TRAIN_AGAIN):
        super().__init__(f"{file} cannot be read, {why}: {way_out}")
        self.file, self.why, self.way_out = file, why, way_out


def executed(folder: Path, notebook: str) -> Path:
    """The executed copy of the notebook of that name, "01_dcgan"."""
    return folder / f"{notebook}.ipynb"


def page(folder: Path, notebook: str) -> Path:
    """The executed notebook as a page for a browser."""
    return folder / f"{notebook}.html"


def digest(recipe: Mapping[str, Any]) -> str:
    """Eight digits that stand for a recipe: in the name of its run's folder, "B1-3f2a91c0", and in its checkpoint."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]


def name_of(folder: Path) -> str:
    """The name of the run in a folder: "B1" for B1, for B1-3f2a91c0 and, once it was put aside, for B1-3f2a91c0~1.

    The recipe tells its digest from a date at the end of a name; without one, eight such digits are taken for it.
    """
    name = re.sub(r"~\d+$", "", folder.name)
    kept = read_recipe(folder)
    kept.pop("environment", None)
    return name.removesuffix(f"-{digest(kept)}") if kept else re.sub(r"-[0-9a-f]{8}$", "", name)


def picture(folder: Path, epoch: int) -> Path:
    """The sample grid of an epoch, counted from 1."""
    return folder / PICTURES / f"{epoch:04d}.png"


def pictures(folder: Path) -> list[Path]:
    """The sample grids of a run, oldest first; "0001 copy.png" is none."""
    named = (file for file in (folder / PICTURES).glob("*.png") if file.stem.isascii() and file.stem.isdecimal())
    return sorted((file for file in named if file == picture(folder, epoch_of(file))), key=epoch_of)


def epoch_of(picture: Path) -> int:
    """The epoch after which a sample grid was drawn."""
    return int(picture.stem)


def read_recipe(folder: Path) -> dict[str, Any]:
    """What was played in the folder of a run; {} if there is no recipe that can be read."""
    try:
        kept = json.loads((folder / RECIPE).read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) else {}


def read_table(file: Path) -> list[dict[str, Any]]:
    """The rows of rounds.csv or epochs.csv, floats to the last bit, without empty fields; none if there is no file.

    One that a spreadsheet saved, with semicolons and decimal commas, is read as well. Raises DamagedFileError, which is
    a ValueError, if the file is not whole: cut off, a row doubled or in the wrong place, a field that is no number.
    """
    if not file.exists():
        return []
    try:
        text = file.read_bytes().decode("utf-8-sig")
        return [] if text.strip('\r\n"') == "" != text else list(table_rows(text, file.name))  # a run may keep nothing
    except UnicodeDecodeError:
        raise DamagedFileError(file, "it is no text in UTF-8") from None
    except (ValueError, csv.Error) as error:
        raise DamagedFileError(file, str(error)) from None
    except OSError as error:
        raise DamagedFileError(file, f"it cannot be opened ({error.strerror})") from None


def table_rows(text: str, name: str) -> Iterator[dict[str, Any]]:
    """The rows of a table of that name. Raises ValueError with what is wrong with it."""
    if not text.endswith("\n"):
        raise ValueError("it ends in the middle of a row" if text else "it is empty")
    first, _, rest = text.partition("\n")
    semicolons = ";" in first and "," not in first
    if semicolons and "," in rest and "." in rest:
        raise ValueError("a spreadsheet saved it with both commas and points in its numbers")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=";" if semicolons else ",", strict=True)
    header = next(lines)
    order = ("epoch", "round") if name == ROUNDS or "round" in header else ("epoch",)
    for column in order:
        if column not in header:
            raise ValueError(f"it has no column {column}")
    if len(set(header)) < len(header) or "" in header:
        raise ValueError("its columns have not each a name of their own")
    before: list[float] = []
    for fields in filter(None, lines):
        line = f"line {lines.line_num}"
        if len(fields) != len(header):
            raise ValueError(f"{line} has {len(fields)} fields and not {len(header)}")
        row = {
            column: number(field.replace(",", ".") if semicolons else field, line, column, whole=column in order)
            for column, field in zip(header, fields, strict=True)
            if field or column in order
        }
        here = [row[column] for column in order]
        if here <= before:
            raise ValueError(f"{line} repeats {' and '.join(order)} {' and '.join(map(str, here))} or goes back to it")
        before = here
        yield row
    if not before:
        raise ValueError("it has a header and no rows")


def number(text: str, line: str, column: str, *, whole: bool) -> int | float:
    """The number in a field. Raises ValueError that says where there is none."""
    try:
        return int(text) if whole else float(text)
    except ValueError:
        raise ValueError(f"{line} has {text[:40]!r} as its {column}") from None


def epochs_played(rounds: "pd.DataFrame") -> "pd.Series[float]":
    """How many epochs had been played after each row: 1.2 after round 3 of 15 in epoch 2.

    The longest epoch tells how many rounds one has; a table without rounds has a row an epoch.
    """
    played: pd.Series[float] = rounds["epoch"].astype(float)
    return played - 1 + rounds["round"] / rounds["round"].max() if "round" in rounds else played
