"""A page for each system of the course: what it is, its layers and its settings, read off the game that is played."""

import sys
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from layer_table import Layer, layers_of, table
from torch import nn

from gan_lab.data.images import ImageSet, load_images
from gan_lab.lessons.ladder import BATCH, IDEAS
from gan_lab.lessons.reports import TRAININGS, Training
from gan_lab.noise import Noisy
from gan_lab.runner.parameters import read_parameters
from gan_lab.training import Game, bare

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


class Played(NamedTuple):
    """What a system is called, and what plays it: a notebook, a file of parameters, and what is set besides."""

    title: str
    notebook: str
    parameters: str = ""
    besides: str = ""

    @property
    def number(self) -> str:
        return self.notebook[:2]

    @property
    def place(self) -> str:
        return f"../course/{self.notebook}.ipynb"

    @property
    def command(self) -> str:
        parameters = f" -f {self.parameters}" if self.parameters else ""
        return f"uv run gan-lab run {self.notebook}{parameters}{self.besides}"


SYSTEMS = {
    "A1": Played("DCGAN, 64 × 64", "01_dcgan", "report_a"),
    "A2": Played("DCGAN with label smoothing", "02_stabilization", "02_report_a"),
    "A3": Played("DCGAN with noise", "02_stabilization", "02_report_a", " -p setting noise"),
    "A4": Played("AC-GAN, 28 × 28", "03_acgan", "03_report_a"),
    "A5": Played("WGAN, 64 × 64", "04_wgan", "04_report_a", " -p setting WGAN"),
    "A6": Played("WGAN-GP, 64 × 64", "04_wgan", "04_report_a", " -p setting WGAN-GP"),
    "B1": Played("DCGAN, 32 × 32", "01_dcgan", "report_b"),
    "B2": Played("DCGAN with smoothing and noise", "02_stabilization", "02_report_b"),
    "B3": Played("AC-GAN, 32 × 32", "03_acgan", "03_report_b"),
    "B4": Played("WGAN, 32 × 32", "04_wgan", "04_report_b"),
    "few": Played("The course's DCGAN for few images", "06_few_images", "", " -p idea DCGAN"),
}


def training_of(name: str) -> Training:
    """What is trained under this name."""
    if name in TRAININGS:
        return TRAININGS[name]
    epochs = read_parameters(NOTEBOOKS / f"{SYSTEMS[name].notebook}.ipynb")["epochs"].default
    return Training(IDEAS["DCGAN"], {"size": 32}, epochs=int(epochs), batch_size=BATCH, grids=())


def players(game: Game, images: ImageSet) -> tuple[list[Layer], list[Layer]]:
    """The layers of G and of D, from a batch of two."""
    x, y = images.batch(slice(2))
    return layers_of(bare(game.G), torch.randn(2, game.z_dim), y), layers_of(bare(game.D), x, y)


# A page


def write_systems(folder: Path) -> None:
    """Write a page for each system, and one that lists them."""
    folder.mkdir()
    rows = []
    for name, played in SYSTEMS.items():
        training = training_of(name)
        images = load_images(**training.images)
        game = training.game(images)
        G, D = players(game, images)
        (folder / f"{name}.md").write_text(page(name, game, images, G, D), encoding="utf-8")
        whole = (f"{sum(one.trainable + one.statistics for one in layers):,}" for layers in (G, D))
        C, H, W = images.shape
        words = [f"[{title(name)}]({name}.md)", f"{W}×{H}×{C}", *whole, f"[{played.number}]({played.place})"]
        rows.append(f"| {' | '.join(words)} |")
    (folder / "index.md").write_text(INDEX.format(rows="\n".join(rows), names="\n".join(SYSTEMS)), encoding="utf-8")


INDEX = """# The systems

Two student reports on one coursework are reproduced here layer by layer, A1 to A6 and B1 to B4; the course has a GAN
of its own beside them. Each page has its layers, its settings, and the command that plays it. The numbers are counted
in the networks themselves, when this site is built.

| system | images | numbers in G | numbers in D | notebook |
| :--- | :--- | ---: | ---: | :--- |
{rows}

A number is a weight, or a mean or variance that batch norm keeps. [Notebook 7](../course/07_two_reports.ipynb) says
what the reports got wrong.

```{{toctree}}
:hidden:
:maxdepth: 1

{names}
```
"""


def title(name: str) -> str:
    """`A1. DCGAN, 64 × 64`."""
    words = SYSTEMS[name].title.replace(" × ", "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}")
    return f"{name}. {words}" if name in TRAININGS else words


def page(name: str, game: Game, images: ImageSet, G: list[Layer], D: list[Layer]) -> str:
    """The page of one system."""
    training = training_of(name)
    parts = [
        f"# {title(name)}",
        what_it_is(name, game),
        f"## Play it\n\n{how_to_play(name)}",
        f"## The generator\n\nIt is given {given(game, bare(game.G))}. Its code: {code(bare(game.G))}.\n\n{table(G)}",
        f"## The discriminator\n\nIt is given an image. Its code: {code(inner(bare(game.D)))}.\n\n{table(D)}",
        LEGEND,
        f"## The training\n\n{settings(training, game, images)}",
    ]
    return "\n\n".join(parts + ([] if name in TRAININGS else [ideas(images)])) + "\n"


