"""The folder of a run, and that of a notebook around its runs: what the files are called, and how tables are read.

`Run` writes them and `gan-lab` reads them; neither spells a name of its own.
"""

import csv
import hashlib
import json
import re
from collections.abc import Mapping
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
    """The name of the run in a folder: "B1" for B1, for B1-3f2a91c0 and, once it was put aside, for B1-3f2a91c0~1."""
    return re.sub(r"(-[0-9a-f]{8})?(~\d+)?$", "", folder.name)


def picture(folder: Path, epoch: int) -> Path:
    """The sample grid of an epoch, counted from 1."""
    return folder / PICTURES / f"{epoch:04d}.png"


def pictures(folder: Path) -> list[Path]:
    """The sample grids of a run, oldest first."""
    return sorted((file for file in (folder / PICTURES).glob("*.png") if file.stem.isdecimal()), key=epoch_of)


def epoch_of(picture: Path) -> int:
    """The epoch after which a sample grid was drawn."""
    return int(picture.stem)


def read_recipe(folder: Path) -> dict[str, Any]:
    """What was played in the folder of a run; {} if there is no recipe that can be read."""
    try:
        kept = json.loads((folder / RECIPE).read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def read_table(file: Path) -> list[dict[str, Any]]:
    """The rows of rounds.csv or epochs.csv, floats to the last bit, without empty fields; none if there is no file."""
    if not file.exists():
        return []
    return table_rows(file.read_text(encoding="utf-8"))


def table_rows(text: str) -> list[dict[str, Any]]:
    """The rows of a table that has this text."""
    whole = ("epoch", "round")
    rows = csv.DictReader(text.splitlines())
    return [{k: int(text) if k in whole else float(text) for k, text in row.items() if text} for row in rows]


def epochs_played(rounds: "pd.DataFrame") -> "pd.Series[float]":
    """How many epochs had been played after each row: 1.2 after round 3 of 15 in epoch 2.

    The longest epoch tells how many rounds one has; a table without rounds has a row an epoch.
    """
    played: pd.Series[float] = rounds["epoch"].astype(float)
    return played - 1 + rounds["round"] / rounds["round"].max() if "round" in rounds else played
