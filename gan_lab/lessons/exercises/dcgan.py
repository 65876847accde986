"""Checks of notebook 1's exercises: a round of the game, and a loss."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gan_lab.lessons.exercises.answer import Claims, check, close
from gan_lab.lessons.exercises.losses import losses_equal
from gan_lab.losses import Loss, NonSaturating
from gan_lab.training import Batches, Game, bare, one_round


class LeastSquares:
    """E[(D(x) - 1)^2] / 2 + E[D(G(z))^2] / 2 and E[(D(G(z)) - 1)^2] / 2 (Mao et al. 2017, with a = 0, b = c = 1)."""

    def d_loss(self, real: Tensor, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return (real - 1).square().mean() / 2 + fake.square().mean() / 2

    def g_loss(self, fake: Tensor, y: Tensor | None = None) -> Tensor:
        return (fake - 1).square().mean() / 2


@check
def check_least_squares(loss: Loss) -> Claims:
    """Is this the loss of a least-squares GAN, D's and G's?"""
    yield from losses_equal(loss, LeastSquares())


class Generator(nn.Module):
    """G(z, y) = tanh(w + y / 2), an image of one pixel, whatever z is: no random number matters, and the label does.

    asked: every noise that it was given.
    """

    z_dim = 512

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.3))
        self.asked: list[Tensor] = []

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        self.asked.append(z.detach().clone())
        return (self.w + y / 2).tanh().view(len(z), 1, 1, 1)


class Discriminator(nn.Module):
    """The score D(x, y) = a x - (1 + y) x^2."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(-0.4))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        x = x.flatten()
        return self.a * x - (1 + y) * x.square()


def small_game() -> Game:
    """Two players with one weight each, momentum, which shows a step too many, and a loss with targets of its own."""
    from lightning_fabric import Fabric

    G, D = Generator(), Discriminator()
    opt_G, opt_D = (torch.optim.SGD(player.parameters(), lr=0.2, momentum=0.5) for player in (G, D))
    return Game(
        G, D, NonSaturating(0.9, 0.1, generator_target=0.8), opt_G, opt_D, fabric=Fabric(accelerator="cpu", devices=1)
    )


STEPS = {
    "D": "zero_grad, backward and step of opt_D for each batch, on its real images and on new fake ones, with G fixed",
    "G": "at the end zero_grad, backward and step of opt_G, on new fake images",
}


@check
def check_round(answer: Callable[[Game, Batches], Any]) -> Claims:
    """Does answer(game, batches) play a round: a step of D on each batch, then one of G?"""
    ours, theirs = small_game(), small_game()
    x, y = torch.linspace(-0.5, 1, 6).view(6, 1, 1, 1), torch.tensor([0, 1, 0, 1, 1, 0])
    for n, batches in enumerate(([(x, y)], [(x, y)], [(x, y), (x / 2, y)]), start=1):
        one_round(ours, batches)
        asked: list[Tensor] = bare(theirs.G).asked  # type: ignore[assignment]
        asked.clear()
        answer(theirs, iter(batches))
        for player in ("D", "G"):
            right, found = (next(getattr(game, player).parameters()).item() for game in (ours, theirs))
            told = f"after round {n}, of {len(batches)} batch(es), {player}'s weight is {found:.4f}, not {right:.4f}"
            yield close(found, right, 1e-5), f"{told}: {STEPS[player]}"
        noises = sum(not any(torch.equal(z, before) for before in asked[:i]) for i, z in enumerate(asked))
        told = f"in round {n}, of {len(batches)} batch(es), G draws from {noises} noise(s)"
        yield noises > len(batches), f"{told}: new noise for each step of D, and again for G's"
        z = torch.cat(asked)
        told = f"the noise has mean {z.mean():.2f} and standard deviation {z.std():.2f}, not 0 and 1"
        yield abs(z.mean()) < 0.1 and abs(z.std() - 1) < 0.1, f"{told}: draw it with torch.randn"
