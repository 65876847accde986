"""One folder a run: what was asked, what happened, what it looked like, and where to go on.

    recipe.json    every parameter, the data's fingerprint, the versions and the device
    rounds.csv     one row a round: losses, and what else the loss or the notebook wants to be kept
    epochs.csv     one row an epoch: seconds, and whatever was measured
    pictures/      one sample grid an epoch: 0001.png, 0002.png, …
    checkpoint.pt  after the last whole epoch: both players, both optimisers, and all else in the game that has a state

However a run was interrupted, it goes on after its last whole epoch, and on a CPU it ends with the same bits as a run
that was not: the randomness of an epoch is a function of (seed, epoch) alone.
"""

import json
import math
import os
import platform
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from gan_lab import run_folder
from gan_lab.data.images import ImageSet
from gan_lab.files import whole
from gan_lab.losses import Loss, measures
from gan_lab.run_folder import CHECKPOINT, EPOCHS, PICTURES, RECIPE, ROUNDS, Scalar, read_table
from gan_lab.training import Game, Round


class Run:
    """The folder of one run, and the epochs that are still to be played.

    name: what is trained, "b1".  recipe: every parameter that the result depends on.  images: the training set.
    run_dir: the run lives in run_dir/name; "" lets the recipe name the folder, runs/name-3f2a91c0 (in $GAN_LAB_RUNS if
    that is set), so that other parameters are another run, and the same parameters go on with theirs.
    Raises ValueError if the folder holds a run of another recipe, and says what differs.
    """

    def __init__(self, name: str, recipe: Mapping[str, Scalar], images: ImageSet, run_dir: str | Path = ""):
        data = {"images": len(images), "shape": images.shape, "value_range": images.value_range}
        asked = {"parameters": dict(recipe), "data": data | {"fingerprint": images.fingerprint}}
        self.recipe: dict[str, Any] = json.loads(json.dumps(asked))
        own = Path(os.environ.get("GAN_LAB_RUNS", "runs"), run_folder.name_with_digest(name, self.recipe))
        self.folder = Path(run_dir, name).expanduser() if str(run_dir) else own
        self.value_range, self._K = images.value_range, len(images.classes)
        self._loss: Loss | None = None
        self.epoch = 0
        self._writes = True
        self._refuse_another_recipe()
        self._read_tables(math.inf)

    def epochs(self, game: Game, epochs: int) -> Iterator[int]:
        """The epochs still to be played, counted from 1, once the game is where the folder says.

        Of several processes the first one writes the folder: its own rounds, pictures and statistics of batch norm.
        Raises ValueError if epochs < 1, or if a run that is to go on was begun by another number of processes.
        """
        if epochs < 1:
            raise ValueError(f"epochs counts passes over the images: at least 1, not {epochs}")
        self._writes, self._loss, game.K = game.fabric.is_global_zero, game.loss, self._K
        self._write_recipe(game)
        self._restore(game)
        done = self.epoch
        if done < epochs:
            self._refuse_other_processes(game)
        if done and self._writes:
            print(f"{self.folder} holds {done} of {epochs} epochs" + (", going on" if done < epochs else ""))
        for self.epoch in range(done + 1, epochs + 1):
            self._pending.clear()
            self._started = time.perf_counter()
            yield self.epoch

    def log(self, round: Round, **more: Tensor | float) -> None:
        """Keep a round's losses, what the game's loss wants to be kept (`measures`), and any others by name.

        Tensors stay where they are: nothing waits for the device.

        Raises FloatingPointError at the round whose losses are NaN or infinite; on a GPU, which would have to be waited
        for, `save` does so at the end of the epoch. The last checkpoint is kept.
        """
        losses = {"d_loss": round.d_loss, "g_loss": round.g_loss, "penalty": round.penalty}
        kept = measures(self._loss, round.real, round.fake, round.y)
        self._pending.append({**losses, **kept, **more})
        if round.d_loss.device.type == "cpu" and not all(math.isfinite(loss) for loss in losses.values()):
            refuse_nan(self._pending_rows())

    def picture(self, images: Tensor, nrow: int = 8) -> None:
        """Write this epoch's sample grid: images (N, C, H, W) -> pictures/0001.png."""
        from torchvision.utils import save_image  # slow to import, and only a picture needs it

        if self._writes:
            with whole(run_folder.picture(self.folder, self.epoch)) as part:
                save_image(images, part, nrow=nrow, normalize=True, value_range=self.value_range)

    def save(self, game: Game, **measured: float) -> None:
        """End the epoch: its rounds, its seconds, what was measured, and last the checkpoint.

        Raises FloatingPointError if a number of a round is NaN or infinite; the checkpoint before it is kept.
        """
        rows = self._pending_rows()
        refuse_nan(rows)
        self._rounds += rows
        self._pending.clear()
        self._measured.append({"epoch": self.epoch, "seconds": time.perf_counter() - self._started, **measured})
        self._write_tables()
        self._write_checkpoint(game)

    @property
    def rounds(self) -> pd.DataFrame:
        """Every round so far, one row each, those of the epoch in play included."""
        return pd.DataFrame(self._rounds + self._pending_rows())

    @property
    def measured(self) -> pd.DataFrame:
        """Every whole epoch so far, one row each: its number, its seconds, and what was measured after it."""
        return pd.DataFrame(self._measured)

    @property
    def pictures(self) -> list[Path]:
        """The sample grids, oldest first."""
        return run_folder.pictures(self.folder)

    def _pending_rows(self) -> list[dict[str, Any]]:
        """The rounds of the epoch in play as numbers: one transfer from the device for each column."""
        if not self._pending:
            return []
        names = self._pending[0]
        columns = {k: torch.stack([torch.as_tensor(row[k]) for row in self._pending]).tolist() for k in names}
        numbers = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        return [{"epoch": self.epoch, "round": i, **row} for i, row in enumerate(numbers, start=1)]

    def _refuse_another_recipe(self) -> None:
        file = self.folder / RECIPE
        if not file.exists():
            return
        kept = json.loads(file.read_text())
        differences = [
            f"  {key}: {kept[part].get(key, 'nothing')} there, {self.recipe[part].get(key, 'nothing')} here"
            for part in self.recipe
            for key in sorted(kept[part].keys() | self.recipe[part].keys())
            if kept[part].get(key) != self.recipe[part].get(key)
        ]
        if differences:
            raise ValueError(
                f"{self.folder} holds a run of another recipe:\n" + "\n".join(differences) + "\n"
                "Choose another run_dir (or none), or delete the folder if its run is not wanted any more."
            )

    def _refuse_other_processes(self, game: Game) -> None:
        kept = json.loads((self.folder / RECIPE).read_text())["environment"]["processes"]
        here = game.fabric.world_size
        if kept != here:
            raise ValueError(
                f"{self.folder} was begun by {kept} processes, each with batches of its own; here there are {here}: "
                f"go on with {kept}, or choose another run_dir"
            )

    def _write_recipe(self, game: Game) -> None:
        file = self.folder / RECIPE
        if self._writes and not file.exists():
            (self.folder / PICTURES).mkdir(parents=True, exist_ok=True)
            with whole(file) as part:
                part.write_text(json.dumps(self.recipe | {"environment": environment(game)}, indent=2) + "\n")

    def _restore(self, game: Game) -> None:
        """Put the game where the checkpoint says; a new run begins by keeping where it started."""
        file = self.folder / CHECKPOINT
        self.epoch = 0
        if not file.exists():
            self._write_checkpoint(game)
        game.fabric.barrier()  # no process reads before the first has written
        checkpoint = torch.load(file, map_location=game.fabric.device, weights_only=True)
        if differ := sorted(checkpoint.keys() ^ {"epoch", *game.parts}):
            there = ", ".join(f"{name} is {'only there' if name in checkpoint else 'only here'}" for name in differ)
            raise ValueError(
                f"{file} holds another game, {there}: build the game with the same parts, or choose another run_dir"
            )
        for name, part in game.parts.items():
            part.load_state_dict(checkpoint[name])
        self._read_tables(checkpoint["epoch"])
        self.epoch = int(checkpoint["epoch"])
        for picture in self.pictures[self.epoch :] if self._writes else []:
            picture.unlink(missing_ok=True)

    def _write_checkpoint(self, game: Game) -> None:
        if self._writes:
            with whole(self.folder / CHECKPOINT) as part:
                torch.save({"epoch": self.epoch} | {name: p.state_dict() for name, p in game.parts.items()}, part)

    def _read_tables(self, epochs: float) -> None:
        """The rows of the first `epochs` epochs; later ones were written just before an interruption."""
        self._pending: list[dict[str, Tensor | float]] = []
        self._rounds = [row for row in read_table(self.folder / ROUNDS) if row["epoch"] <= epochs]
        self._measured = [row for row in read_table(self.folder / EPOCHS) if row["epoch"] <= epochs]

    def _write_tables(self) -> None:
        for table, name in ((self.rounds, ROUNDS), (self.measured, EPOCHS)):
            if self._writes:
                with whole(self.folder / name) as part:
                    table.to_csv(part, index=False)


def environment(game: Game) -> dict[str, str | int]:
    """What a result may depend on beside its recipe: versions, device, threads, processes."""
    device = game.fabric.device
    return {
        "python": platform.python_version(),
        **{package.replace("-", "_"): version(package) for package in ("gan-lab", "torch", "lightning-fabric")},
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device} ({platform.machine()})",
        "threads": torch.get_num_threads(),
        "processes": game.fabric.world_size,
    }


def refuse_nan(rows: list[dict[str, Any]]) -> None:
    """Raises FloatingPointError, naming the round, if any number in the rows is NaN or infinite."""
    for before, row in zip([None, *rows], rows, strict=False):
        if not all(math.isfinite(value) for value in row.values()):
            raise FloatingPointError(
                f"a loss is not a number any more: {row}; the round before it: {before}. The last checkpoint is kept. "
                "Try a smaller learning rate, or a precision of 32 bits."
            )
