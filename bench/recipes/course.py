"""The course's own: games that `play` plays, drawn by `sample`."""

from collections.abc import Iterator
from functools import partial
from itertools import chain, count

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.optim import Adam
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from bench.recipes.training import Training
from gan_lab import layers
from gan_lab.data.images import ImageSet
from gan_lab.losses import NonSaturating
from gan_lab.networks import dcgan32
from gan_lab.training import Game, bare, play, sample

SIZE = 32


def b1(images: ImageSet, seed: int) -> Training:
    """Report B's DCGAN with the settings of notebook 01: half the width, batches of 32, Adam with 4e-4, beta1 0.5."""
    torch.manual_seed(seed)
    G, D = dcgan32.Generator(width=0.5), dcgan32.Discriminator(width=0.5)
    opt_G, opt_D = (Adam(player.parameters(), lr=4e-4, betas=(0.5, 0.999), fused=True) for player in (G, D))
    return training(Game(G, D, NonSaturating(), opt_G, opt_D, fabric=cpu()), images, batch=32, seed=seed)


def plain(images: ImageSet, seed: int) -> Training:
    """A DCGAN of three layers of stride 2 on each side, with spectral norm in D and an average of G, 0.998; batches of
    16, Adam with 4e-4 for G and 8e-4 for D, beta1 0.5."""
    torch.manual_seed(seed)
    G, D = plain_players()
    opt_G = Adam(G.parameters(), lr=4e-4, betas=(0.5, 0.999), fused=True)
    opt_D = Adam(D.parameters(), lr=8e-4, betas=(0.5, 0.999), fused=True)
    average = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(0.998))  # type: ignore[no-untyped-call]
    game = Game(G, D, NonSaturating(), opt_G, opt_D, average=average, fabric=cpu())
    return training(game, images, batch=16, seed=seed)


class PlainGenerator(nn.Sequential):
    """z (N, 100) -> images (N, 1, 32, 32)."""

    z_dim = 100

    def __init__(self) -> None:
        up = partial(nn.ConvTranspose2d, kernel_size=4, stride=2, padding=1)
        super().__init__(
            layers.normal(nn.Linear(self.z_dim, 128 * 4 * 4, bias=False), 0.02),
            layers.unflatten(128, 4, 4),
            *(nn.BatchNorm2d(128), nn.ReLU(), layers.normal(up(128, 128, bias=False), 0.02)),  # (N, 128, 8, 8)
            *(nn.BatchNorm2d(128), nn.ReLU(), layers.normal(up(128, 64, bias=False), 0.02)),  # (N, 64, 16, 16)
            *(nn.BatchNorm2d(64), nn.ReLU(), layers.normal(up(64, 1), 0.02)),  # (N, 1, 32, 32)
            nn.Tanh(),
        )


def plain_players() -> tuple[PlainGenerator, nn.Module]:
    """D: images -> logits (N,)."""
    D: list[nn.Module] = []
    for c_in, c_out in ((1, 32), (32, 64), (64, 128)):
        D += [spectral_norm(layers.normal(nn.Conv2d(c_in, c_out, 4, 2, 1), 0.02)), nn.LeakyReLU(0.2)]
    D += [layers.flatten(), spectral_norm(layers.normal(nn.Linear(128 * 4 * 4, 1), 0.02)), nn.Flatten(0)]
    return PlainGenerator(), nn.Sequential(*D)


def cpu() -> Fabric:
    return Fabric(accelerator="cpu", devices=1)


def training(game: Game, images: ImageSet, *, batch: int, seed: int) -> Training:
    """The rounds of all epochs."""
    epochs = (play(game, images, batch_size=min(batch, len(images)), epoch=epoch, seed=seed) for epoch in count())
    rounds: Iterator[object] = chain.from_iterable(epochs)
    return Training(bare(game.G), bare(game.D), game.z_dim, rounds, partial(sample, game))
