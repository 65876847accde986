from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.full_runs import TRAININGS, Training, rounds_of, system_of, timed
from bench.limits import flops, peak_bytes
from bench.picture import draw
from bench.steps import RESULTS
from bench.systems import SYSTEMS, Loader, System, play_rounds, textbook_rounds
from bench.textbook_networks import CLASSES, take_over
from bench.textbook_steps import penalty
from gan_lab.data.images import ImageSet, load_images
from gan_lab.lipschitz import gradient_penalty
from gan_lab.losses import Verdict

CPU = torch.device("cpu")
ONCE = {system.name: replace(system, batch=8, cpu_width=0.05) for system in SYSTEMS}  # A4 is there with two batches
EACH = pytest.mark.parametrize("system", ONCE.values(), ids=ONCE)


def outputs(network: nn.Module, *inputs: Tensor) -> Tensor:
    """All that a network returns, in one row an image."""
    out = network.eval()(*inputs)
    parts = out if isinstance(out, tuple) else (out,)
    return torch.cat([part.reshape(len(inputs[0]), -1) for part in parts], dim=1).detach()


def stirred(network: nn.Module) -> nn.Module:
    """The network with weights and statistics that are nowhere the 0 or 1 they start with."""
    with torch.no_grad():
        for values in [*network.parameters(), *network.buffers()]:
            if values.is_floating_point():
                values.mul_(torch.empty_like(values).uniform_(0.5, 1.5)).add_(0.02 * torch.randn_like(values))
    return network


@EACH
def test_the_textbook_network_is_the_same_function(system: System) -> None:
    torch.manual_seed(0)
    z, y = torch.randn(8, 100), torch.arange(8) % CLASSES
    x = torch.rand(8, system.channels, system.size, system.size) * 2 - 1
    (G, D), (plain_G, plain_D) = (make(0.25) for make in (system.course, system.textbook))
    conditional = isinstance(D(x, y), Verdict)
    for course, plain, given in ((G, plain_G, (z, y) if conditional else (z,)), (D, plain_D, (x,))):
        take_over(plain, stirred(course))
        expected = outputs(course, given[0], y)
        spread = expected.std().item()
        assert spread > 1e-3
        assert outputs(plain, *given).numpy() == pytest.approx(expected.numpy(), rel=0, abs=1e-4 * spread)


class Counted:
    """Images that count how many were taken."""

    taken = 0

    def __init__(self, images: ImageSet) -> None:
        self.images, self.name, self.classes = images, images.name, images.classes

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device) -> "Counted":
        return self

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        self.taken += len(index)
        return self.images.batch(index)


@EACH
def test_a_round_takes_the_same_number_of_images_on_both_sides(system: System) -> None:
    loader, images = Loader(system), Counted(load_images(size=system.size, channels=system.channels))
    sides = textbook_rounds(system, loader, CPU), play_rounds(system, images, CPU)
    for played in (1, 2):
        for rounds in sides:
            next(rounds)
        assert loader.images == images.taken == played * system.images


def test_the_textbook_penalty_is_the_same_function() -> None:
    D = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.Tanh(), nn.Linear(5, 1), nn.Flatten(0))
    real, fake = torch.randn(2, 6, 3, 2, 2)
    torch.manual_seed(1)
    expected = gradient_penalty(D, real, fake, weight=1.0).item()
    torch.manual_seed(1)
    assert penalty(D, real, fake).item() == pytest.approx(expected, rel=1e-5)


def test_a_multiply_add_is_two_operations() -> None:
    rounds = (torch.ones(3, 4) @ torch.ones(4, 5) + 1 for _ in range(2))
    assert flops(rounds) == 2 * 3 * 4 * 5


def test_operations_are_counted_as_pytorch_counts_them() -> None:
    layers = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ConvTranspose2d(3, 4, 5, 2), nn.Flatten(), nn.LazyLinear(2))
    rounds = (layers(torch.randn(5, 2, 8, 8)).sum().backward() for _ in range(3))
    next(rounds)  # the last layer takes its shape
    with FlopCounterMode(display=False) as counter:
        next(rounds)
    assert flops(rounds) == counter.get_total_flops()


def test_the_peak_is_the_most_bytes_at_once() -> None:
    def rounds() -> Iterator[None]:
        kept = torch.ones(1000)
        while True:
            first = torch.ones(2000)
            del first
            second = torch.ones(3000)
            del second
            yield
            kept = kept.clone()  # from the second round on, there are two for a moment, but nothing else

    assert peak_bytes(rounds, CPU) == 4 * (1000 + 3000)


def test_a_whole_training_has_the_reports_rounds() -> None:
    rounds = {training.system: rounds_of(training, 1005) for training in TRAININGS}
    assert rounds == {"A1": 200 * 15, "A4": 2001, "A5": 80 * 3, "A6": 80 * 3}


@pytest.mark.parametrize("training", TRAININGS, ids=[training.system for training in TRAININGS])
def test_a_whole_training_has_full_width_also_on_a_cpu(training: Training) -> None:
    assert system_of(training).width(CPU) == 1


def test_a_training_is_timed_over_all_its_rounds() -> None:
    images = Counted(load_images(size=32))
    timed(ONCE["B1"], images, 3, CPU)
    assert images.taken == 3 * ONCE["B1"].images


def test_the_committed_table_can_be_drawn(tmp_path: Path) -> None:
    draw(pd.read_csv(RESULTS / "cpu.csv"), tmp_path / "cpu.png")
    assert (tmp_path / "cpu.png").stat().st_size > 10_000
