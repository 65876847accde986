"""What the recipes have in common: batches, binary cross-entropy, and how samples are drawn."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from gan_lab.data.images import ImageSet
from gan_lab.layers.fresh_statistics import fresh_statistics

Sample = Callable[[Tensor], Tensor]  # z (N, z_dim) -> images (N, 1, H, W), near [-1, 1]


class Training(NamedTuple):
    """Two players, and rounds without end: each `next(rounds)` is one step of both."""

    G: nn.Module
    D: nn.Module
    z_dim: int
    rounds: Iterator[object]
    sample: Sample  # with what the recipe draws with: G, or an average of it


def batches(images: ImageSet, size: int, *, drop_last: bool) -> Iterator[Tensor]:
    """Real images x (size, 1, H, W) in [-1, 1], without end, in a new order in every epoch.

    The last batch of an epoch is smaller, or left out. They lie in memory, as in the course: reading files would cost
    a recipe time, and is not what it is compared for.
    """
    size = min(size, len(images))
    while True:
        for index in torch.split(torch.randperm(len(images)), size):
            if len(index) == size or not drop_last:
                yield images.batch(index)[0]


def bce(score: Tensor, target: float) -> Tensor:
    """Binary cross-entropy of sigmoid(score); some recipes have the sigmoid in D, which is the same function."""
    return F.binary_cross_entropy_with_logits(score, torch.full_like(score, target))


def step(optimizer: Optimizer, loss: Tensor) -> None:
    """One step down."""
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()


def step_together(
    players: tuple[nn.Module, nn.Module], optimizers: tuple[Optimizer, Optimizer], *losses: Tensor
) -> None:
    """A step of both players by the gradients at one and the same point, as in Keras' `train_step`."""
    weights = [[w for w in player.parameters() if w.requires_grad] for player in players]
    gradients = [torch.autograd.grad(loss, own, retain_graph=True) for loss, own in zip(losses, weights, strict=True)]
    for own, found, optimizer in zip(weights, gradients, optimizers, strict=True):
        for weight, gradient in zip(own, found, strict=True):
            weight.grad = gradient
        optimizer.step()


def on_the_same_fakes(
    images: ImageSet,
    seed: int,
    players: Callable[[], tuple[nn.Module, nn.Module]],
    steps: Callable[..., None],
    *,
    z_dim: int,
    batch: int,
) -> Training:
    """Both players step on one batch of fakes, by Adam with 2e-4 and beta1 0.5; samples are drawn in training mode.

    steps: (G, D, opt_G, opt_D, real images, fake images), in the recipe's order.
    """
    torch.manual_seed(seed)
    G, D = players()
    opt_G, opt_D = (Adam(player.parameters(), lr=2e-4, betas=(0.5, 0.999)) for player in (G, D))

    def rounds() -> Iterator[None]:
        for x in batches(images, batch, drop_last=False):
            steps(G, D, opt_G, opt_D, x, G(torch.randn(len(x), z_dim)))
            yield

    return Training(G, D, z_dim, rounds(), in_training_mode(G))


def in_training_mode(G: nn.Module, batch: int = 64) -> Sample:
    """Batch norm takes the statistics of the batch that is drawn, as in recipes that never say `eval`."""

    @torch.no_grad()
    def sample(z: Tensor) -> Tensor:
        return torch.cat([G(part) for part in torch.split(z, batch)])

    return sample


def in_evaluation_mode(G: nn.Module, z_dim: int, *, average: bool = False) -> Sample:
    """Batch norm takes its running statistics. Where they are young, or G is an average, they are estimated anew, as
    `sample` of the course does: the recipe's own would be grey for many rounds, which it would be unkind to measure."""

    @torch.no_grad()
    def sample(z: Tensor) -> Tensor:
        training = G.training
        G.eval()
        with fresh_statistics(G, z_dim, 1, always=average):
            x: Tensor = G(z)
        G.train(training)
        return x

    return sample


def dcgan_start(layer: nn.Module) -> None:
    """Weights from N(0, 0.02), scales of batch norm from N(1, 0.02): for `player.apply`. Linear layers stay."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
        nn.init.zeros_(layer.bias)


def keras_start(layer: nn.Module) -> None:
    """Keras' start, Glorot's: for `player.apply`. Kernels have their channels last in memory, as in TensorFlow."""
    if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    layer.to(memory_format=torch.channels_last)
