"""How good samples are after half a minute, one, two and three minutes of training on two cores: the course's GANs
beside those that a student would find elsewhere.

    python -m bench.quality --cost    # on a quiet machine, five minutes: what a round of each recipe costs
    python -m bench.quality           # the trainings; writes results/bench/quality_cpu.csv and .png
    python -m bench.quality --recipes B1,labels --seeds 0

The recipes are in bench/recipes, a file each, which says where it comes from and what was changed. Each trains on the
course's 1005 digits, in the size that it asks for, in a process of its own. The first command writes quality_cost.csv:
the milliseconds that a round takes on two cores, the recipes in turn, median over the turns. The second plays as many
rounds as these are in each time, on one core, however busy the machine is. The judge's real images have the recipe's
size too, and it counts them in the rows "real", where a perfect generator would be.

The table is written after each training. Where it is interrupted, the same command goes on: it trains what has no row
yet for one of the times. Samples are kept in a folder beside the table, quality_cpu, of which the picture is made; it
shows of each recipe the training of median kernel distance at the last time.
"""

import argparse
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.image import imread
from PIL import Image
from torch import Tensor
from torchvision.utils import save_image

from bench.recipes import course, keras_ada, lightweight_gan, pytorch_gan, pytorch_tutorial, tensorflow_tutorial
from bench.recipes.training import Training
from bench.steps import RESULTS, machine
from gan_lab.data.hold_out import load_with_held_out
from gan_lab.data.images import ImageSet
from gan_lab.files import whole
from gan_lab.measure.judge import Judge
from gan_lab.show.plots import STYLE

NUMBERS = ["kernel_distance", "coverage", "class_entropy", "copying_pixels", "copying_features"]  # of the judge
SHOWN, ROW = 16, 4  # samples in a grid
TURNS, SLICE = 9, 1.5  # of the measurement of cost, and the seconds of each recipe in a turn
REAL = "real"


class Recipe(NamedTuple):
    """A way to train a GAN, and the side of the images that it wants."""

    label: str
    size: int
    start: Callable[[ImageSet, int], Training]  # images, seed


RECIPES = {
    "pytorch-tutorial": Recipe("PyTorch's tutorial", pytorch_tutorial.SIZE, pytorch_tutorial.start),
    "tensorflow-tutorial": Recipe("TensorFlow's tutorial", tensorflow_tutorial.SIZE, tensorflow_tutorial.start),
    "pytorch-gan": Recipe("PyTorch-GAN", pytorch_gan.SIZE, pytorch_gan.start),
    "keras-ada": Recipe("Keras' example with ADA", keras_ada.SIZE, keras_ada.start),
    "lightweight-gan": Recipe("lightweight-gan, small", lightweight_gan.SIZE, lightweight_gan.start),
    "B1": Recipe("course: report B's DCGAN, half as wide", course.SIZE, course.b1),
    "augmentation": Recipe("course: DCGAN, augmentation", course.SIZE, course.augmentation),
    "R1": Recipe("course: DCGAN, R1", course.SIZE, course.r1),
    "labels": Recipe("course: DCGAN, labels", course.SIZE, course.labels),
}


# What a round costs


def costs(names: list[str], threads: int) -> pd.DataFrame:
    """A row a recipe: the milliseconds of a round, median over the turns, and their quartiles."""
    torch.set_num_threads(threads)
    trainings = {name: RECIPES[name].start(sets(RECIPES[name].size)[0], 0) for name in names}
    turns = [
        {"recipe": name, "ms": milliseconds(training.rounds, SLICE), "turn": turn}
        for turn in range(TURNS + 1)  # the first warms up
        for name, training in trainings.items()
    ]
    found = pd.DataFrame(turns).query("turn > 0").groupby("recipe", sort=False)["ms"]
    table = found.quantile([0.5, 0.25, 0.75]).unstack().set_axis(["ms", "low", "high"], axis=1).reset_index()
    return table.assign(machine=machine(torch.device("cpu")))


def milliseconds(rounds: Iterator[object], seconds: float) -> float:
    """What one of the rounds takes that fill so many seconds."""
    start, played = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        next(rounds)
        played += 1
    return 1000 * (time.perf_counter() - start) / played


def marks(ms: float, times: Iterable[float]) -> dict[float, int]:
    """How many rounds of so many milliseconds each time is, one at least."""
    return {seconds: max(1, round(1000 * seconds / ms)) for seconds in times}


# The trainings


@cache
def sets(size: int) -> tuple[ImageSet, ImageSet]:
    """The digits, for training and held out."""
    return load_with_held_out(size=size)


@cache
def judge_of(size: int) -> Judge:
    return Judge(*sets(size))


def quality(judge: Judge, samples: Tensor) -> dict[str, float]:
    """The judge's numbers, and the share of the samples of whose class its classifiers are sure; NaN where a training
    has come to values that are not finite."""
    if not samples.isfinite().all():
        return dict.fromkeys([*NUMBERS, "sure"], math.nan)
    found = judge(samples)
    return {**{name: float(found[name]) for name in NUMBERS}, "sure": judge.sure(samples)}


