"""The trainings of two student reports, at full size and with the reports' own settings, mistakes included but for
four: A3 has the noise of its text, A4 has 2000 rounds, not 2001, B2's noise is drawn anew for every batch, and B3's
batches are shuffled.

    training = TRAININGS["B1"]
    images = load_images(**training.images)
    game, seen = training.game(images), training.seen(images)
    for epoch in range(1, training.epochs + 1):
        for played in play(game, seen, batch_size=training.batch_size, epoch=epoch, round=training.round):
            ...

Report A and report B are of one coursework, with 1005 images in five classes. Both trained on all of them. What a
report does not say is taken from the paper that it follows.
"""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Adam, RMSprop

from gan_lab.data.images import ImageSet
from gan_lab.identity import Images
from gan_lab.lessons.wrong_penalties import report_b
from gan_lab.lipschitz import clip_weights, gradient_penalty
from gan_lab.losses import AuxiliaryClassifier, Loss, NonSaturating, Wasserstein
from gan_lab.networks import acgan28, acgan32, dcgan32, dcgan64, wgan64
from gan_lab.noise import Noisy, NoisyImages
from gan_lab.training import Batches, Game, Round, Rules, fakes, one_round, same_shape, step_G


class Training(NamedTuple):
    """What a report trained.

    game: images -> the players before their first step; with width=0.25 they have a quarter of the hidden channels.
    images: how they are loaded, for `load_images`.  seen: images -> what is played with.
    grids: the epochs after which the report shows samples.
    """

    game: Callable[..., Game]
    images: dict[str, Any]
    epochs: int
    batch_size: int
    grids: tuple[int, ...]
    round: Rules = one_round
    seen: Callable[[ImageSet], Images] = lambda images: images


# Report A


def a1(
    images: ImageSet, loss: NonSaturating | None = None, sigma: float = 0.0, width: float = 1.0, **more: Any
) -> Game:
    """A DCGAN of 64 x 64 images, with batch norm after the tanh and in D's first block."""
    G, D = dcgan64.Generator(width=width), dcgan64.Discriminator(width=width)
    return with_adam(G, Noisy(D, sigma) if sigma else D, loss or NonSaturating(), 2e-4, 0.5, **more)


def a2(images: ImageSet, **more: Any) -> Game:
    """A1, asked to be 0.9 sure of a real image: one-sided label smoothing."""
    return a1(images, NonSaturating(real_target=0.9), **more)


def a3(images: ImageSet, **more: Any) -> Game:
    """A1 with noise on real and generated images, as the text has it; the code has none. The sigma of 0.1 is ours."""
    return a1(images, sigma=0.1, **more)


def a4(images: ImageSet, **more: Any) -> Game:
    """An AC-GAN of 28 x 28 images, whose embedding of the labels starts small."""
    return acgan(acgan28, images, 2e-4, 0.5, **more)


def a5(images: ImageSet, width: float = 1.0, **more: Any) -> Game:
    """A WGAN of 64 x 64 images, by the paper's Algorithm 1."""
    G, D = wgan64.Generator(width=width), wgan64.Critic(width=width)
    opt_G, opt_D = (RMSprop(player.parameters(), lr=5e-5) for player in (G, D))
    return Game(G, D, Wasserstein(), opt_G, opt_D, project=clip_weights, n_critic=5, **more)


def a6(images: ImageSet, width: float = 1.0, **more: Any) -> Game:
    """A WGAN-GP on A5's networks, batch norm in the critic included. Adam's steps are the paper's."""
    G, D = wgan64.Generator(width=width), wgan64.Critic(width=width)
    opt_G, opt_D = (Adam(player.parameters(), lr=1e-4, betas=(0.0, 0.9)) for player in (G, D))
    penalised = partial(Game, penalty=gradient_penalty, n_critic=5, allow_batch_norm=True)
    return penalised(G, D, Wasserstein(), opt_G, opt_D, **more)


def real_then_fake(game: Game, batches: Batches) -> Round:
    """D takes a step on real images and then another on fake ones; then G takes one: the order of report A's round.

    Both players' batch norm is in training mode in every step, as in `one_round`. The game's loss is a `NonSaturating`.
    D's scores of the fake images are those after the step on the real ones.
    """
    loss: Any = game.loss
    for x, y in batches:
        with torch.no_grad():
            x_fake = same_shape(fakes(game, y), x)
        real, fake = descend(game, loss.d_real, x), descend(game, loss.d_fake, x_fake)
        d_loss = loss.d_loss(real, fake, y)
    g_loss = step_G(game, fakes(game, y), y)
    return Round(d_loss, g_loss, d_loss.new_zeros(()), real, fake, y)


