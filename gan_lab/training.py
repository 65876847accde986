"""The game and its rules: the same few lines train every GAN of this course.

    for epoch in range(epochs):
        for played in play(game, images, batch_size=64, epoch=epoch):
            ...                                       # your code: log it, draw it, stop

A `Game` is two players, two optimisers and a loss. `play` yields one `Round` after another to the loop that asked for
it; whatever a notebook wants to do in between, it does in the body of its own `for`. What happens in a round is written
down in `one_round`, in two steps; a paper with other rules is another function in its place.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from gan_lab.layers.fresh_statistics import fresh_statistics
from gan_lab.lipschitz import Penalty, Score, refuse_batch_norm
from gan_lab.losses import AuxiliaryClassifier, Loss, Verdict, score_of
from gan_lab.players import asked, z_dim_of
from gan_lab.process import prepare

if TYPE_CHECKING:
    from lightning_fabric import Fabric


PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
RULES = ("loss", "penalty", "project")
OWN = ("G", "D", "opt_G", "opt_D", "average", *RULES, "precision", "round", "n_critic", "batch_size", "seed", "images")


def one_device() -> "Fabric":
    """The machine's GPU if it has one, otherwise its CPU, in 32-bit floats."""
    from lightning_fabric import Fabric  # slow to import, and only a game needs it

    return Fabric(accelerator="auto", devices=1)


@dataclass
class Game:
    """Two players who learn from each other.

    G: (z (N, Z), y (N,)) -> images (N, C, H, W), with an attribute `z_dim` = Z.
    D: (x, y) -> scores (N,) or a `Verdict`. Either player may take its first argument alone, as nn.Sequential does.
    loss: what both minimise, see `Loss`.
    penalty: (score function, real, fake) -> scalar, added to D's loss.
    project: changes D in place after each of its steps.
    n_critic: D's steps for one of G's.
    average: a running average of G's weights, average_of(G) of `gan_lab.average`, or any AveragedModel of
        torch.optim.swa_utils. Each step of G updates it, and `sample` draws with it.
    also: what else has a `state_dict` and belongs in a checkpoint, by names of its own: {"schedule": schedule}.
    allow_batch_norm: accept a D with batch norm under a penalty, which is refused otherwise.
    fabric: device, precision and processes (Lightning Fabric). Weights are kept in 32 bits: "32-true", "bf16-mixed" or
        "16-mixed".
    Raises ValueError if n_critic < 1, G has no z_dim, D has batch norm under a penalty, the precision is another, or
    `also` has a name that the game has itself, such as "G".
    """

    G: nn.Module
    D: nn.Module
    loss: Loss
    opt_G: Optimizer
    opt_D: Optimizer
    penalty: Penalty | None = None
    project: Callable[[nn.Module], None] | None = None
    n_critic: int = 1
    average: AveragedModel | None = None
    also: Mapping[str, Any] = field(default_factory=dict)
    allow_batch_norm: bool = False
    fabric: "Fabric" = field(default_factory=one_device)
    K: int | None = field(default=None, init=False)  # the classes of the images; None until a round is played with them
    terms: "Terms | None" = field(default=None, init=False, repr=False)  # of the epoch that is played

    def __post_init__(self) -> None:
        if self.n_critic < 1:
            raise ValueError(f"n_critic counts D's steps for each of G's: at least 1, not {self.n_critic}")
        if not hasattr(self.G, "z_dim"):
            raise ValueError(f"{type(self.G).__name__} has no z_dim: give it the length of its noise, G.z_dim = 100")
        if taken := sorted(self.also.keys() & {*OWN}):
            raise ValueError(f"a game has a {taken[0]} of its own: give what is in `also` another name")
        if self.penalty and not self.allow_batch_norm:
            refuse_batch_norm(self.D)
        if (precision := self.fabric.strategy.precision.precision) not in PRECISIONS:
            raise ValueError(
                f"a game is played in one of {', '.join(PRECISIONS)}, where weights have 32 bits, not {precision}"
            )
        self.G, self.opt_G = self.fabric.setup(self.G, self.opt_G)
        self.D, self.opt_D = self.fabric.setup(self.D, self.opt_D)
        if self.average:
            self.average.to(self.fabric.device)
        for part in [*self.G.modules(), *self.D.modules()]:
            if isinstance(part, DistributedDataParallel):
                part.broadcast_buffers = False  # else D's second batch overwrites what the first one's gradient needs

    @property
    def z_dim(self) -> int:
        """The length of G's noise vector."""
        return z_dim_of(self.G)

    @property
    def parts(self) -> dict[str, Any]:
        """All that has a state, by name: what a checkpoint holds."""
        rules = {name: innermost(getattr(self, name)) for name in RULES}
        more = {"average": self.average, **rules}
        stateful = {name: part for name, part in more.items() if hasattr(part, "state_dict")}
        precision = self.fabric.strategy.precision
        if precision.state_dict():  # of 16-mixed: by what the losses are scaled
            stateful["precision"] = precision
        return {"G": self.G, "D": self.D, "opt_G": self.opt_G, "opt_D": self.opt_D, **stateful, **self.also}


