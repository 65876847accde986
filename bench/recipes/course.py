"""The course's own: games that `play` plays, drawn by `sample`."""

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Adam

from bench.recipes.training import Training
from gan_lab.data.images import ImageSet
from gan_lab.lessons.ladder import BATCH, IDEAS, rules
from gan_lab.losses import NonSaturating
from gan_lab.networks import dcgan32
from gan_lab.training import Game, Rules, bare, one_round, play_on, sample

SIZE = 32


def b1(images: ImageSet, seed: int) -> Training:
    """Report B's DCGAN at half the width, batches of 32, Adam with 4e-4, beta1 0.5."""
    torch.manual_seed(seed)
    G, D = dcgan32.Generator(width=0.5), dcgan32.Discriminator(width=0.5)
    opt_G, opt_D = (Adam(player.parameters(), lr=4e-4, betas=(0.5, 0.999), fused=True) for player in (G, D))
    return training(Game(G, D, NonSaturating(), opt_G, opt_D, fabric=cpu()), images, batch=32, seed=seed)


def augmentation(images: ImageSet, seed: int) -> Training:
    """Notebook 06's game without labels."""
    return of_the_ladder("augmentation", images, seed)


def r1(images: ImageSet, seed: int) -> Training:
    """Notebook 06's game without labels whose D is held by R1."""
    return of_the_ladder("R1", images, seed)


def labels(images: ImageSet, seed: int) -> Training:
    """Notebook 06's game with labels: the course's default. It draws every digit in turn."""
    return of_the_ladder("labels", images, seed)


def of_the_ladder(idea: str, images: ImageSet, seed: int) -> Training:
    torch.manual_seed(seed)
    return training(IDEAS[idea](images, fabric=cpu()), images, batch=BATCH, seed=seed, round=rules(idea))


def cpu() -> Fabric:
    return Fabric(accelerator="cpu", devices=1)


def training(game: Game, images: ImageSet, *, batch: int, seed: int, round: Rules = one_round) -> Training:
    """The rounds of all epochs."""
    size = min(batch, len(images))
    rounds = play_on(game, images, batch_size=size, seed=seed, round=round)

    def drawn(z: Tensor) -> Tensor:
        return sample(game, z, torch.arange(len(z)) % len(images.classes))

    return Training(bare(game.G), bare(game.D), game.z_dim, rounds, drawn)