def what_it_is(name: str, game: Game) -> str:
    """A sentence or two, of the function that sets up the game, or of the network's file."""
    network = sys.modules[type(bare(game.G)).__module__]
    return first_paragraph(TRAININGS[name].game if name in TRAININGS else network)


LEGEND = "k5 is a kernel of 5 × 5, s2 a stride of 2. Batch norm's statistics are the means and variances that it keeps."


def how_to_play(name: str) -> str:
    """The commands, and the file of parameters as it is."""
    played = SYSTEMS[name]
    text = f"In [notebook {played.number}]({played.place}), from a terminal:\n\n```\n{played.command}\n```\n"
    if name in TRAININGS:
        file = NOTEBOOKS / "parameters" / f"{played.parameters}.yaml"
        text += "\nThe report's training at full size with its mistakes, and its curves (what differs: notebook 7):\n\n"
        text += f"```\nuv run gan-lab reproduce {name}\n```\n\n"
        text += f"`notebooks/parameters/{file.name}` has:\n\n```yaml\n{file.read_text(encoding='utf-8')}```\n"
    return text


def given(game: Game, G: nn.Module) -> str:
    """What goes into G."""
    asks = "K" if hasattr(G, "embedding") or hasattr(G, "classes") else ""
    return f"noise z, {game.z_dim} normal numbers" + (", and the class that it is to draw" if asks else "")


def code(player: nn.Module) -> str:
    """The module of a player, as a link to its reference."""
    module = type(player).__module__
    return f"[`{module}`](../api/networks.md#{module.replace('.', '')})"


def inner(D: nn.Module) -> nn.Module:
    """D without what stands before it, such as noise."""
    return inner(D.D) if isinstance(D, Noisy) else D


# The settings


def settings(training: Training, game: Game, images: ImageSet) -> str:
    """What the game is played with, a line for each."""
    seen, D = training.seen(images), bare(game.D)
    rounds = len(seen) // (training.batch_size * game.n_critic)
    C, H, W = images.shape
    low, high = images.value_range
    rows = {
        "images": f"{len(seen):,} of {W}×{H}×{C}, in [{low:g}, {high:g}]",
        "what is played with": "" if seen is images else about(training.seen),
        "noise": about(Noisy, sigma=D.sigma) if isinstance(D, Noisy) else "",
        "batch": f"{training.batch_size} images of each kind",
        "length": f"{training.epochs:,} epochs of {rounds:,} rounds, {training.epochs * rounds:,} rounds in all",
        "a round": about(training.round),
        "steps of D for one of G": str(game.n_critic),
        "loss": about(type(game.loss), **numbers(game.loss)),
        "G's steps": optimizer(game.opt_G),
        "D's steps": optimizer(game.opt_D),
        "penalty": about(game.penalty) if game.penalty else "",
        "after each step of D": about(game.project) if game.project else "",
        "average": "of G's weights, with which it draws" if game.average else "",
        "samples in the report": "after epoch " + ", ".join(map(str, training.grids)) if training.grids else "",
    }
    return "| | |\n| :--- | :--- |\n" + "\n".join(f"| {name} | {said} |" for name, said in rows.items() if said)


def about(part: Any, **numbers: float) -> str:
    """`name` (number 1): what its docstring says first."""
    if isinstance(part, partial):
        return about(part.func, **part.keywords)
    told = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in numbers.items())
    return f"`{part.__name__}`{f' ({told})' if told else ''}: {first_paragraph(part)}"


def first_paragraph(part: Any) -> str:
    return " ".join(part.__doc__.partition("\n\n")[0].split())


def numbers(loss: Any) -> dict[str, float]:
    """The numbers that a loss has, those of a loss inside it included."""
    own = {name: value for name, value in vars(loss).items() if isinstance(value, float)}
    inside = [numbers(part) for part in vars(loss).values() if hasattr(part, "d_loss")]
    return {name: value for found in [own, *inside] for name, value in found.items()}


def optimizer(one: Any) -> str:
    """`Adam, 0.0002, betas 0.5 and 0.999`."""
    group = one.param_groups[0]
    betas = f", betas {group['betas'][0]:g} and {group['betas'][1]:g}" if "betas" in group else ""
    return f"{type(getattr(one, 'optimizer', one)).__name__}, steps of {group['lr']:g}{betas}"


def ideas(images: ImageSet) -> str:
    """What notebook 6 changes in the course's DCGAN."""
    rows = [f"| `-p idea {quoted(name)}` | {first_paragraph(game)} |" for name, game in IDEAS.items()]
    head = "## What is changed in it\n\nNotebook 6 plays it with one idea after another:\n\n| | |\n| :--- | :--- |\n"
    return head + "\n".join(rows)


def quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name
