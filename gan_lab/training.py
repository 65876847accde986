"""The game and its rules: the same few lines train every GAN of this course.

    for epoch in range(epochs):
        for played in play(game, images, batch_size=64, epoch=epoch):
            ...                                       # your code: log it, draw it, stop

A `Game` is two players, two optimisers and a loss. `play` yields one `Round` per generator step to the loop that asked
for it; whatever a notebook wants to do in between, it does in the body of its own `for`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from gan_lab.lipschitz import Score
from gan_lab.losses import Loss, Verdict, score_of
from gan_lab.process import prepare

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Penalty = Callable[[Score, Tensor, Tensor], Tensor]


class Images(Protocol):
    """What is played with: an `ImageSet`, or anything else that gives a batch x (N, ...), y (N,) for an index (N,)."""

    @property
    def name(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    def __len__(self) -> int: ...
    def to(self, device: torch.device) -> "Images": ...
    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]: ...


def one_device() -> "Fabric":
    """The machine's GPU if it has one, otherwise its CPU, in 32-bit floats."""
    from lightning_fabric import Fabric  # slow to import, and only a game needs it

    return Fabric(accelerator="auto", devices=1)


@dataclass
class Game:
    """Two players who learn from each other.

    G: (z (N, Z), y (N,)) -> images (N, C, H, W), with an attribute `z_dim` = Z.
    D: (x, y) -> scores (N,) or a `Verdict`.
    penalty: (score function, real, fake) -> scalar, added to D's loss.
    project: changes D in place after each of its steps.
    n_critic: D's steps for one of G's.
    allow_batch_norm: accept a D with batch norm under a penalty, which is refused otherwise.
    reuse_fakes: G steps on the images that D has just seen, as tutorials have it, which saves a pass through G. False
        makes new ones for G's step, as Algorithm 1 of Goodfellow et al. 2014 has it.
    fabric: device, precision and processes (Lightning Fabric).
    Raises ValueError if n_critic < 1, G has no z_dim, or D has batch norm under a penalty.
    """

    G: nn.Module
    D: nn.Module
    loss: Loss
    opt_G: Optimizer
    opt_D: Optimizer
    penalty: Penalty | None = None
    project: Callable[[nn.Module], None] | None = None
    n_critic: int = 1
    allow_batch_norm: bool = False
    reuse_fakes: bool = False
    fabric: "Fabric" = field(default_factory=one_device)

    def __post_init__(self) -> None:
        prepare()
        if self.n_critic < 1:
            raise ValueError(f"n_critic counts D's steps for each of G's: at least 1, not {self.n_critic}")
        if not hasattr(self.G, "z_dim"):
            raise ValueError(f"{type(self.G).__name__} has no z_dim: give it the length of its noise, z_dim = 100")
        if self.penalty and not self.allow_batch_norm:
            refuse_batch_norm(self.D)
        self.G, self.opt_G = self.fabric.setup(self.G, self.opt_G)
        self.D, self.opt_D = self.fabric.setup(self.D, self.opt_D)
        for part in [*self.G.modules(), *self.D.modules()]:
            if isinstance(part, DistributedDataParallel):
                part.broadcast_buffers = False  # else D's second batch overwrites what the first one's gradient needs

    @property
    def z_dim(self) -> int:
        """The length of G's noise vector."""
        return int(self.G.z_dim)  # type: ignore[arg-type]

    @property
    def parts(self) -> dict[str, nn.Module | Optimizer]:
        """All that has a state, by name: what a checkpoint holds."""
        return {"G": self.G, "D": self.D, "opt_G": self.opt_G, "opt_D": self.opt_D}


