"""The GANs on the page docs/your_own_gan.md: each is a short cell, plays, and goes on to the same bits."""

import re
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from small_game import equal

from gan_lab.data.images import load_images
from gan_lab.runs import Run
from gan_lab.training import Game, sample

PAGE = Path(__file__).parents[1] / "docs" / "your_own_gan.md"
BEFORE, RELATIVISTIC, PROJECTION = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
IMPORTS = BEFORE.partition("\nseed, epochs")[0]
CELLS = pytest.mark.parametrize("cell", [RELATIVISTIC, PROJECTION], ids=["relativistic", "projection"])


def play_cell(cell: str, folder: Path, epochs: int) -> tuple[Game, Run]:
    """The cell with few images, in a kernel of its own."""
    digits = load_images()
    few = torch.arange(0, 1005, 10)
    images = replace(digits, pixels=digits.pixels[few], labels=digits.labels[few])
    torch.manual_seed(0)
    fabric = Fabric(accelerator="cpu", devices=1)
    names = {"images": images, "epochs": epochs, "fabric": fabric, "folder": folder, "seed": 0, "__name__": "__main__"}
    exec(IMPORTS, names)
    exec(cell, names)
    return names["game"], names["run"]


@CELLS
def test_a_gan_of_a_paper_is_a_cell_of_at_most_30_lines(cell: str) -> None:
    assert len([line for line in cell.splitlines() if line.strip()]) <= 30


@CELLS
def test_two_epochs_and_two_more_are_four_bit_for_bit(cell: str, tmp_path: Path) -> None:
    play_cell(cell, tmp_path / "halves", 2)
    halves, _ = play_cell(cell, tmp_path / "halves", 4)
    whole, run = play_cell(cell, tmp_path / "whole", 4)
    assert len(run.rounds) == 4 * 3
    assert halves.parts.keys() == whole.parts.keys()
    assert equal(*({name: part.state_dict() for name, part in game.parts.items()} for game in (halves, whole)))
    z, y = torch.randn(6, 100), torch.arange(6) % 5
    assert torch.equal(sample(halves, z, y), sample(whole, z, y))


def relativistic_parts() -> dict[str, Any]:
    """What the first cell defines before it plays."""
    names: dict[str, Any] = {}
    exec(IMPORTS + "\n\n\n" + RELATIVISTIC.partition("\n\n\nG, D")[0], names)
    return names


def test_the_relativistic_losses_are_those_of_the_paper() -> None:
    names = relativistic_parts()
    loss, (real, fake) = names["Relativistic"](), torch.randn(2, 5)
    f = [lambda t: -torch.log(1 + torch.exp(-t))][0]
    torch.testing.assert_close(loss.d_loss(real, fake, None), -f(real - fake).mean())
    torch.testing.assert_close(loss.g_loss(fake, None, real), -f(fake - real).mean())
    w = torch.tensor([3.0, 4.0])
    penalty = names["r1_and_r2"](lambda x: x @ w, torch.randn(7, 2), torch.randn(7, 2), weight=2.0)
    torch.testing.assert_close(penalty, torch.tensor(2 / 2 * (25.0 + 25.0)))  # |w|^2 at real and at fake images


def test_the_first_losses_are_log_2_and_a_constant_in_all_of_d_s_scores_is_not_learned(tmp_path: Path) -> None:
    """At the start all scores are nearly equal. Only a loss that compares two scores leaves their constant at 0."""
    game, run = play_cell(RELATIVISTIC, tmp_path, 1)
    assert run.rounds.iloc[0][["d_loss", "g_loss"]].tolist() == pytest.approx([log(2)] * 2, abs=0.1)
    state = game.parts["D"].state_dict()
    (bias,) = (value for name, value in state.items() if value.shape == (1,))
    assert bias.abs() < 1e-6 and state["layers.0.bias"].abs().max() > 1e-5


def test_g_s_step_is_given_the_real_images_of_d_s_last_step_and_their_labels() -> None:
    names = relativistic_parts()
    given: list[tuple[Any, ...]] = []
    names["fakes"] = lambda game, y: torch.full((len(y),), 7.0)
    names["step_D"] = lambda game, *those: (given.append(("D", *those)), (1, 2, 3, 4))[1]
    names["step_G"] = lambda game, *those: (given.append(("G", *those)), 5)[1]
    batches = [(torch.full((2,), float(i)), torch.tensor([i, i + 1])) for i in range(3)]
    round = names["relativistic_round"](None, iter(batches))
    assert [step[0] for step in given] == ["D", "D", "D", "G"]
    x, y = batches[-1]
    _, x_fake, y_of_g, x_of_g = given[-1]
    assert x_of_g is x and y_of_g is y and torch.equal(x_fake, torch.full((2,), 7.0))
    assert [round.d_loss, round.g_loss, round.penalty, round.real, round.fake] == [1, 5, 2, 3, 4] and round.y is y


def test_a_corrected_sign_is_another_run_which_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, wrong = play_cell(RELATIVISTIC.replace("fake - real", "real - fake"), tmp_path, 1)
    _, right = play_cell(RELATIVISTIC, tmp_path, 1)
    assert f"another run than {wrong.folder}, which is kept: the code of loss" in capsys.readouterr().out
    assert right.folder != wrong.folder and len(right.rounds) == len(wrong.rounds) == 3
    _, again = play_cell("# a comment\n" + RELATIVISTIC, tmp_path, 1)
    assert again.folder == right.folder
    assert "holds 1 of 1 epochs, and is shown" in capsys.readouterr().out