def measured(training: Training, judge: Judge, marks: dict[float, int]) -> Iterator[tuple[dict[str, Any], Tensor]]:
    """For each time a row and the samples, always of the same noise. The training goes on as if nobody had looked."""
    z = torch.randn(judge.n, training.z_dim, generator=torch.Generator().manual_seed(1))
    played = 0
    for seconds, rounds in marks.items():
        for _ in islice(training.rounds, rounds - played):
            pass
        played = rounds
        with torch.random.fork_rng(devices=[]):
            x = training.sample(z).clamp(-1, 1)
            row = {"seconds": seconds, "rounds": rounds} | quality(judge, x)
        yield row, x


def trained(name: str, seed: int, marks: dict[float, int], samples: Path) -> list[dict[str, Any]]:
    """The rows of one training, on one core; its first samples are kept in the folder."""
    torch.set_num_threads(1)
    recipe = RECIPES[name]
    images, _ = sets(recipe.size)
    rows = []
    for row, x in measured(recipe.start(images, seed), judge_of(recipe.size), marks):
        keep(x, grid_file(samples, name, seed, row["seconds"]))
        rows.append({"recipe": name, "seed": seed, **row})
        print(line(rows[-1]), flush=True)
    return rows


def in_processes(asked: list[tuple[Any, ...]], jobs: int) -> Iterator[list[dict[str, Any]]]:
    """What `trained` answers, so many trainings at a time, in the order in which they end; each in a new process."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as processes:
        for task in as_completed([processes.submit(trained, *arguments) for arguments in asked]):
            yield task.result()


def real_rows(size: int, samples: Path) -> list[dict[str, Any]]:
    """What unseen real images get in the place of samples; of time 0, by a "seed" that is their size."""
    judge = judge_of(size)
    x, _ = judge.unseen.batch(torch.randperm(len(judge.unseen), generator=torch.Generator().manual_seed(0)))
    keep(x, grid_file(samples, REAL, size, 0))
    return [{"recipe": REAL, "seed": size, "seconds": 0, "rounds": 0, **quality(judge, x)}]


def keep(x: Tensor, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    save_image(x[:SHOWN], file, nrow=ROW, normalize=True, value_range=(-1, 1), pad_value=1.0)


def grid_file(samples: Path, name: str, seed: int, seconds: float) -> Path:
    return samples / f"{name}_{seed}_{seconds:g}.png"


def rows_of(table: pd.DataFrame, name: str, seed: int) -> pd.DataFrame:
    return table[(table["recipe"] == name) & (table["seed"] == seed)]


def added(table: pd.DataFrame, rows: list[dict[str, Any]], file: Path) -> pd.DataFrame:
    """The table with these rows in the place of the same training's former ones, also in the file."""
    former = rows_of(table, rows[0]["recipe"], rows[0]["seed"])
    table = pd.concat([part for part in (table.drop(former.index), pd.DataFrame(rows)) if len(part)])
    order = {name: number for number, name in enumerate([*RECIPES, REAL])}
    place = [table["recipe"].map(order), table["seed"], table["seconds"]]
    table = table.iloc[pd.MultiIndex.from_arrays(place).argsort()].reset_index(drop=True)
    with whole(file) as part:
        table.to_csv(part, index=False, float_format="%.5g")
    return table


def line(row: dict[str, Any]) -> str:
    text = f"{row['recipe']:20} seed {row['seed']:2}  {row['seconds']:5g} s {row['rounds']:6} rounds"
    text += f"   kernel distance {row['kernel_distance']:7.2f}   coverage {row['coverage']:4.0%}"
    return text + f"   class entropy {row['class_entropy']:.2f}   sure {row['sure']:4.0%}"


def in_words(table: pd.DataFrame, times: list[float]) -> str:
    """Medians over the seeds as a table in Markdown: the kernel distance at each time, then what counts at the last."""
    head = ["", *(f"{seconds:g} s" for seconds in times), "coverage", "sure"]
    lines = [head, ["---"] * len(head)]
    for name in [*RECIPES, REAL]:
        label = RECIPES[name].label if name in RECIPES else "unseen real images"
        rows = table[table["recipe"] == name].groupby("seconds").median(numeric_only=True)
        asked = [0.0] * len(times) if name == REAL else times  # real images take no time
        if {*asked} <= {*rows.index}:
            last = rows.loc[asked].iloc[-1]
            distances = (f"{distance:.2f}" for distance in rows.loc[asked, "kernel_distance"])
            lines.append([label, *distances, f"{last['coverage']:.0%}", f"{last['sure']:.0%}"])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines).replace("-0.00", "0.00")


