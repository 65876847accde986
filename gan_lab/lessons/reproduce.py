"""Plays the reports' trainings to their end, and keeps what the reports show of them.

    gan-lab reproduce                          all ten: on two cores ten hours to a day and a half, most of it A1 to A3
    gan-lab reproduce B1 B2                    some of them
    gan-lab reproduce --seeds 3                each with the seeds 0, 1 and 2
    gan-lab reproduce --width 0.25             with a quarter of the channels, many times faster
    gan-lab reproduce --precision bf16-mixed   with 16-bit products: in half the time, where the processor has them

Stopped and started again, it goes on after the last whole epoch. In the folder `out`, each training has a run,
out/B1/seed_0, with all that a `Run` keeps. What is worth showing is put into out/figures/B1:

    curves.csv      a row a seed and epoch: the means of the rounds' losses and accuracies
    measures.csv    a row a seed and measured epoch: what the judge says
    0500.png        the samples after the epochs of the report's grids, and after the one nearest to the real images, of
                    the first seed
    film.mp4        a grid an epoch, of the first seed; of a long training fewer, evenly spread
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning_fabric import Fabric
from PIL import Image

from gan_lab import run_folder
from gan_lab.data.hold_out import load_with_held_out
from gan_lab.data.images import ImageSet, load_images
from gan_lab.files import whole
from gan_lab.lessons.reports import TRAININGS, Training
from gan_lab.measure.judge import Judge
from gan_lab.runs import Run
from gan_lab.show.plots import animation
from gan_lab.training import Game, play, play_on, sample

MEASURES = ["kernel_distance", "coverage", "precision", "class_entropy", "grain", "copying_features"]
TIMES = 20  # measurements of a training, beside those at the report's grids
PIXELS = 8_000_000  # of a film's frames together: about a hundred grids of 32 x 32 images
FIGURES = "figures"
CONDITIONAL = ("A4", "B3")  # a row of their grids is a class
FULL_PRECISION = "32-true"


def reproduce(
    names: Iterable[str],
    seeds: Iterable[int],
    out: Path,
    data_dir: str = "",
    epochs: int = 0,
    width: float = 1.0,
    precision: str = FULL_PRECISION,
) -> None:
    """Play the trainings of these names with these seeds, the shortest first.

    epochs: end earlier, if it is above 0.  width: multiplies the hidden channels.  precision: Lightning Fabric's. Other
    than the reports', these two have a folder of their own in `out`.
    """
    out = out if width == 1 else out / f"width_{width:g}"
    out = out if precision == FULL_PRECISION else out / precision
    jobs = [(name, seed) for seed in seeds for name in names]
    trainings = {
        name: narrowed(width, in_precision(precision, ended_after(epochs, TRAININGS[name]))) for name, _ in jobs
    }
    seconds = {name: seconds_an_epoch(training, data_dir) for name, training in trainings.items()}
    todo = {job: trainings[job[0]].epochs for job in jobs}
    for job in sorted(jobs, key=lambda job: (job[1], seconds[job[0]] * todo[job])):
        name, seed = job
        for run in train(name, seed, trainings[name], out, data_dir):
            seconds[name] = run.measured["seconds"].median()
            todo[job] = trainings[name].epochs - run.epoch
            tell(job, trainings[name].epochs, seconds, todo)
        todo[job] = 0
        keep(name, trainings[name], out)


def train(name: str, seed: int, training: Training, out: Path, data_dir: str = "") -> Iterator[Run]:
    """One training to its end; its run after every epoch."""
    images, judge = images_of(training, data_dir)
    torch.manual_seed(seed)
    game, seen = training.game(images), training.seen(images)
    batch_size = batch_size_of(training, images, game)
    terms: dict[str, Any] = {"batch_size": batch_size, "seed": seed, "round": training.round}
    run = Run(f"seed_{seed}", game, seen, out / name, **terms)
    if run.folder.name != f"seed_{seed}":
        raise ValueError(f"{out / name} has a run of this seed with other images or other code: choose another --out")
    K, asked = len(images.classes), name in CONDITIONAL
    y = torch.arange(K).repeat_interleave(10) if asked else torch.arange(64) % K
    z = torch.randn(len(y), game.z_dim, generator=torch.Generator().manual_seed(seed))
    for epoch in run.epochs(training.epochs):
        for played in play(game, seen, epoch=epoch, **terms):
            run.log(played)
        run.picture(sample(game, z, y), nrow=10 if asked else 8)
        run.save(partial(measured, game, judge, training, epoch, seed, asked))
        yield run


def measured(game: Game, judge: Judge, training: Training, epoch: int, seed: int, asked: bool) -> dict[str, float]:
    """The judge's numbers, some twenty times in a training and at the report's grids.

    asked: G is asked for a class, and it counts how often the judge sees that class.
    """
    if epoch % max(1, training.epochs // TIMES) and epoch not in (*training.grids, training.epochs):
        return {}
    z = torch.randn(judge.n, game.z_dim, generator=torch.Generator().manual_seed(seed + 1))
    y = torch.arange(judge.n) % (game.K or 1)
    x = sample(game, z, y).clamp(*judge.images.value_range)
    found = judge(x, y if asked else None)
    names = [*MEASURES, "class_accuracy"] if asked else MEASURES
    return {name: float(found[name]) for name in names} | {"sure": judge.sure(x)}


def batch_size_of(training: Training, images: ImageSet, game: Game) -> int:
    """The report's, or as many as a round has of fewer images."""
    return min(training.batch_size, len(images) // game.n_critic)


def images_of(training: Training, data_dir: str) -> tuple[ImageSet, Judge]:
    """All the images, as a report trains on them, and a judge of the samples.

    Where a folder has no images for testing, the judge compares the samples with some of those that are trained on.
    """
    return load_images(data_dir, **training.images), Judge(*load_with_held_out(data_dir, **training.images))


# What is worth showing


def keep(name: str, training: Training, out: Path) -> None:
    """Put the curves, the measures, the grids and the film of the runs of this name into out/figures/name."""
    figures = out / FIGURES / name
    figures.mkdir(parents=True, exist_ok=True)
    runs = to_the_end(out / name, training.epochs)
    curves, measures = [], []
    for seed, run in runs.items():
        rounds, epochs = (pd.read_csv(run / file) for file in (run_folder.ROUNDS, run_folder.EPOCHS))
        curves.append(rounds.drop(columns="round").groupby("epoch").mean().reset_index().assign(seed=seed))
        measures.append(epochs.dropna(subset=["kernel_distance"]).assign(seed=seed))
    for file, tables in (("curves.csv", curves), ("measures.csv", measures)):
        with whole(figures / file) as part:
            pd.concat(tables).to_csv(part, index=False, float_format="%.4g")
    first, *_ = runs.values()
    for epoch in {*training.grids, nearest_epoch(measures[0]), training.epochs}:
        grid = run_folder.picture(first, epoch)
        if grid.exists():
            smaller(grid, figures / grid.name)
    pictures = run_folder.pictures(first)
    with Image.open(pictures[0]) as grid_image:
        each = -(-len(pictures) * grid_image.width * grid_image.height // PIXELS)
    animation(pictures[::-each][::-1], figures / "film.mp4", fps=12, scale=1)


def to_the_end(folder: Path, epochs: int) -> dict[int, Path]:
    """The runs in the folder that have so many epochs, by their seeds; one that is half played or put aside is none."""
    runs = {int(run.name[5:]): run for run in folder.glob("seed_*") if run.name[5:].isdecimal()}
    played = {seed: len(run_folder.read_table(run / run_folder.EPOCHS)) for seed, run in runs.items()}
    return {seed: runs[seed] for seed in sorted(runs) if played[seed] >= epochs}


def nearest_epoch(measures: pd.DataFrame) -> int:
    """The measured epoch after which the samples were nearest to the real images: of the least kernel distance."""
    return int(measures["epoch"].iloc[measures["kernel_distance"].argmin()])


def smaller(picture: Path, copy: Path) -> None:
    """The picture in fewer bytes: of a gray one's three equal channels one is kept, of a coloured one 128 colours."""
    with Image.open(picture) as image:
        red, green, blue = image.convert("RGB").split()
        gray = red.tobytes() == green.tobytes() == blue.tobytes()
        with whole(copy) as part:
            kept = red if gray else image.quantize(128, dither=Image.Dither.NONE)
            kept.save(part, format="png", optimize=True)


# How long it takes


def seconds_an_epoch(training: Training, data_dir: str = "", rounds: int = 2) -> float:
    """What an epoch will take, by a few rounds after a first one."""
    images = load_images(data_dir, **training.images)
    game, seen = training.game(images), training.seen(images)
    batch_size = batch_size_of(training, images, game)
    playing = play_on(game, seen, batch_size=batch_size, round=training.round)
    float(next(playing).g_loss)  # waits for the device
    start = time.perf_counter()
    for played in islice(playing, rounds):
        float(played.g_loss)
    of_one = (time.perf_counter() - start) / rounds
    return of_one * (len(seen) // (batch_size * game.n_critic))


def tell(job: tuple[str, int], epochs: int, seconds: dict[str, float], todo: dict[tuple[str, int], int]) -> None:
    """Say how far a training is, and how long it and all the others will take."""
    name, seed = job
    all_left = sum(seconds[other] * left for (other, _), left in todo.items())
    mine, total = (str(timedelta(seconds=round(s))) for s in (seconds[name] * todo[job], all_left))
    line = f"{name}, seed {seed}: epoch {epochs - todo[job]} of {epochs}, {mine} left, {total} left in all"
    print(line, end="\r" if sys.stdout.isatty() and todo[job] else "\n", flush=True)


def ended_after(epochs: int, training: Training) -> Training:
    """The training, with fewer epochs if `epochs` is above 0."""
    return training._replace(epochs=min(epochs, training.epochs)) if epochs else training


def narrowed(width: float, training: Training) -> Training:
    """The training, with players of another width than 1."""
    return training if width == 1 else training._replace(game=partial(training.game, width=width))


def in_precision(precision: str, training: Training) -> Training:
    """The training, with networks that multiply in this precision; their weights are kept in 32 bits."""
    if precision == FULL_PRECISION:
        return training
    fabric = Fabric(accelerator="auto", devices=1, precision=precision)  # type: ignore[arg-type]
    return training._replace(game=partial(training.game, fabric=fabric))


def main() -> None:
    parser = argparse.ArgumentParser(prog="gan-lab reproduce", description="The two reports' trainings, to their end.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of {', '.join(TRAININGS)} (all)")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds of each, from 0 on (1)")
    parser.add_argument("--out", type=Path, default=Path("runs/reports"), help="the folder of the runs (runs/reports)")
    parser.add_argument("--data-dir", default="", help="a folder of images in place of the digits")
    parser.add_argument("--epochs", type=int, default=0, help="end after so many epochs, to try it")
    parser.add_argument("--width", type=float, default=1.0, help="multiplies the hidden channels of both players (1)")
    parser.add_argument(
        "--precision", choices=[FULL_PRECISION, "bf16-mixed"], default=FULL_PRECISION, help="of the products (32-true)"
    )
    given = parser.parse_args()
    names = given.names or list(TRAININGS)
    if unknown := sorted(set(names) - TRAININGS.keys()):
        parser.error(f"there is no training {', '.join(unknown)}: choose of {', '.join(TRAININGS)}")
    if given.seeds < 1 or given.epochs < 0 or not 0 < given.width < float("inf"):
        parser.error("--seeds counts from 1, --epochs from 0, and --width is above 0")
    try:
        reproduce(names, range(given.seeds), given.out, given.data_dir, given.epochs, given.width, given.precision)
    except (OSError, ValueError, FloatingPointError, RuntimeError) as error:
        sys.exit(f"gan-lab reproduce: {error}")
    except KeyboardInterrupt:
        sys.exit(f"stopped; what is played lies in {given.out}, and the same command goes on")


if __name__ == "__main__":
    main()
