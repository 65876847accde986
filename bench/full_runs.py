"""How long the trainings A1, A4, A5 and A6 take on this machine, at full width, from the first round to the last.

    python -m bench.full_runs              writes results/bench/full_runs_cpu.csv, or the GPU's name
    python -m bench.full_runs --rounds 5   only so many rounds of each; prints, and writes nothing

Reading the images and measuring what came of it are not counted. The games are those of `bench.systems`; to play the
reports' own, with what comes of them, there is `gan-lab reproduce`. On a CPU A1 takes hours.
"""

import argparse
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd
import torch

from bench.steps import DEVICE, RESULTS, device_name, load, machine, seconds
from bench.systems import SYSTEMS, System, play_rounds
from gan_lab.training import Images


class Training(NamedTuple):
    """A training of a report: passes over the images, or, where the report counts those, rounds."""

    system: str
    batch: int
    epochs: int = 0
    rounds: int = 0


TRAININGS = (
    Training("A1", 64, epochs=200),
    Training("A4", 8, rounds=2001),
    Training("A5", 64, epochs=80),
    Training("A6", 64, epochs=80),
)


def system_of(training: Training) -> System:
    """The benchmark's system with the report's batch, at full width on every device."""
    (system,) = (s for s in SYSTEMS if (s.name, s.batch) == (training.system, training.batch))
    return replace(system, cpu_width=1.0)


def rounds_of(training: Training, images: int) -> int:
    """The rounds of the whole training with so many images."""
    return training.rounds or training.epochs * (images // system_of(training).images)


def timed(system: System, images: Images, rounds: int, device: torch.device) -> float:
    """The seconds from making the players to the end of the last round."""
    return rounds * seconds(play_rounds(system, images, device), rounds)


def main(arguments: argparse.Namespace) -> None:
    print(machine())
    table: list[dict[str, Any]] = []
    for training in TRAININGS:
        system = system_of(training)
        images = load(size=system.size, channels=system.channels)
        rounds = min(rounds_of(training, len(images)), arguments.rounds or 10**9)
        took = timed(system, images, rounds, DEVICE)
        print(f"{training.system}  batch {training.batch:2}  {rounds:5} rounds  {took:8.1f} s", flush=True)
        row = {"system": training.system, "batch": training.batch, "rounds": rounds, "seconds": took}
        table.append(row | {"machine": machine()})
    if not arguments.rounds:
        file = RESULTS / f"full_runs_{device_name()}.csv"
        pd.DataFrame(table).to_csv(file, index=False, float_format="%.4g")
        print(f"written: {file}")


def positive(text: str) -> int:
    """A number of rounds; less than one is refused."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"at least 1 round, not {number}")
    return number


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.full_runs", description="How long a whole training takes.")
    parser.add_argument("--rounds", type=positive, help="only so many of each; writes nothing")
    main(parser.parse_args())
