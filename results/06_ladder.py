"""What each idea of `gan_lab.lessons.ladder` does for a DCGAN of few digits, in the same time and in the same rounds.

    uv run python results/06_ladder.py --cost   # on a quiet machine, two minutes: what a round of each costs
    uv run python results/06_ladder.py          # the trainings: about eight hours of one core

The first command writes 06_cost.csv: the milliseconds that a round of each idea takes on two cores, the ideas in turn,
median over the turns. So many rounds are three minutes, or one: the second command plays them, on one core each, as
many trainings at a time as there are cores, and however busy the machine is. It writes 06_ladder.csv, a row for each
measurement, and started again it goes on where it was. All ideas are measured after the rounds of the slowest one, too:
the same number of steps for all. Of one seed 06_drawings/ keeps what each idea draws after three minutes.

All the images get three minutes, parts of 100 and 300 images one. A part has as many of each class, drawn by the seed.
The claims use the seeds 10 to 19; seeds 0 and 1 chose the learning rate and gamma.
"""

import argparse
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torchvision.utils import save_image

from gan_lab.data.hold_out import load_with_held_out
from gan_lab.data.images import ImageSet
from gan_lab.files import whole
from gan_lab.lessons.ladder import BATCH, IDEAS, rules
from gan_lab.measure.judge import Judge
from gan_lab.training import Game, Round, play_on, sample

COST, TABLE = (Path(__file__).with_name(f"06_{name}.csv") for name in ("cost", "ladder"))
DRAWINGS = Path(__file__).with_name("06_drawings")
SEEDS = range(10, 20)
DRAWN = 11  # the seed whose drawings are kept
MEASURES = ["kernel_distance", "coverage", "class_entropy", "copying_pixels", "copying_features"]
TURNS, ROUNDS = 9, 40  # of the measurement of cost
SIZES = {1005: (IDEAS, (60, 120, 180)), 300: (("DCGAN", "augmentation", "adaptive", "labels"), (60,))}
SIZES[100] = SIZES[300]


@cache
def digits() -> tuple[ImageSet, Judge]:
    images, held_out = load_with_held_out(size=32)
    return images, Judge(images, held_out)


def part_of(images: ImageSet, n: int, seed: int) -> ImageSet:
    """n of the images, as many of each class, drawn by the seed."""
    if n == len(images):
        return images
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    each = [order[images.labels[order] == k][: n // len(images.classes)] for k in range(len(images.classes))]
    return images.part(torch.cat(each))


def rounds_of(idea: str, game: Game, images: ImageSet, seed: int) -> Iterator[Round]:
    return play_on(game, images, batch_size=BATCH, seed=seed, round=rules(idea))


# What a round costs


def costs() -> pd.DataFrame:
    """A row an idea: the milliseconds of a round, median over the turns, and their quartiles."""
    torch.set_num_threads(2)
    images, _ = digits()
    playing = {idea: rounds_of(idea, new_game(images), images, 0) for idea, new_game in IDEAS.items()}
    turns = []
    for _ in range(TURNS + 1):
        for idea, rounds in playing.items():
            start = time.perf_counter()
            for _ in islice(rounds, ROUNDS):
                pass
            turns.append({"idea": idea, "ms": 1000 * (time.perf_counter() - start) / ROUNDS})
    found = pd.DataFrame(turns[len(IDEAS) :]).groupby("idea", sort=False)["ms"]  # the first turn warms up
    return found.quantile([0.5, 0.25, 0.75]).unstack().set_axis(["ms", "low", "high"], axis=1).reset_index()


def marks(idea: str, seconds: tuple[int, ...]) -> dict[int, list[str]]:
    """After which rounds an idea is measured, and as what: "180 s", or "steps" for the rounds of the slowest idea."""
    ms = pd.read_csv(COST).set_index("idea")["ms"]
    found: dict[int, list[str]] = {}
    for when in seconds:
        found.setdefault(round(1000 * when / ms[idea]), []).append(f"{when} s")
    found.setdefault(round(1000 * seconds[-1] / ms.max()), []).append("steps")
    return dict(sorted(found.items()))


# The trainings


def train(n: int, idea: str, seed: int) -> list[dict[str, Any]]:
    """The rows of one training."""
    torch.set_num_threads(1)
    images, judge = digits()
    images = part_of(images, n, seed)
    torch.manual_seed(seed)
    game = IDEAS[idea](images)
    z = torch.randn(judge.n, game.z_dim, generator=torch.Generator().manual_seed(seed + 1))
    y = torch.arange(judge.n) % len(images.classes)
    rows, began, played = [], time.process_time(), rounds_of(idea, game, images, seed)
    done = 0
    for mark, names in marks(idea, SIZES[n][1]).items():
        for _ in islice(played, mark - done):
            pass
        done = mark
        for average in (True, False) if idea == "DCGAN" else (True,):
            found = measured(judge, drawn(game, z, y, average=average))
            about = {"images": n, "idea": idea if average else "DCGAN, no average", "seed": seed, "rounds": mark}
            rows += [about | {"at": name, **found, "core_seconds": time.process_time() - began} for name in names]
    if seed == DRAWN and n == max(SIZES):
        DRAWINGS.mkdir(exist_ok=True)
        x = drawn(game, z[:40], y[:40], average=True)
        save_image(x[:, :1], DRAWINGS / f"{idea}.png", nrow=20, normalize=True, value_range=(-1, 1))
    return rows


def drawn(game: Game, z: Tensor, y: Tensor, *, average: bool) -> Tensor:
    """Samples of the average of G, or of G as it is; the random numbers of the training are as before."""
    kept = game.average
    with torch.random.fork_rng(devices=[]):
        try:
            game.average = kept if average else None
            return sample(game, z, y).clamp(-1, 1).cpu()
        finally:
            game.average = kept


def measured(judge: Judge, x: Tensor) -> dict[str, float]:
    found = judge(x)
    return {**{name: float(found[name]) for name in MEASURES}, "sure": judge.sure(x)}


def main(jobs: int) -> None:
    table = pd.read_csv(TABLE) if TABLE.exists() else pd.DataFrame(columns=["images", "idea", "seed"])
    there = set(table[["images", "idea", "seed"]].itertuples(index=False, name=None))
    wanted = [(n, idea, seed) for n, (ideas, _) in SIZES.items() for seed in SEEDS for idea in ideas]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as processes:
        tasks = [processes.submit(train, *each) for each in wanted if each not in there]
        for task in as_completed(tasks):
            table = pd.concat([part for part in (table, pd.DataFrame(task.result())) if len(part)])
            table = table.sort_values(["images", "seed"], ascending=[False, True], kind="stable")
            with whole(TABLE) as part:
                table.to_csv(part, index=False, float_format="%.5g")
            print(f"{len(table.drop_duplicates(['images', 'idea', 'seed']))} trainings are measured", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The ladder of notebook 06.")
    parser.add_argument("--cost", action="store_true", help="measure what a round of each idea costs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="trainings at a time (all cores)")
    chosen = parser.parse_args()
    if chosen.cost:
        costs().to_csv(COST, index=False, float_format="%.4g")
    else:
        main(chosen.jobs)
