"""What a training goes on from: the state of each part of the game after an epoch, and the tables up to there."""

import pickle
from pathlib import Path
from typing import Any, NamedTuple

import torch

from gan_lab.files import whole

WAY_OUT = (
    "put a copy of the file back, or begin anew: Run(..., fresh=True) keeps this folder under another name, "
    "and a command takes another folder with --out"
)


class Checkpoint(NamedTuple):
    epoch: int  # the last whole one
    run: str  # the digest of the recipe that was played
    tables: dict[str, str]  # the text of each table by its name, "rounds.csv"
    states: dict[str, Any]  # the state of each part of the game by its name, "G"

    def write(self, file: Path) -> None:
        """Put it into the file, whole or not at all."""
        with whole(file) as part:
            torch.save(self._asdict(), part)

    @staticmethod
    def read(file: Path, device: torch.device) -> "Checkpoint":
        """What the file holds, with its tensors on the device.

        Raises ValueError, with the way out, if the file is empty, damaged, or of another origin. It is read as data:
        a file from a stranger runs nothing.
        """
        try:
            kept = torch.load(file, map_location=device, weights_only=True)
            return Checkpoint(**kept)
        except (EOFError, RuntimeError, pickle.UnpicklingError, TypeError, KeyError, ValueError, AttributeError):
            what = "holds no checkpoint of a run" if file.stat().st_size else "is empty"
            raise ValueError(f"{file} {what}, or it is damaged: {WAY_OUT}") from None