class Round(NamedTuple):
    """One step of G and the steps of D before it. Tensors on the game's device, detached."""

    d_loss: Tensor  # of D's last step, without the penalty
    g_loss: Tensor
    penalty: Tensor
    real: Tensor | Verdict  # D's scores of the last batch of real images, before that step
    fake: Tensor | Verdict  # and of the fake images beside them
    y: Tensor  # the labels of both


class Terms(NamedTuple):
    """How `play` was told to play an epoch."""

    batch_size: int
    seed: int
    round: "Rules"
    epoch: int


Batches = Iterable[tuple[Tensor, Tensor]]  # n_critic times real images x (N, C, H, W) and labels y (N,)
Rules = Callable[[Game, Batches], Round]


def play(
    game: Game, images: "Images", *, batch_size: int, epoch: int = 0, seed: int = 0, round: Rules | None = None
) -> Iterator[Round]:
    """Play one epoch and yield each round.

    The images come in an order that is a pure function of (seed, epoch), each at most once; the few that do not fill a
    round are other ones in every epoch. The random numbers of the epoch start from (seed, epoch, rank), so it can be
    repeated bit for bit on the same machine's CPU.
    round: the rules of a round, (game, batches) -> Round, by default `one_round`.
    Raises ValueError if there are fewer images than one round needs, or batch_size < 1.
    """
    prepare()
    order = shuffled(game, images, batch_size, epoch, seed)  # (rounds, n_critic, batch_size)
    game.K, game.terms = len(images.classes), Terms(batch_size, seed, round or one_round, epoch)
    torch.manual_seed(np.random.SeedSequence([seed, epoch, game.fabric.global_rank]).generate_state(1).item())
    return _rounds(game, images.to(game.fabric.device), order.to(game.fabric.device), round or one_round)


def play_on(
    game: Game, images: "Images", *, batch_size: int, seed: int = 0, round: Rules | None = None
) -> Iterator[Round]:
    """Epoch after epoch, without end, for a loop that counts rounds. Arguments and errors are those of `play`."""
    for epoch in count():
        yield from play(game, images, batch_size=batch_size, epoch=epoch, seed=seed, round=round)


def _rounds(game: Game, images: "Images", order: Tensor, rules: Rules) -> Iterator[Round]:
    for batches in order:
        game.G.train()
        game.D.train()
        yield rules(game, (images.batch(index) for index in batches))


def one_round(game: Game, batches: Batches) -> Round:
    """A step of D on each batch, with new fakes for each; then a step of G, with new fakes again.

    Source: Algorithm 1 of Goodfellow et al. 2014, with n_critic for the paper's k.
    """
    for x, y in batches:
        with torch.no_grad():
            x_fake = fakes(game, y)
        d_loss, penalty, real, fake = step_D(game, x, x_fake, y)
    g_loss = step_G(game, fakes(game, y), y)
    return Round(d_loss, g_loss, penalty, real, fake, y)


