"""The systems that are benchmarked: the course's game, and the same game as a textbook writes it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from bench import textbook_networks as textbook
from bench import textbook_steps as steps
from bench.textbook_networks import Players
from gan_lab.layers.gradient_norms import norms_by_layer
from gan_lab.lipschitz import Penalty, clip_weights, gradient_penalty
from gan_lab.losses import AuxiliaryClassifier, Loss, NonSaturating, Wasserstein
from gan_lab.networks import acgan28, acgan32, dcgan32, dcgan64, wgan64
from gan_lab.shipped import DIGITS
from gan_lab.training import Batches, Game, Images, Round, Rules, fakes, play_on, step_D, step_G

adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999), fused=True)
adam_gp = partial(torch.optim.Adam, lr=1e-4, betas=(0.0, 0.9), fused=True)
rmsprop = partial(torch.optim.RMSprop, lr=5e-5)


@dataclass(frozen=True)
class System:
    """One game. The textbook's step brings its own loss, optimisers and n_critic: the same, but for constants."""

    name: str
    course: Callable[[float], Players]  # width -> G, D
    textbook: Callable[[float], Players]
    textbook_step: Callable[..., Iterator[Any]]
    size: int
    channels: int
    loss: Loss
    optimizer: Callable[..., torch.optim.Optimizer] = adam
    rule: dict[str, Any] = field(default_factory=dict)  # what else the course's Game is told
    penalty: Callable[[nn.Module], Penalty] | None = None  # the penalty for the critic D
    batch: int = 64
    cpu_width: float = 1.0

    @property
    def n_critic(self) -> int:
        return int(self.rule.get("n_critic", 1))

    @property
    def images(self) -> int:
        """The real images that D sees in a round."""
        return self.batch * self.n_critic

    def width(self, device: torch.device) -> float:
        return 1.0 if device.type == "cuda" else self.cpu_width


def gan(network: ModuleType) -> Callable[[float], Players]:
    return lambda width: (network.Generator(width=width), network.Discriminator(width=width))


def wgan(norm: Callable[[int], nn.Module]) -> Callable[[float], Players]:
    return lambda width: (wgan64.Generator(width=width), wgan64.Critic(width=width, norm=norm))


GAN, AC, W = NonSaturating(), AuxiliaryClassifier(NonSaturating()), Wasserstein()
CLIPPED, CRITIC = {"project": clip_weights, "n_critic": 5}, {"n_critic": 5}
no_norm = partial(textbook.wgan64, norm=nn.Identity)


def penalty(D: nn.Module) -> Penalty:
    return partial(gradient_penalty, norms=norms_by_layer(D.layers))


SYSTEMS = (
    System("A1", gan(dcgan64), textbook.dcgan64, steps.gan, 64, 3, GAN, cpu_width=0.25),
    System("A4", gan(acgan28), textbook.acgan28, steps.acgan, 28, 1, AC, batch=8),
    System("A4", gan(acgan28), textbook.acgan28, steps.acgan, 28, 1, AC),
    System("A5", wgan(nn.BatchNorm2d), textbook.wgan64, steps.wgan, 64, 3, W, rmsprop, CLIPPED, cpu_width=0.25),
    System("A6", wgan(nn.Identity), no_norm, steps.wgan_gp, 64, 3, W, adam_gp, CRITIC, penalty, cpu_width=0.25),
    System("B1", gan(dcgan32), textbook.dcgan32, steps.gan, 32, 1, GAN),
    System("B3", gan(acgan32), textbook.acgan32, steps.acgan, 32, 1, AC),
)


class Loader:
    """The textbook's batches, with the seconds that it waited for them and the images that it took."""

    def __init__(self, system: System, workers: int = 0) -> None:
        self.batches = steps.folder_batches(
            DIGITS / "train", system.size, system.channels, system.batch, workers=workers
        )
        self.seconds, self.images = 0.0, 0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            start = time.perf_counter()
            x, y = next(self.batches)
            self.seconds += time.perf_counter() - start
            self.images += len(x)
            yield x, y


def textbook_rounds(system: System, loader: Loader, device: torch.device) -> Iterator[Any]:
    """The textbook's rounds without end, from the weights that the course's networks start with."""
    torch.manual_seed(0)
    G, D = system.textbook(system.width(device))
    for player, course in zip((G, D), system.course(system.width(device)), strict=True):
        textbook.take_over(player, course)
    return system.textbook_step(G.to(device), D.to(device), loader, device)


def same(player: nn.Module) -> nn.Module:
    return player


def play_rounds(
    system: System,
    images: Images,
    device: torch.device,
    change: Callable[[nn.Module], nn.Module] = same,
    precision: Any = "32-true",
    round: Rules | None = None,
    **rules: Any,
) -> Iterator[Any]:
    """The course's rounds without end; with both players changed, in another precision, by other rules of a round, and
    with other terms for Game."""
    torch.manual_seed(0)
    G, D = map(change, system.course(system.width(device)))
    opt_G, opt_D = (system.optimizer(player.parameters()) for player in (G, D))
    fabric = Fabric(accelerator=device.type, devices=1, precision=precision)
    penalty = system.penalty(D) if system.penalty else None
    rules = {"penalty": penalty, **system.rule, **rules}
    game = Game(G, D, system.loss, opt_G, opt_D, fabric=fabric, **rules)
    return play_on(game, images, batch_size=system.batch, round=round)


def reusing_fakes(game: Game, batches: Batches) -> Round:
    """The rules of most tutorials: G steps on the images that D has just seen, which saves a pass through G."""
    for step, (x, y) in enumerate(batches, start=1):
        with torch.set_grad_enabled(step == game.n_critic):
            x_fake = fakes(game, y)
        d_loss, penalty, real, fake = step_D(game, x, x_fake, y)
    return Round(d_loss, step_G(game, x_fake, y), penalty, real, fake, y)
