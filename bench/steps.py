"""How fast a round of `play` is, beside the same round as tutorials write it and beside what the machine can do.

    python -m bench.steps                        all systems; writes results/bench/cpu.csv and .png, or the GPU's name
    python -m bench.steps --systems B1,A6        only these; prints, and writes nothing unless --out names a folder
    python -m bench.steps --compile              also play with both networks compiled

A round is one step of G and the n_critic steps of D before it; images per second count the real images that D saw. Both
sides train the same networks from the same weights on the bundled digits, which are small files, quick to open. The
textbook's players step on the same fakes; play makes new ones for G's step, and once more as the textbook does
(`reusing_fakes`). The sides take turns, in alternating order, so that whatever else the machine does hits all of them;
what counts is the ratio of neighbouring turns, its median and quartiles. A large matrix product and a large convolution
take turns too: their best turn's FLOP/s is the machine's limit, and its share what play's median round reaches.
"""

import argparse
import os
import platform
import re
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from bench.limits import WARM_UP, convolutions, flops, matmuls, peak_bytes, wait
from bench.picture import draw
from bench.systems import SYSTEMS, Loader, System, play_rounds, reusing_fakes, textbook_rounds
from gan_lab.data.images import load_images

RESULTS = Path(__file__).parents[1] / "results" / "bench"
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
TURNS = 8  # at least
TURN = 0.1 if DEVICE.type == "cuda" else 0.3  # seconds that a turn takes at least
Sides = dict[str, Iterator[Any]]
load = cache(load_images)


def measured(system: System, arguments: argparse.Namespace) -> dict[str, Any]:
    """One row of the table."""
    images = load(size=system.size, channels=system.channels)
    textbook_bytes = peak_bytes(lambda: textbook_rounds(system, Loader(system), DEVICE), DEVICE)
    play_bytes = peak_bytes(lambda: play_rounds(system, images, DEVICE), DEVICE)

    loader = Loader(system, arguments.workers)
    sides = {"textbook": textbook_rounds(system, loader, DEVICE), "play": play_rounds(system, images, DEVICE)}
    sides["reusing"] = play_rounds(system, images, DEVICE, round=reusing_fakes)
    compiling = add_compiled(sides, system) if arguments.compile else {}
    limits = {"matmul": matmuls(DEVICE), "conv 3x3": convolutions(DEVICE)}
    works = {name: flops(rounds) for name, rounds in {"play": sides["play"], **limits}.items()}
    times = take_turns(sides | limits, arguments.seconds)
    best = {f"{name} GFLOP/s": works[name] / times[name].min() / 1e9 for name in limits}
    reached = works["play"] / times["play"].median() / 1e9

    row = {"system": system.name, "batch": system.batch, "width": system.width(DEVICE)}
    row |= {"round": f"{system.n_critic} D + 1 G", "turns": len(times)}
    for side in sides:
        row |= quartiles(f"{side} images/s", system.images / times[side])
    row |= quartiles("ratio", times["textbook"] / times["play"])
    row |= quartiles("reusing ratio", times["textbook"] / times["reusing"])
    if "compiled" in sides:
        row |= quartiles("compiled ratio", times["textbook"] / times["compiled"]) | compiling
    row |= {"GFLOP a round": works["play"] / 1e9, "play GFLOP/s": reached, **best}
    row |= {"share of limit": reached / max(best.values())}
    row |= {"textbook MB": textbook_bytes / 1e6, "play MB": play_bytes / 1e6}
    return row | {"textbook waits": loader.seconds / loader.images * system.images / times["textbook"].mean()}


def compiled(player: nn.Module) -> nn.Module:
    player.compile()
    return player


def add_compiled(sides: Sides, system: System) -> dict[str, float]:
    """Let the compiled game take turns too, if it can; what its first round took, which compiles."""
    images = load(size=system.size, channels=system.channels)
    rounds = play_rounds(system, images, DEVICE, compiled)
    try:
        first = seconds(rounds)
    except RuntimeError as error:
        print(f"{system.name} cannot be compiled: {str(error).strip().splitlines()[0]}", flush=True)
        return {}
    sides["compiled"] = rounds
    return {"compiled first round s": first}


def seconds(rounds: Iterator[Any], n: int = 1) -> float:
    """How long a round takes: the mean of the next n, until the device has done them."""
    start = time.perf_counter()
    for _ in range(n):
        next(rounds)
    wait(DEVICE)
    return (time.perf_counter() - start) / n