@plt.style.context(STYLE)
def draw(table: pd.DataFrame, samples: Path, file: Path, names: list[str], times: list[float]) -> None:
    """A row a recipe: real images of its size, then its samples at each time, above the medians over the seeds."""
    shape = len(names), len(times) + 1
    fig, axes = plt.subplots(*shape, figsize=(1.9 * shape[1] + 0.6, 2.15 * shape[0]), squeeze=False)
    for (first, *others), name in zip(axes, names, strict=True):
        size, rows = RECIPES[name].size, table[table["recipe"] == name]
        cell(first, grid_file(samples, REAL, size, 0), rows_of(table, REAL, size), "real images")
        first.set_ylabel(f"{fill(RECIPES[name].label, 24)}\n{size} x {size}", fontsize=9)
        for ax, seconds in zip(others, times, strict=True):
            at = rows[rows["seconds"] == seconds]
            title = f"{seconds:g} s, {at['rounds'].median():.0f} rounds"
            cell(ax, grid_file(samples, name, shown_seed(rows, times[-1]), seconds), at, title)
    fig.suptitle("Below each: kernel distance, coverage, share of which the classifiers are sure", fontsize=10)
    fig.savefig(file)
    plt.close(fig)
    Image.open(file).convert("L").save(file, optimize=True)


def cell(ax: Axes, grid: Path, rows: pd.DataFrame, title: str) -> None:
    ax.imshow(imread(grid), cmap="gray", interpolation="nearest")
    ax.grid(visible=False)
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize=8)
    median = rows[["kernel_distance", "coverage", "sure"]].median()
    found = f"{median.iloc[0]:.2f}, {median.iloc[1]:.0%}, {median.iloc[2]:.0%}"
    ax.set_xlabel(found.replace("-0.00", "0.00"), fontsize=8)


def shown_seed(rows: pd.DataFrame, seconds: float) -> int:
    """The seed of the training in the middle."""
    last = rows[rows["seconds"] == seconds].sort_values("kernel_distance")
    return int(last["seed"].iloc[len(last) // 2])


def main(arguments: argparse.Namespace) -> None:
    file = arguments.out / "quality_cpu.csv"
    samples = arguments.out / "quality_cpu"
    cost = arguments.out / "quality_cost.csv"
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.cost:
        if missing := kept_costs(cost) - {*arguments.recipes}:
            raise SystemExit(f"{cost} has {', '.join(sorted(missing))} too, which would go: name them, or give --out")
        found = costs(arguments.recipes, arguments.threads)
        with whole(cost) as part:
            found.to_csv(part, index=False, float_format="%.4g")
        return
    if missing := {*arguments.recipes} - kept_costs(cost):
        first = "run `python -m bench.quality --cost` first, on a quiet machine"
        raise SystemExit(f"{cost} has no {', '.join(sorted(missing))}: {first}")
    table = pd.read_csv(file) if file.exists() else pd.DataFrame(columns=["recipe", "seed", "seconds"])
    for size in sorted({RECIPES[name].size for name in arguments.recipes}):
        table = added(table, real_rows(size, samples), file)
    ms = pd.read_csv(cost).set_index("recipe")["ms"]
    asked = []
    for seed in arguments.seeds:
        for name in arguments.recipes:
            there = set(rows_of(table, name, seed)["seconds"])
            if not there.issuperset(arguments.seconds):
                times = sorted(there.union(arguments.seconds))
                asked.append((name, seed, marks(ms[name], times), samples))
    for rows in in_processes(asked, arguments.jobs):
        table = added(table, rows, file)
    print(in_words(table, arguments.seconds))
    try:
        draw(table, samples, file.with_suffix(".png"), arguments.recipes, arguments.seconds)
    except FileNotFoundError as error:
        print(f"no picture is made: the samples of an earlier training are not here, {error.filename}")


def kept_costs(file: Path) -> set[str]:
    """The recipes of which it is known what a round costs."""
    return set(pd.read_csv(file)["recipe"]) if file.exists() else set()


def numbers(kind: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """Reads 30,60 as sorted numbers, each once."""
    return lambda text: sorted({kind(part) for part in text.split(",")})


def listed(text: str) -> list[str]:
    """The names in B1,labels; one that is no recipe's is refused."""
    unknown = set(text.split(",")) - set(RECIPES)
    if unknown:
        raise argparse.ArgumentTypeError(f"no recipe {', '.join(sorted(unknown))}: choose of {', '.join(RECIPES)}")
    return [name for name in RECIPES if name in text.split(",")]


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m bench.quality", description="How good samples are after a time.")
    times, seeds = numbers(float), numbers(int)
    found.add_argument("--seconds", type=times, default=[30.0, 60.0, 120.0, 180.0], help="of training (30,60,120,180)")
    found.add_argument("--seeds", type=seeds, default=[0, 1, 2], help="one training each (0,1,2)")
    found.add_argument("--recipes", type=listed, default=list(RECIPES), help=f"some of {','.join(RECIPES)} (all)")
    found.add_argument("--cost", action="store_true", help="measure what a round of each recipe costs")
    found.add_argument("--threads", type=int, default=2, help="that compute while a cost is measured (2)")
    found.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="trainings at a time (all cores)")
    found.add_argument("--out", type=Path, default=RESULTS, help="the folder of the table (results/bench)")
    return found


if __name__ == "__main__":
    main(parser().parse_args())