class Round(NamedTuple):
    """One step of G and the steps of D before it. Tensors on the game's device, detached; `real` and `fake` are what D
    said of the last batch, before its step, and `y` the labels of both."""

    d_loss: Tensor  # without the penalty
    g_loss: Tensor
    penalty: Tensor
    real: Tensor | Verdict
    fake: Tensor | Verdict
    y: Tensor

    @property
    def acc_real(self) -> Tensor:
        """Share of the real images that D called real (score > 0, that is sigmoid(score) > 1/2)."""
        return (score_of(self.real) > 0).float().mean()

    @property
    def acc_fake(self) -> Tensor:
        """Share of the fake images that D called fake (score < 0)."""
        return (score_of(self.fake) < 0).float().mean()


def refuse_batch_norm(D: nn.Module) -> None:
    """Raises ValueError, naming the layer, if D has batch norm: under a penalty its scores must not be tied together.

    Source: Gulrajani et al. 2017, section 4, "No critic batch normalization".
    """
    for name, layer in D.named_modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm):
            raise ValueError(
                f"D has batch norm ({name}, a {type(layer).__name__}) under a penalty. The penalty is on D's gradient "
                "at each image by itself, and batch norm makes a score depend on all images of the batch. Build D with "
                "layer norm (gan_lab.networks.wgan64.layer_norm) or without norm (nn.Identity), or insist: "
                "Game(..., allow_batch_norm=True)"
            )


def play(game: Game, images: Images, *, batch_size: int, epoch: int = 0, seed: int = 0) -> Iterator[Round]:
    """Play one epoch and yield each round.

    A round takes n_critic fresh batches for D, then one step of G. The images come in an order that is a pure function
    of (seed, epoch), each at most once; the few that do not fill a round are other ones in every epoch. The random
    numbers of the epoch start from (seed, epoch, rank), so it can be repeated bit for bit on the same machine.
    Raises ValueError if there are fewer images than one round needs, or batch_size < 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size counts images: at least 1, not {batch_size}")
    world = game.fabric.world_size
    need = batch_size * game.n_critic * world
    rounds = len(images) // need
    if rounds == 0:
        raise ValueError(
            f"a round needs {need} images (batch_size {batch_size} x n_critic {game.n_critic} x {world} processes), "
            f"but {images.name} has {len(images)}: choose a smaller batch_size or add images"
        )
    order = np.random.default_rng([seed, epoch]).permutation(len(images))[: rounds * need]
    mine = torch.from_numpy(order).view(rounds, game.n_critic, world, batch_size)[:, :, game.fabric.global_rank]
    torch.manual_seed(np.random.SeedSequence([seed, epoch, game.fabric.global_rank]).generate_state(1).item())
    return _rounds(game, images.to(game.fabric.device), mine.to(game.fabric.device))


def _rounds(game: Game, images: Images, order: Tensor) -> Iterator[Round]:
    K = len(images.classes)
    for batches in order:  # (n_critic, batch_size)
        game.G.train()
        game.D.train()
        drawn = (images.batch(index) for index in batches)
        yield one_round(game, drawn, K)


def one_round(game: Game, batches: Iterable[tuple[Tensor, Tensor]], K: int) -> Round:
    """A step of D on each of the batches (x, y), then one of G. K: the classes there are."""
    for step, (x, y) in enumerate(batches, start=1):
        with torch.set_grad_enabled(game.reuse_fakes and step == game.n_critic):
            x_fake = same_shape(game.G(noise(game, len(x)), y), x)
        d_loss, penalty, real, fake = step_D(game, x, x_fake.detach(), y, K)
    if not game.reuse_fakes:
        x_fake = game.G(noise(game, len(y)), y)
    return Round(d_loss, step_G(game, x_fake, y), penalty, real, fake, y)


def step_D(
    game: Game, x: Tensor, x_fake: Tensor, y: Tensor, K: int
) -> tuple[Tensor, Tensor, Tensor | Verdict, Tensor | Verdict]:
    """D descends on d_loss + penalty, with G fixed; then the projection, if there is one. K: the classes there are."""
    real, fake = one_score_each(game.D(x, y), x, K), one_score_each(game.D(x_fake, y), x, K)
    d_loss = game.loss.d_loss(real, fake, y)
    penalty = game.penalty(score_function(game, y), x, x_fake) if game.penalty else torch.zeros_like(d_loss)
    game.opt_D.zero_grad()
    game.fabric.backward(d_loss + penalty)
    game.opt_D.step()
    if game.project:
        game.project(game.D)
    return d_loss.detach(), penalty.detach(), detached(real), detached(fake)


def step_G(game: Game, x_fake: Tensor, y: Tensor) -> Tensor:
    """G, who made x_fake, descends on g_loss, with D fixed: no gradient is computed for D's parameters."""
    game.D.requires_grad_(False)
    try:
        with game.fabric.autocast():
            fake = bare(game.D)(x_fake, y)
        g_loss = game.loss.g_loss(in_float32(fake), y)
        game.opt_G.zero_grad()
        game.fabric.backward(g_loss)
        game.opt_G.step()
    finally:
        game.D.requires_grad_(True)
    return g_loss.detach()