def relativistic_round(game: Game, batches: Batches) -> Round:
    """`one_round`, but G's step is given the last real images too: its loss compares D's scores of both, in pairs.

    For play(..., round=relativistic_round) with the loss `Relativistic`. Source: Huang et al. 2024.
    """
    for x, y in batches:
        with torch.no_grad():
            x_fake = fakes(game, y)
        d_loss, penalty, real, fake = step_D(game, x, x_fake, y)
    g_loss = step_G(game, fakes(game, y), y, x)
    return Round(d_loss, g_loss, penalty, real, fake, y)


def fakes(game: Game, y: Tensor) -> Tensor:
    """G's images for fresh noise and the labels y (N,): (N, C, H, W), in G's training mode."""
    x_fake: Tensor = asked(game.G, noise(game, len(y)), y)
    return x_fake


def noise(game: Game, n: int) -> Tensor:
    """z ~ N(0, I), (n, Z), on the game's device."""
    return torch.randn(n, game.z_dim, device=game.fabric.device)


def step_D(
    game: Game, x: Tensor, x_fake: Tensor, y: Tensor
) -> tuple[Tensor, Tensor, Tensor | Verdict, Tensor | Verdict]:
    """D descends on d_loss + penalty, with G fixed; then the projection, if there is one.

    x, x_fake: real and fake images (N, C, H, W), the labels of both y (N,). Returns d_loss, the penalty, and what D
    returned for real and for fake images before the step, all detached.
    """
    x_fake = same_shape(x_fake.detach(), x)
    real, fake = one_score_each(asked(game.D, x, y), x, game.K), one_score_each(asked(game.D, x_fake, y), x, game.K)
    d_loss = game.loss.d_loss(real, fake, y)
    penalty = game.penalty(score_function(game, y), x, x_fake) if game.penalty else torch.zeros_like(d_loss)
    game.opt_D.zero_grad()
    game.fabric.backward(d_loss + penalty)
    game.opt_D.step()
    if game.project:
        game.project(game.D)
    return d_loss.detach(), penalty.detach(), detached(real), detached(fake)


def step_G(game: Game, x_fake: Tensor, y: Tensor, x: Tensor | None = None) -> Tensor:
    """G, who made x_fake for the labels y (N,), descends on g_loss, with D fixed. Returns g_loss, detached.

    x: real images (N, C, H, W), for a loss of G that compares with them: it then gets D's scores of them too, as
    loss.g_loss(fake, y, real).
    """
    with fixed(game.D):
        fake = verdict(game, x_fake, y)
        real = () if x is None else (verdict(game, x, y),)
        g_loss = game.loss.g_loss(fake, y, *real)
        game.opt_G.zero_grad()
        game.fabric.backward(g_loss)
        game.opt_G.step()
    if game.average:
        game.average.update_parameters(bare(game.G))
    return g_loss.detach()


@torch.no_grad()
def sample(game: Game, z: Tensor, y: Tensor | None = None) -> Tensor:
    """G's images for the noise z (N, Z) and the labels y (N,), in evaluation mode; if the game has one, of the average.

    In evaluation mode batch norm uses its running averages. While these are young, or where the weights are an average
    that has never seen a batch, they are not yet those of G's images, and the samples would be grey: then they are
    estimated anew from fresh noise, see `fresh_statistics`. Nothing changes in the game.
    Returns float32 (N, C, H, W) on the game's device.
    """
    device = game.fabric.device
    z, y = z.to(device), None if y is None else y.to(device)
    with game.fabric.autocast(), as_it_draws(game) as G:
        x: Tensor = asked(G, z, y)
    return x.float()


def generator_of(game: Game) -> nn.Module:
    """G as `sample` draws with it, to keep: a copy in evaluation mode, in 32-bit floats, that needs no game.

    Its batch norms hold the statistics that `sample` would use. (z (N, Z), y (N,)) -> images (N, C, H, W); has `z_dim`.
    """
    with game.fabric.autocast(), as_it_draws(game) as G:
        return copy.deepcopy(G).float().requires_grad_(False)


