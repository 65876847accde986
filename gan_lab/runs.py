"""One folder a run: what was asked, what happened, what it looked like, and where to go on.

    recipe.json    what is played: the game, its images, the parameters; and the versions and the device
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
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from gan_lab import run_folder
from gan_lab.checkpoint import WAY_OUT, Checkpoint, readable_rows
from gan_lab.described import named
from gan_lab.files import whole
from gan_lab.identity import Images, identity
from gan_lab.losses import measures
from gan_lab.owner import begin_anew, owned
from gan_lab.run_folder import CHECKPOINT, EPOCHS, PICTURES, RECIPE, ROUNDS, Scalar, read_recipe
from gan_lab.training import Game, Round, Rules, one_round

BUSY = "wait for its end, stop it (in JupyterLab: shut the kernel down), or choose another run_dir"


class Run:
    """The folder of one run, and the epochs that are still to be played.

    name: what is trained, "B1".  game, images: who plays, and with what.  batch_size, seed, round: as `play` is told.
    run_dir: the run lives in run_dir/name; "" is the folder runs, or $GAN_LAB_RUNS if that is set.
    fresh: begin anew, and put a run that is there aside. Any other keyword is a fact that the outcome depends on, and
    that the game does not tell: Run(..., sigma_falls_to=0.1), if your own loop does that. Tables have a column for it.

    A run is what is played (`identity`). Another loss, another rate or another fact is another run, in a folder of its
    own, runs/B1-3f2a91c0; the same game goes on with its run.
    """

    def __init__(
        self,
        name: str,
        game: Game,
        images: Images,
        run_dir: str | Path = "",
        *,
        batch_size: int,
        seed: int = 0,
        round: Rules | None = None,
        fresh: bool = False,
        **facts: Scalar,
    ):
        self.name, self.game, game.K = name, game, len(images.classes)
        self.recipe: dict[str, Any] = {
            "parameters": {**facts, "batch_size": batch_size, "seed": seed, "n_critic": game.n_critic},
            "game": identity(game, images, batch_size, seed, round),
        }
        self._digest = run_folder.digest(self.recipe)
        self._terms = (batch_size, seed, round or one_round)
        self.value_range = images.value_range
        self.folder = self._place(name, run_dir)
        self._writes = game.fabric.is_global_zero
        if fresh and self._writes and self.folder.exists():
            begin_anew(self.folder, BUSY)
        self.epoch = 0
        self._pending: list[dict[str, Tensor | float]] = []
        self._rounds: list[dict[str, Any]] = []
        self._measured: list[dict[str, Any]] = []
        self._read_kept()

    def epochs(self, epochs: int) -> Iterator[int]:
        """The epochs still to be played, counted from 1, once the game is where the folder says.

        Of several processes the first one writes the folder: its own rounds, pictures and statistics of batch norm.
        Raises ValueError if epochs < 1, if the checkpoint is damaged or of another run, or if a run that is to go on
        was begun by another number of processes; FileNotFoundError if the checkpoint of a run with epochs is gone; and
        BlockingIOError while another process trains in the folder.
        """
        if epochs < 1:
            raise ValueError(f"epochs counts passes over the images: at least 1, not {epochs}")
        with owned(self.folder, BUSY) if self._writes else nullcontext():
            self._write_recipe()
            self._restore()
            done = self.epoch
            if done < epochs:
                self._refuse_other_processes()
            if self._writes:
                self._say_what_is_there(done, epochs)
            for self.epoch in range(done + 1, epochs + 1):
                self._pending.clear()
                self._started = time.perf_counter()
                yield self.epoch

    def log(self, round: Round, **more: Tensor | float) -> None:
        """Keep a round's losses, what the game's loss wants to be kept (`measures`), and any others by name.

        Of tensors, which have one entry, copies are kept on their device: nothing waits for it. Raises
        FloatingPointError at the round whose losses are NaN or infinite; on a GPU, which would have to be waited for,
        `save` does so at the end of the epoch. The last checkpoint is kept. Raises ValueError if the round was not
        played as this run was told, has other names than the epoch's first one, a name twice, or more than a number
        under a name.
        """
        terms = self.game.terms
        if terms and terms[:3] != self._terms:
            told, played = ([*those[:2], named(those[2])] for those in (self._terms, terms))
            raise ValueError(
                f"the run was told batch_size, seed and round {told}, but `play` {played}: give both the same"
            )
        if terms and terms.epoch != self.epoch:
            raise ValueError(
                f"this is epoch {self.epoch} of the run, but `play` was told epoch {terms.epoch}: write "
                "play(..., epoch=epoch), else all epochs have the same order and noise"
            )
        losses = {"d_loss": round.d_loss, "g_loss": round.g_loss, "penalty": round.penalty}
        wanted = measures(self.game.loss, round.real, round.fake, round.y)
        if twice := (losses.keys() & wanted) | ({**losses, **wanted}.keys() & more):
            raise ValueError(f"{min(twice)} is kept of each round anyway: choose another name for what you keep")
        row = losses | {name: one_number(name, value) for name, value in {**wanted, **more}.items()}
        if self._pending and self._pending[0].keys() != row.keys():
            first, now = (", ".join(names) for names in (self._pending[0], row))
            raise ValueError(f"all rounds of an epoch are logged with the same names: first {first}, now {now}")
        self._pending.append(row)
        if round.d_loss.device.type == "cpu" and not all(math.isfinite(loss) for loss in losses.values()):
            refuse_nan(self._pending_rows())

    def picture(self, images: Tensor, nrow: int = 8) -> None:
        """Write this epoch's sample grid: images (N, C, H, W) -> pictures/0001.png."""
        from torchvision.utils import save_image  # slow to import, and only a picture needs it

        if self._writes:
            (self.folder / PICTURES).mkdir(exist_ok=True)
            with whole(run_folder.picture(self.folder, self.epoch)) as part:
                save_image(images, part, nrow=nrow, normalize=True, value_range=self.value_range)

    def save(self, measure: Callable[[], Mapping[str, float]] = dict, **measured: float) -> None:
        """End the epoch: its rounds, its seconds, what is measured, and last the checkpoint.

        measure: asked for more that is measured, by name. If it raises an error, or measures what is no number, the
        epoch is kept before the error goes on: what is measured never costs what was trained.
        Raises FloatingPointError if a number of a round is NaN or infinite; the checkpoint before it is kept.
        """
        rows = self._pending_rows()
        refuse_nan(rows)
        row = {"epoch": self.epoch, "seconds": time.perf_counter() - self._started}
        try:
            row |= as_numbers(measured)
            row |= as_numbers(measure())
        except Exception:
            self._end_epoch(rows, row)
            raise
        self._end_epoch(rows, row)

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
        columns = {k: as_floats([row[k] for row in self._pending]) for k in names}
        numbers = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        return [{"epoch": self.epoch, "round": i, **row} for i, row in enumerate(numbers, start=1)]

    def _place(self, name: str, run_dir: str | Path) -> Path:
        """The run's folder: run_dir/name, unless another run lives there; else the name has the recipe's digest."""
        own = f"{name}-{self._digest}"
        if not str(run_dir):
            return Path(os.path.expanduser(os.environ.get("GAN_LAB_RUNS", "runs")), own)
        simple = Path(os.path.expanduser(run_dir), name)
        kept = self._recipe_in(simple)
        return simple if kept is None or run_folder.digest(kept) == self._digest else simple.with_name(own)

    def _recipe_in(self, folder: Path) -> dict[str, Any] | None:
        """What the run in the folder was, None if there is none; of it the parts that this run has.

        Where the file is damaged, the checkpoint tells whether it was this run; else it is {}.
        """
        if not (folder / RECIPE).exists():
            return None
        kept = read_recipe(folder)
        if kept:
            return {part: kept.get(part, {}) for part in self.recipe}
        try:
            same = Checkpoint.read(folder / CHECKPOINT).run == self._digest
        except (OSError, ValueError):
            same = False
        return self.recipe if same else {}

    def _say_what_is_there(self, done: int, epochs: int) -> None:
        """What a reader should know before the first round: that a kept run is shown, or how this one differs."""
        if done >= epochs:
            print(f"{self.folder} holds {done} of {epochs} epochs, and is shown. To train anew: Run(..., fresh=True)")
        elif done:
            print(f"{self.folder} holds {done} of {epochs} epochs, going on")
        elif former := self._former():
            kept = self._recipe_in(former) or {}
            differ = [
                difference(key, kept.get(part, {}), here)
                for part, here in self.recipe.items()
                for key in kept.get(part, {}) | here
            ]
            print(f"another run than {former}, which is kept: {'; '.join(dict.fromkeys(filter(None, differ)))}")

    def _former(self) -> Path | None:
        """The latest run of this name beside this one, if there is another."""
        name, beside = run_folder.name_of(self.folder), self.folder.parent.glob(f"*/{RECIPE}")
        others = [file for file in beside if run_folder.name_of(file.parent) == name and file.parent != self.folder]
        others = [file for file in others if read_recipe(file.parent)]
        return max(others, key=lambda file: file.stat().st_mtime).parent if others else None

    def _refuse_other_processes(self) -> None:
        here = self.game.fabric.world_size
        kept = read_recipe(self.folder).get("environment", {}).get("processes", here)
        if kept != here:
            raise ValueError(
                f"{self.folder} was begun by {kept} processes, each with batches of its own; here there are {here}: "
                f"go on with {kept}, or choose another run_dir"
            )

    def _write_recipe(self) -> None:
        if self._writes and not read_recipe(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            if (self.folder / RECIPE).exists():
                print(f"{self.folder / RECIPE} was damaged, and is written anew")
            with whole(self.folder / RECIPE) as part:
                part.write_text(json.dumps(self.recipe | {"environment": environment(self.game)}, indent=2) + "\n")

    def _restore(self) -> None:
        """Put the game where the checkpoint says; a new run begins by keeping where it started."""
        file, game = self.folder / CHECKPOINT, self.game
        self.epoch = 0
        if not file.exists():
            self._read_kept()
            self._refuse_lost_checkpoint()
            self._rounds.clear()
            self._write_checkpoint()
        game.fabric.barrier()  # no process reads before the first has written
        checkpoint = Checkpoint.read(file)
        if differ := sorted(checkpoint.states.keys() ^ game.parts.keys()):
            there = ", ".join(
                f"{name} is {'only there' if name in checkpoint.states else 'only here'}" for name in differ
            )
            raise ValueError(
                f"{file} holds another game, {there}: build the game with the same parts, or choose another run_dir"
            )
        if checkpoint.run != self._digest:
            raise ValueError(f"{file} is the checkpoint of another run than the one in {RECIPE} beside it: {WAY_OUT}")
        for name, part in game.parts.items():
            part.load_state_dict(checkpoint.states[name])
        self.epoch = checkpoint.epoch
        self._pending.clear()
        self._rounds, self._measured = map(checkpoint.rows, (ROUNDS, EPOCHS))
        if self._writes:
            checkpoint.restore_tables(self.folder)
            for picture in self.pictures:
                if run_folder.epoch_of(picture) > self.epoch:
                    picture.unlink(missing_ok=True)

    def _refuse_lost_checkpoint(self) -> None:
        """Raises FileNotFoundError if a table or a picture is of an epoch, and there is nothing to go on from."""
        of_tables = [row["epoch"] for row in self._rounds + self._measured]
        epochs = max([*of_tables, *map(run_folder.epoch_of, self.pictures)], default=0)
        if epochs:
            raise FileNotFoundError(f"{self.folder / CHECKPOINT} is gone, and {epochs} epochs were played: {WAY_OUT}")

    def _end_epoch(self, rows: list[dict[str, Any]], measured: dict[str, Any]) -> None:
        self._rounds += rows
        self._pending.clear()
        self._measured.append(measured)
        self._write_checkpoint()

    def _write_checkpoint(self) -> None:
        """Write the tables, and last the checkpoint, which holds them too."""
        if self._writes:
            tables = self._tables()
            for name, text in tables.items():
                if text:
                    with whole(self.folder / name) as part:
                        part.write_bytes(text.encode())
            states = {name: part.state_dict() for name, part in self.game.parts.items()}
            Checkpoint(self.epoch, self._digest, tables, states).write(self.folder / CHECKPOINT)

    def _tables(self) -> dict[str, str]:
        """The text of each table by its file's name; "" while it has no row."""
        tables = {ROUNDS: self.rounds, EPOCHS: self.measured}
        return {
            name: table.to_csv(index=False, lineterminator="\n") if len(table) else "" for name, table in tables.items()
        }

    def _read_kept(self) -> None:
        """What the tables of the folder say, to be seen before the first round; a damaged one says nothing yet."""
        self._rounds, self._measured = (readable_rows(self.folder / name) or [] for name in (ROUNDS, EPOCHS))


def one_number(name: str, value: Any) -> Any:
    """The value, which is a number; of a tensor, which a later step may change in place, a copy without its graph.

    Raises ValueError if it is none, or if the name is one that each table has by itself.
    """
    if name in ("epoch", "round"):
        raise ValueError(f"{name} is counted in each table anyway: choose another name for what you keep")
    try:
        if isinstance(value, Tensor):
            return value.detach().clone().reshape(())
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        what = f"of shape {tuple(value.shape)}" if hasattr(value, "shape") else repr(value)
        raise ValueError(f"{name} is {what}: a table keeps one number under a name, such as its mean") from None


def as_numbers(measured: Mapping[str, Any]) -> dict[str, float]:
    """What was measured, as a row of a table. Raises ValueError as `one_number` does, and for "seconds"."""
    if "seconds" in measured:
        raise ValueError("seconds are kept of each epoch anyway: choose another name for what you measure")
    return {name: float(one_number(name, value)) for name, value in measured.items()}


def as_floats(values: list[Tensor | float]) -> list[float]:
    """A column's numbers; if all are tensors, in one transfer from their device."""
    tensors = [value for value in values if isinstance(value, Tensor)]
    numbers = torch.stack(tensors).tolist() if len(tensors) == len(values) else values
    return [float(value) for value in numbers]


def difference(part: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """How two runs differ in a part of their recipes, in words; "" if they do not."""
    a, b = (str(recipe.get(part, "nothing")) for recipe in (there, here))
    if a == b:
        return ""
    code = re.compile(r" [0-9a-f]{8}$")  # the digits that stand for it
    return f"the code of {part}" if code.sub("", a) == code.sub("", b) else f"{part}, {a} there and {b} here"


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
        if bad := [name for name, value in row.items() if not math.isfinite(value)]:
            raise FloatingPointError(
                f"{', '.join(bad)} is not a number any more: {row}; the round before it: {before}. The last checkpoint "
                "is kept. If it is a loss, try a smaller learning rate, or a precision of 32 bits."
            )
