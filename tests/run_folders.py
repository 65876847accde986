"""Folders as runs leave them behind, for the tests of what compares runs."""

import json
from pathlib import Path

import pandas as pd
from PIL import Image

from gan_lab.run_folder import Scalar, digest
from gan_lab.runner.status import Failure, Status


def write_run(
    folder: Path, recipe: dict[str, Scalar], *, d_loss: float = 1.0, epochs: int = 2, game: dict[str, str] | None = None
) -> Path:
    """The folder of a run of two rounds an epoch: d_loss + 1 and d_loss - 1 in every one, fid = 10 / epoch."""
    (folder / "pictures").mkdir(parents=True)
    played = {"parameters": recipe, "game": game or {}, "environment": {"device": "cpu"}}
    (folder / "recipe.json").write_text(json.dumps(played))
    rounds = [(e, i, d_loss + (1 if i == 1 else -1)) for e in range(1, epochs + 1) for i in (1, 2)]
    pd.DataFrame(rounds, columns=["epoch", "round", "d_loss"]).to_csv(folder / "rounds.csv", index=False)
    measured = [(e, 0.5, 10 / e) for e in range(1, epochs + 1)]
    pd.DataFrame(measured, columns=["epoch", "seconds", "fid"]).to_csv(folder / "epochs.csv", index=False)
    for e in range(1, epochs + 1):
        Image.new("RGB", (16, 8), (e, e, e)).save(folder / "pictures" / f"{e:04d}.png")
    return folder


def write_own(beside: Path, name: str, recipe: dict[str, Scalar], game: dict[str, str] | None = None) -> Path:
    """The same, in a folder called after the recipe, as a run is where another one has its name: B1-3f2a91c0."""
    own = digest({"parameters": recipe, "game": game or {}})
    return write_run(beside / f"{name}-{own}", recipe, game=game)


def write_execution(
    folder: Path, given: dict[str, Scalar], state: str = "done", *, d_loss: float = 1.0, epochs: int = 2
) -> Path:
    """The folder of a notebook that was executed and trained the run B1; one that failed had not come to train."""
    failure = Failure("ValueError: no", cell=3) if state == "failed" else None
    Status(state, "tiny", {**given, "run_dir": str(folder)}, failure=failure).write(folder)
    if not failure:
        write_run(folder / "B1", given, d_loss=d_loss, epochs=epochs)
    return folder