@torch.no_grad()
def sample(game: Game, z: Tensor, y: Tensor | None = None) -> Tensor:
    """G's images for the noise z (N, Z) and the labels y (N,), in evaluation mode; the mode is restored.

    Returns float32 (N, C, H, W) on the game's device.
    """
    training = game.G.training
    game.G.eval()
    with game.fabric.autocast():
        x: Tensor = bare(game.G)(z.to(game.fabric.device), None if y is None else y.to(game.fabric.device))
    game.G.train(training)
    return x.float()


def bare(player: nn.Module) -> nn.Module:
    """A player without Fabric's wrapper, through which second derivatives fail in mixed precision, and which expects
    that a forward pass in training mode is followed by a backward pass for its own weights."""
    module: nn.Module = player.module  # type: ignore[assignment]
    return module


def noise(game: Game, n: int) -> Tensor:
    """z ~ N(0, I), (n, Z), on the game's device."""
    return torch.randn(n, game.z_dim, device=game.fabric.device)


def score_function(game: Game, y: Tensor) -> Score:
    """x -> D's score (N,), for penalties that differentiate it."""

    def score(x: Tensor) -> Tensor:
        with game.fabric.autocast():
            return score_of(bare(game.D)(x, y)).float()

    return score


def same_shape(x_fake: Tensor, x: Tensor) -> Tensor:
    """`x_fake`, if it has the shape of the real images x."""
    if x_fake.shape != x.shape:
        made, real = tuple(x_fake.shape[1:]), tuple(x.shape[1:])
        raise ValueError(
            f"G makes images of shape {made}, the real ones have {real}: load them in G's size and channels"
        )
    return x_fake


def one_score_each(verdict: Tensor | Verdict, x: Tensor, K: int) -> Tensor | Verdict:
    """`verdict`, if it has one score per image of x, and one logit for each of the K classes if it names classes.

    (N, 1) against (N,) would broadcast to (N, N) without a word."""
    shape = tuple(score_of(verdict).shape)
    if shape != (len(x),):
        raise ValueError(f"D must return one score per image, shape ({len(x)},), not {shape}: end it with .squeeze(1)")
    if isinstance(verdict, Verdict) and verdict.classes.shape != (len(x), K):
        raise ValueError(
            f"D's logits have shape {tuple(verdict.classes.shape)}, but the images have {K} classes: one logit each "
            f"makes ({len(x)}, {K}); build D with classes=len(images.classes)"
        )
    return verdict


def in_float32(verdict: Tensor | Verdict) -> Tensor | Verdict:
    """The same values for the loss, whatever precision the networks work in."""
    return Verdict(verdict.score.float(), verdict.classes.float()) if isinstance(verdict, Verdict) else verdict.float()


def detached(verdict: Tensor | Verdict) -> Tensor | Verdict:
    """The same values, free of the graph."""
    if isinstance(verdict, Verdict):
        return Verdict(verdict.score.detach(), verdict.classes.detach())
    return verdict.detach()
