"""Two processes play one game, on the CPU: started as a notebook starts them, and as a script does."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch
from lightning_fabric import Fabric
from small_game import Discriminator, Generator, equal, small_images
from torch import nn

from gan_lab import training
from gan_lab.lipschitz import clip_weights, gradient_penalty
from gan_lab.losses import AuxiliaryClassifier, NonSaturating, Verdict, Wasserstein
from gan_lab.runs import Run
from gan_lab.training import Game, play, sample

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "several_devices.md"


class SmoothGenerator(nn.Sequential):
    """Without batch norm, and without kinks."""

    z_dim = 3

    def __init__(self) -> None:
        super().__init__(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 16), nn.Unflatten(1, (1, 4, 4)))

    def forward(self, z, y=None):
        return super().forward(z)


class SmoothCritic(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))

    def forward(self, x, y=None):
        return super().forward(x)


class BatchNormGenerator(Generator):
    """Its batch norm averages, over all its batches, the noise itself."""

    def __init__(self) -> None:
        super().__init__()
        self.layers.insert(0, nn.BatchNorm1d(3, momentum=None))


class BatchNormTwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(16), nn.Linear(16, 8), nn.LeakyReLU(), nn.Dropout())
        self.score, self.classes = nn.Linear(8, 1), nn.Linear(8, 5)

    def forward(self, x, y=None):
        h = self.trunk(x)
        return Verdict(self.score(h).squeeze(1), self.classes(h))


adam = partial(torch.optim.Adam, lr=1e-3, betas=(0.0, 0.9), fused=True)
rmsprop = partial(torch.optim.RMSprop, lr=5e-5)

GAMES: dict[str, Callable[[Fabric], Game]] = {
    "DCGAN": lambda fabric: game_of(SmoothGenerator(), SmoothCritic(), NonSaturating(), adam, fabric=fabric),
    "WGAN": lambda fabric: game_of(
        SmoothGenerator(), SmoothCritic(), Wasserstein(), rmsprop, project=clip_weights, n_critic=5, fabric=fabric
    ),
    "WGAN-GP": lambda fabric: game_of(
        SmoothGenerator(), SmoothCritic(), Wasserstein(), adam, penalty=gradient_penalty, n_critic=2, fabric=fabric
    ),
    "batch norm": lambda fabric: game_of(
        BatchNormGenerator(), BatchNormTwoHeads(), AuxiliaryClassifier(NonSaturating()), adam, fabric=fabric
    ),
}


def game_of(G, D, loss, optimiser, **more):
    return Game(G, D, loss, optimiser(G.parameters()), optimiser(D.parameters()), **more)


def weights(game: Game) -> dict[str, torch.Tensor]:
    players = {"G": training.bare(game.G), "D": training.bare(game.D)}
    return {f"{who}.{name}": p.detach().clone() for who in players for name, p in players[who].named_parameters()}


def played(fabric: Fabric, name: str, batch_size: int) -> dict[str, object]:
    """The game after four rounds on this process' part of the numbers that a single process would draw for all."""
    torch.manual_seed(fabric.global_rank)  # Fabric hands on the first process' weights
    game = GAMES[name](fabric)
    begin, drawn = weights(game), []
    numbers = torch.Generator().manual_seed(0)

    def own_part(draw, n, *shape, **device):
        everybody_s = draw(n * fabric.world_size, *shape, generator=numbers)
        drawn.append(everybody_s.chunk(fabric.world_size)[fabric.global_rank])
        return drawn[-1]

    images = small_images(4 * batch_size * fabric.world_size * game.n_critic)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "noise", lambda game, n: own_part(torch.randn, n, game.z_dim))
        patch.setattr(torch, "rand", partial(own_part, torch.rand))  # the t of the penalty
        rounds = list(play(game, images, batch_size=batch_size))
    assert len(rounds) == 4
    G_state = deepcopy(training.bare(game.G).state_dict())
    return {"begin": begin, "end": weights(game), "G": G_state, "z": torch.cat(drawn) if name == "batch norm" else None}


# One kernel that starts two processes, forked as a notebook forks them, four times over.
KERNEL = """
import sys
from pathlib import Path

here, folder = map(Path, sys.argv[1:])
sys.path.insert(0, str(here))
import test_several_processes as tests

for function, *arguments in (
    (tests.play_every_game, folder),
    (tests.as_in_a_notebook, folder / "whole", 2),
    (tests.as_in_a_notebook, folder / "halves", 1),
    (tests.as_in_a_notebook, folder / "halves", 2),
):
    tests.Fabric(accelerator="cpu", devices=2, strategy="ddp_notebook").launch(function, *arguments)
"""


