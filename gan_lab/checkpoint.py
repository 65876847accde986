"""What a training goes on from: the state of each part of the game after an epoch, and the tables up to there."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.serialization import get_unsafe_globals_in_checkpoint

from gan_lab.files import put_aside, whole
from gan_lab.run_folder import read_table, table_rows

WAY_OUT = (
    "put a copy of the file back, or begin anew: Run(..., fresh=True) keeps this folder under another name, "
    "and a command takes another folder with --out"
)


class Checkpoint(NamedTuple):
    epoch: int  # the last whole one
    run: str  # the digest of the recipe that was played
    tables: dict[str, str]  # the text of each table by its name, "rounds.csv"; "" while it has no row
    states: dict[str, Any]  # the state of each part of the game by its name, "G"

    def write(self, file: Path) -> None:
        """Put it into the file, whole or not at all.

        Raises ValueError, and leaves the file as it was, if a state holds what `read` could not bring back.
        """
        held = in_memory(self._asdict() | {"states": without_numpy(self.states)})
        if get_unsafe_globals_in_checkpoint(held):
            kinds = {name: get_unsafe_globals_in_checkpoint(in_memory(state)) for name, state in self.states.items()}
            found = "; ".join(f"{name} holds {', '.join(kind)}" for name, kind in kinds.items() if kind)
            raise ValueError(
                f"{found}: a checkpoint is read as data, and could not bring that back. Keep numbers, strings and "
                f"tensors in a state. {file} is as it was"
            )
        with whole(file) as part:
            part.write_bytes(held.getbuffer())

    @staticmethod
    def read(file: Path) -> "Checkpoint":
        """What the file holds, with its tensors on the CPU. (On a GPU Adam would wait for its counts of steps there.)

        Raises ValueError, with the way out, if the file is empty, damaged, or of another origin. It is read as data:
        a file from a stranger runs nothing.
        """
        try:
            with zipfile.ZipFile(file) as parts:
                spoilt = parts.testzip()  # torch reads a flipped bit as another weight
            kept = Checkpoint(**torch.load(file, map_location="cpu", weights_only=True))
            if not spoilt and [type(part) for part in kept] == [int, str, dict, dict]:
                return kept
        except (zipfile.BadZipFile, EOFError, RuntimeError, pickle.UnpicklingError, TypeError, KeyError, ValueError):
            pass
        what = "is damaged, or no checkpoint of a run" if file.stat().st_size else "is empty"
        raise ValueError(f"{file} {what}: {WAY_OUT}")

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of the table of that name."""
        return list(table_rows(self.tables[table], table)) if self.tables[table] else []

    def restore_tables(self, folder: Path) -> None:
        """Make each table in the folder as the run wrote it.

        An interruption may have left the rows of one more epoch in it; these go. A file that was changed otherwise is
        kept beside its successor, as "rounds~1.csv".
        """
        for name, text in self.tables.items():
            self._restore_table(folder / name, text)

    def _restore_table(self, file: Path, text: str) -> None:
        rows, there = self.rows(file.name), readable_rows(file)
        if there == rows:
            return
        if not file.exists():
            print(f"{file} is gone, and is written anew")
        elif there is None or not self._goes_on(rows, there):
            print(f"{file} is not as the run wrote it. That is written anew")
            put_aside(file)
        if text:
            with whole(file) as part:
                part.write_text(text, encoding="utf-8", newline="")
        else:
            file.unlink(missing_ok=True)

    def _goes_on(self, rows: list[dict[str, Any]], there: list[dict[str, Any]]) -> bool:
        """Whether a table has these rows and after them at most those of the epoch that was in play."""
        until_now = [row for row in there if row["epoch"] <= self.epoch]
        return until_now == rows and all(row["epoch"] <= self.epoch + 1 for row in there)


def in_memory(kept: Any) -> io.BytesIO:
    """What torch saves of it. (Of a full disk torch itself says "unexpected pos".)"""
    held = io.BytesIO()
    torch.save(kept, held)
    held.seek(0)
    return held


def without_numpy(state: Any) -> Any:
    """A state with Python's numbers in place of NumPy's, which are not read as data: lr=np.float64(2e-4) has one."""
    if isinstance(state, np.generic):
        return state.item()
    if type(state) is dict:
        return {name: without_numpy(part) for name, part in state.items()}
    return type(state)(map(without_numpy, state)) if type(state) in (list, tuple) else state


def readable_rows(file: Path) -> list[dict[str, Any]] | None:
    """The rows of a table, none if there is no file, None if it is damaged."""
    try:
        return read_table(file)
    except ValueError:
        return None