def take_turns(sides: Sides, budget: float) -> pd.DataFrame:
    """Seconds a round: a column a side, a row a turn, for `budget` seconds after the first rounds."""
    fastest = {side: min(seconds(rounds) for _ in range(WARM_UP)) for side, rounds in sides.items()}
    n = {side: max(1, round(TURN / fastest[side])) for side in sides}
    order = list(sides)
    turns: list[dict[str, float]] = []
    end = time.perf_counter() + budget
    while time.perf_counter() < end or len(turns) < TURNS:
        turns.append({side: seconds(sides[side], n[side]) for side in order})
        order.reverse()
    return pd.DataFrame(turns)[list(sides)]


def quartiles(column: str, values: "pd.Series[float]") -> dict[str, Any]:
    """The median under the column's name, and the quartiles beside it."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {column: median, f"{column} low": low, f"{column} high": high}


def machine(device: torch.device = DEVICE) -> str:
    """The processor that trains, its threads, and the version of PyTorch."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    cpuinfo = Path("/proc/cpuinfo")  # of Linux, where platform.processor() names no model
    models = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else []
    model = models[0] if models else platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"


def device_name() -> str:
    """cpu, or the GPU's name, as a file can be called."""
    name = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "cpu"
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def line(row: dict[str, Any]) -> str:
    """A row as the terminal shows it."""
    text = f"{row['system']:6} {row['batch']:5} {row['width']:5g}  {row['round']:9}"
    text += f"{row['textbook images/s']:10.0f} {row['play images/s']:7.0f}"
    text += f"   {row['ratio']:5.2f} ({row['ratio low']:.2f} to {row['ratio high']:.2f})"
    text += f"   {row['reusing ratio']:5.2f} ({row['reusing ratio low']:.2f} to {row['reusing ratio high']:.2f})"
    text += f"{row['share of limit']:8.0%} {row['textbook MB']:9.0f} {row['play MB']:6.0f} {row['textbook waits']:7.0%}"
    if "compiled ratio" in row:
        text += f"   {row['compiled ratio']:5.2f} ({row['compiled ratio low']:.2f} to {row['compiled ratio high']:.2f})"
        text += f" {row['compiled first round s']:5.0f} s"
    return text


def main(arguments: argparse.Namespace) -> None:
    chosen = [system for system in SYSTEMS if system.name in (arguments.systems or names())]
    print(machine())
    print(f"{'':30}{'images/s':^17}   {'play / textbook':20}   {'reusing fakes':20}{'share of':>8}", end="")
    print(f"{'peak MB':^18}{'textbook':>8}")
    print(f"{'system batch width  round':30}textbook    play {'':45} {'limit':>8}  textbook   play   waits", end="")
    print("   compiled / textbook   first round" if arguments.compile else "", flush=True)
    rows = []
    for system in chosen:
        rows.append(measured(system, arguments))
        print(line(rows[-1]), flush=True)
    print("width multiplies the channels; waits: the share of its time that the textbook waits for images")

    folder = arguments.out or (None if arguments.systems else RESULTS)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / device_name()
        table = pd.DataFrame(rows).assign(machine=machine())
        table.to_csv(file.with_suffix(".csv"), index=False, float_format="%.6g")
        draw(table, file.with_suffix(".png"))
        print(f"written: {file.with_suffix('.csv')} and {file.with_suffix('.png').name}")


def names() -> list[str]:
    return sorted({system.name for system in SYSTEMS})


def listed(text: str) -> list[str]:
    """The names in A1,B3; one that is no system's is refused."""
    unknown = set(text.split(",")) - set(names())
    if unknown:
        raise argparse.ArgumentTypeError(f"no system {', '.join(sorted(unknown))}: choose of {', '.join(names())}")
    return text.split(",")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.steps", description="How fast a round of play is.")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each system (30)")
    parser.add_argument("--systems", type=listed, help=f"some of {','.join(names())} (all)")
    parser.add_argument("--workers", type=int, default=0, help="num_workers of the textbook's DataLoader (0)")
    parser.add_argument("--compile", action="store_true", help="also measure play with compiled networks")
    parser.add_argument("--out", type=Path, help="the folder of the table and the picture (results/bench)")
    main(parser.parse_args())