@contextmanager
def as_it_draws(game: Game) -> Iterator[nn.Module]:
    """In here the game's G, or the average of it, is in evaluation mode, with the statistics of its own images."""
    G = game.average.module if game.average else bare(game.G)
    training = G.training
    G.eval()
    try:
        with fresh_statistics(G, game.z_dim, game.K or 1, always=game.average is not None):
            yield G
    finally:
        G.train(training)


# What the steps above are made of


class Images(Protocol):
    """What is played with: an `ImageSet`, or anything else that gives a batch x (N, ...), y (N,) for an index (N,)."""

    @property
    def name(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    def __len__(self) -> int: ...
    def to(self, device: torch.device) -> "Images": ...
    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]: ...


def innermost(rule: Any) -> Any:
    """What is inside a partial and an `AuxiliaryClassifier`, unless these have a state of their own."""
    while isinstance(rule, partial | AuxiliaryClassifier) and not hasattr(rule, "state_dict"):
        rule = rule.func if isinstance(rule, partial) else rule.source
    return rule


def bare(player: nn.Module) -> nn.Module:
    """A player without Fabric's wrapper, through which second derivatives fail in mixed precision, and which expects
    that a forward pass in training mode is followed by a backward pass for its own weights."""
    module: nn.Module = player.module  # type: ignore[assignment]
    return module


def verdict(game: Game, x: Tensor, y: Tensor) -> Tensor | Verdict:
    """What D returns for the images x with labels y, in float32 whatever precision D works in; not for d_loss."""
    with game.fabric.autocast():
        found = asked(bare(game.D), x, y)
    return Verdict(found.score.float(), found.classes.float()) if isinstance(found, Verdict) else found.float()


def score_function(game: Game, y: Tensor) -> Score:
    """x -> D's score (N,), for penalties that differentiate it."""
    return lambda x: score_of(verdict(game, x, y))


@contextmanager
def fixed(player: nn.Module) -> Iterator[None]:
    """In here no gradient is computed for the player's parameters."""
    learning = [weight for weight in player.parameters() if weight.requires_grad]
    for weight in learning:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in learning:
            weight.requires_grad_(True)


def detached(found: Tensor | Verdict) -> Tensor | Verdict:
    """The same values, free of the graph."""
    return Verdict(*(part.detach() for part in found)) if isinstance(found, Verdict) else found.detach()


def shuffled(game: Game, images: Images, batch_size: int, epoch: int, seed: int) -> Tensor:
    """Which images come in which round of an epoch: (rounds, n_critic, batch_size), those of this process."""
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
    return torch.from_numpy(order).view(rounds, game.n_critic, world, batch_size)[:, :, game.fabric.global_rank]


def same_shape(x_fake: Tensor, x: Tensor) -> Tensor:
    """`x_fake`, if it has the shape of the real images x."""
    if x_fake.shape != x.shape:
        made, real = tuple(x_fake.shape[1:]), tuple(x.shape[1:])
        raise ValueError(
            f"G makes images of shape {made}, the real ones have {real}: load them in G's size and channels"
        )
    return x_fake


def one_score_each(found: Tensor | Verdict, x: Tensor, K: int | None) -> Tensor | Verdict:
    """`found`, if it has one score per image of x, and one logit for each of the K classes if it names classes.

    (N, 1) against (N,) would broadcast to (N, N) without a word."""
    shape = tuple(score_of(found).shape)
    if shape != (len(x),):
        raise ValueError(f"D must return one score per image, shape ({len(x)},), not {shape}: end it with Flatten(0)")
    if isinstance(found, Verdict) and K and found.classes.shape != (len(x), K):
        raise ValueError(
            f"D's logits have shape {tuple(found.classes.shape)}, but the images have {K} classes: one logit each "
            f"makes ({len(x)}, {K}); build D with classes=len(images.classes)"
        )
    return found