def descend(game: Game, term: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A step of D on one term of its loss. Returns D's scores of x (N,) before it."""
    score: Tensor = game.D(x)
    game.opt_D.zero_grad()
    game.fabric.backward(term(score))
    game.opt_D.step()
    return score.detach()


# Report B


def b1(images: ImageSet, loss: NonSaturating | None = None, width: float = 1.0, **more: Any) -> Game:
    """A DCGAN of 32 x 32 images, with dropout in D."""
    G, D = dcgan32.Generator(width=width), dcgan32.Discriminator(width=width)
    return with_adam(G, D, loss or NonSaturating(), 1e-4, 0.9, **more)


def b2(images: ImageSet, **more: Any) -> Game:
    """B1 with targets of 0.85 and 0.15: two-sided, where the text says one-sided."""
    return b1(images, NonSaturating(real_target=0.85, fake_target=0.15, generator_target=0.85), **more)


def b3(images: ImageSet, **more: Any) -> Game:
    """An AC-GAN of 32 x 32 images."""
    return acgan(acgan32, images, 1e-4, 0.9, **more)


def b4(images: ImageSet, width: float = 1.0, **more: Any) -> Game:
    """What the report calls a WGAN. Its text quotes Algorithm 1; its code has one step of D, and a wrong penalty."""
    G, D = dcgan32.Generator(width=width), dcgan32.Discriminator(width=width)
    return with_adam(G, D, Wasserstein(), 1e-4, 0.9, penalty=report_b, **more)


def full_batches(images: ImageSet, batch_size: int = 256) -> ImageSet:
    """The first images in the order of their folders, as many as fill batches: of 1005 images, none of class 5.

    Images that fill no batch are one batch.
    """
    batch_size = min(batch_size, len(images))
    return images.part(slice(len(images) // batch_size * batch_size))


# Both


def with_adam(G: nn.Module, D: nn.Module, loss: Loss, lr: float, beta1: float, **more: Any) -> Game:
    """Both players with the same Adam."""
    opt_G, opt_D = (Adam(player.parameters(), lr=lr, betas=(beta1, 0.999), fused=True) for player in (G, D))
    return Game(G, D, loss, opt_G, opt_D, **more)


def acgan(network: ModuleType, images: ImageSet, lr: float, beta1: float, width: float = 1.0, **more: Any) -> Game:
    """An AC-GAN of this network, for the classes of the images."""
    players = network.Generator, network.Discriminator
    G, D = (player(classes=len(images.classes), width=width) for player in players)
    return with_adam(G, D, AuxiliaryClassifier(NonSaturating()), lr, beta1, **more)


COLOUR = {"size": 64, "channels": 3}
A1_IMAGES = COLOUR | {"value_range": (0.0, 1.0)}

TRAININGS = {
    "A1": Training(a1, A1_IMAGES, epochs=200, batch_size=64, grids=(100, 200), round=real_then_fake),
    "A2": Training(a2, A1_IMAGES, epochs=200, batch_size=64, grids=(100, 200), round=real_then_fake),
    "A3": Training(a3, A1_IMAGES, epochs=200, batch_size=64, grids=(100, 200), round=real_then_fake),
    # 2000 rounds and a grid every 250; the report has 2001, and one every 200
    "A4": Training(a4, {"size": 28}, epochs=16, batch_size=8, grids=tuple(range(2, 17, 2))),
    "A5": Training(a5, COLOUR, epochs=80, batch_size=64, grids=(20, 40, 60, 80)),
    "A6": Training(a6, COLOUR, epochs=80, batch_size=64, grids=(20, 40, 60, 80)),
    "B1": Training(b1, {"size": 32}, epochs=500, batch_size=256, grids=(500,)),
    "B2": Training(b2, {"size": 32}, 500, 256, (500,), seen=partial(NoisyImages, least=0.0, most=0.1)),
    "B3": Training(b3, {"size": 32}, epochs=1000, batch_size=256, grids=(1000,), seen=full_batches),
    "B4": Training(b4, {"size": 32}, epochs=500, batch_size=256, grids=(500,)),
}
