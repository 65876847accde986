"""Notebook 6's ladder: the DCGAN of 2015, and ideas of ten years for few images, each a function that sets up a game.

    game = IDEAS["augmentation"](images)
    for epoch in range(epochs):
        for played in play(game, images, batch_size=BATCH, epoch=epoch, round=rules("augmentation")):
            ...

All of them have the network of `gan_lab.networks.dcgan`, but for D's norm and for what tells the players a label,
batches of 16, Adam with the same steps, and an average of G beside it. images: an ImageSet of 32 x 32. more: what else
`Game` takes, such as fabric=.... An idea of your own is a function, too.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

import pandas as pd
from torch import nn
from torch.optim import Adam

from gan_lab.augmentation import Adaptive, Augmented
from gan_lab.average import average_of
from gan_lab.data.images import ImageSet
from gan_lab.lipschitz import r1, r2, spectrally_normed, sum_of
from gan_lab.losses import Hinge, Loss, NonSaturating, Relativistic
from gan_lab.measure import seeds
from gan_lab.moves import affine, translate
from gan_lab.networks import dcgan, projection32
from gan_lab.training import Batches, Game, Round, Rules, bare, one_round, relativistic_round

BATCH = 16
MOVES = (translate, affine)
P = 0.4  # of a move: below 1/2 nothing leaks
GAMMA = 1.0  # of R1 and R2


def players(images: ImageSet, norm: dcgan.Norm = nn.BatchNorm2d) -> tuple[dcgan.Generator, dcgan.Discriminator]:
    """G and D for images of these channels, with this norm in D."""
    C = images.shape[0]
    return dcgan.Generator(channels=C), dcgan.Discriminator(channels=C, norm=norm)


def players_without_norm(images: ImageSet) -> tuple[dcgan.Generator, dcgan.Discriminator]:
    """G, and D without batch norm, whose kernels start large enough for its scores to differ (He et al. 2015)."""
    G, D = players(images, norm=nn.Identity)
    for layer in D.layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, a=0.2)
    return G, D


def game_of(G: nn.Module, D: nn.Module, loss: Loss | None = None, **more: Any) -> Game:
    """Both players with Adam, steps of 0.001, and an average of G that looks back over some 500 rounds."""
    opt_G, opt_D = (Adam(player.parameters(), lr=1e-3, betas=(0.5, 0.999), fused=True) for player in (G, D))
    return Game(G, D, loss or NonSaturating(), opt_G, opt_D, average=average_of(G, 0.998), **more)


def plain(images: ImageSet, **more: Any) -> Game:
    """The DCGAN by its guidelines (Radford et al. 2015)."""
    G, D = players(images)
    return game_of(G, D, **more)


def augmentation(images: ImageSet, **more: Any) -> Game:
    """D sees two of five images shifted (Zhao et al. 2020), and two of five a little turned, scaled and slanted (Karras
    et al. 2020)."""
    G, D = players(images)
    return game_of(G, Augmented(D, MOVES, P), **more)


def adaptive(images: ImageSet, **more: Any) -> Game:
    """p grows while D overfits (Karras et al. 2020), from 0 up to 0.8; it changes by 1 in 100,000 images."""
    G, D = players(images)
    return game_of(G, Augmented(D, MOVES, Adaptive(images=100_000)), **more)


def adaptive_round(game: Game, batches: Batches) -> Round:
    """`one_round`; then p changes by D's scores of the real images."""
    played = one_round(game, batches)
    bare(game.D).p.see(played.real)  # type: ignore[operator, union-attr]
    return played


def spectral_norm(images: ImageSet, **more: Any) -> Game:
    """Each layer of D divided by its largest singular value, in place of batch norm (Miyato et al. 2018)."""
    G, D = players(images, norm=nn.Identity)
    return game_of(G, Augmented(spectrally_normed(D), MOVES, P), **more)


def hinge(images: ImageSet, **more: Any) -> Game:
    """Spectral norm, and the loss that it is used with (Lim & Ye 2017; Miyato et al. 2018)."""
    G, D = players(images, norm=nn.Identity)
    return game_of(G, Augmented(spectrally_normed(D), MOVES, P), Hinge(), **more)


def flat_at_real_images(images: ImageSet, **more: Any) -> Game:
    """R1 in place of batch norm: D is to be flat at the real images (Mescheder et al. 2018)."""
    G, D = players_without_norm(images)
    return game_of(G, Augmented(D, MOVES, P), penalty=partial(r1, gamma=GAMMA), **more)


def r3gan(images: ImageSet, **more: Any) -> Game:
    """R3GAN's loss of pairs of a real and a fake image, and R1 and R2 in place of batch norm (Huang et al. 2024). Its
    network is not the paper's."""
    G, D = players_without_norm(images)
    penalty = sum_of(partial(r1, gamma=GAMMA), partial(r2, gamma=GAMMA))
    return game_of(G, Augmented(D, MOVES, P), Relativistic(), penalty=penalty, **more)


def labels(images: ImageSet, **more: Any) -> Game:
    """Both players are told the class (Mirza & Osindero 2014), D by projection (Miyato & Koyama 2018)."""
    K, C = len(images.classes), images.shape[0]
    G, D = projection32.Generator(classes=K, channels=C), projection32.Discriminator(classes=K, channels=C)
    return game_of(G, Augmented(D, MOVES, P), **more)


IDEAS = {
    "DCGAN": plain,
    "augmentation": augmentation,
    "adaptive": adaptive,
    "spectral norm": spectral_norm,
    "hinge": hinge,
    "R1": flat_at_real_images,
    "R3GAN": r3gan,
    "labels": labels,
}


def rules(idea: str) -> Rules:
    """The rules of a round that this idea is played by."""
    return {"adaptive": adaptive_round, "R3GAN": relativistic_round}.get(idea, one_round)


# What its table says

BELOW = {
    "DCGAN": "DCGAN, no average",  # the same trainings, drawn with G as it is
    "augmentation": "DCGAN",
    "adaptive": "augmentation",
    "spectral norm": "augmentation",
    "hinge": "spectral norm",
    "R1": "augmentation",
    "R3GAN": "R1",
    "labels": "augmentation",
}


def climbed(table: pd.DataFrame, measures: Iterable[str]) -> pd.DataFrame:
    """What each idea changes beside the one below it, seed by seed: rows of `seeds.paired`, and the `measure` of each.

    table: rows of results/06_ladder.csv, of one number of images and one time.
    p_holm: corrected for all the comparisons that are returned.
    """
    rows = []
    for measure in measures:
        for idea, below in BELOW.items():
            if idea in set(table["idea"]):
                two = table[table["idea"].isin([idea, below])]
                found = seeds.paired(two, measure, by="idea", against=below)
                rows.append(found[found["idea"] == idea].assign(measure=measure))
    found = pd.concat(rows, ignore_index=True)
    found["p_holm"] = seeds.holm(found["p"])
    return found