def run_python(*command: object, **environment: str) -> None:
    environment = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""} | environment
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def play_every_game(fabric: Fabric, folder: Path) -> None:
    torch.save({name: played(fabric, name, 32) for name in GAMES}, folder / f"{fabric.global_rank}.pt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What two processes left behind."""
    folder = tmp_path_factory.mktemp("two")
    run_python("-c", KERNEL, HERE, folder)
    return folder


@pytest.fixture(scope="module")
def two(folder) -> list[dict[str, dict[str, object]]]:
    """Every game as the first and as the second process has it at the end."""
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


@pytest.mark.parametrize("name", ["DCGAN", "WGAN", "WGAN-GP"])
def test_two_processes_of_32_images_take_the_steps_of_one_of_64(two, name):
    one = played(Fabric(accelerator="cpu", devices=1), name, 64)
    for weight, value in one["end"].items():
        moved = (value - one["begin"][weight]).abs().max()
        assert moved > 1e-4 or value.ndim == 1  # the last bias of a critic has no gradient
        assert (value - two[0][name]["end"][weight]).abs().max() < 1e-6


@pytest.mark.parametrize("name", GAMES)
def test_the_weights_of_both_processes_are_the_same_bits(two, name):
    assert equal(two[0][name]["end"], two[1][name]["end"])


def test_batch_norm_keeps_the_statistics_of_its_own_process(two):
    for process in (0, 1):
        game = two[process]["batch norm"]
        torch.testing.assert_close(game["G"]["layers.0.running_mean"], game["z"].mean(0))
    assert not torch.equal(two[0]["batch norm"]["z"], two[1]["batch norm"]["z"])


def page(part: int) -> str:
    """A program on the page about several devices, on the CPU."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[part].replace('"cuda"', '"cpu"')


def as_in_a_notebook(fabric: Fabric, folder: Path, epochs: int) -> None:
    """The page's function `train`, and around it what a notebook has before its training cell."""
    torch.manual_seed(0)
    G, D, images = Generator(), Discriminator(), small_images(40)
    names = {"G": G, "D": D, "images": images, "Run": Run, "system": "small", "run_dir": folder, "epochs": epochs}
    names |= {
        "opt_G": adam(G.parameters()),
        "opt_D": adam(D.parameters()),
        "loss": NonSaturating(),
        "z": torch.ones(4, 3),
        "y": torch.zeros(4, dtype=torch.long),
    }
    names |= {"batch_size": 4, "seed": 0, "Game": Game, "play": play, "sample": sample}
    exec(page(0).partition("\n\n\n")[0], names)
    names["train"](fabric)


def test_two_processes_write_one_folder_and_go_on_in_it_to_the_same_bits(folder):
    whole, halves = folder / "whole" / "small", folder / "halves" / "small"
    rounds = pd.read_csv(whole / "rounds.csv")
    assert list(rounds["round"]) == 2 * [1, 2, 3, 4, 5]  # of 8 of the 40 images each
    pd.testing.assert_frame_equal(rounds, pd.read_csv(halves / "rounds.csv"), check_exact=True)
    assert equal(*(torch.load(run / "checkpoint.pt")["states"] for run in (whole, halves)))
    pictures = [{p.name: p.read_bytes() for p in (run / "pictures").iterdir()} for run in (whole, halves)]
    assert pictures[0].keys() == {"0001.png", "0002.png"}
    assert pictures[0] == pictures[1]


def test_one_process_opens_a_finished_run_of_two_but_does_not_go_on_with_it(folder):
    one = Fabric(accelerator="cpu", devices=1)
    as_in_a_notebook(one, folder / "whole", 2)
    with pytest.raises(ValueError, match=r"begun by 2 processes, .* here there are 1: go on with 2, or choose another"):
        as_in_a_notebook(one, folder / "whole", 3)


def test_the_script_on_the_page_trains_in_two_processes(tmp_path):
    script = tmp_path / "train.py"
    small = (
        page(1)
        .replace("Generator(),", "Generator(width=0.02),")
        .replace("Discriminator()", "Discriminator(width=0.02)")
    )
    script.write_text(small.replace("epochs(50)", "epochs(1)"))
    run_python(script, GAN_LAB_RUNS=str(tmp_path))
    (folder,) = tmp_path.glob("two-devices-*")
    assert len(pd.read_csv(folder / "rounds.csv")) == 1005 // 64
    assert '"processes": 2' in (folder / "recipe.json").read_text()
