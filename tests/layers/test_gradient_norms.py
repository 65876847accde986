"""Gradient norms layer by layer against those of autograd: one function, one gradient in the weights."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gan_lab import layers
from gan_lab.layers.gradient_norms import norms_by_layer
from gan_lab.lipschitz import gradient_norms, gradient_penalty
from gan_lab.networks import dcgan32, mlp, wgan64

CRITICS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "report A's": (lambda: wgan64.Critic(channels=2, width=0.05, norm=nn.Identity), (2, 64, 64)),
    "report B's": (lambda: dcgan32.Discriminator(width=0.1), (1, 32, 32)),
    "of the plane": (lambda: mlp.Critic(width=0.05), (2,)),
}


@pytest.mark.parametrize("name", CRITICS)
def test_the_penalty_and_its_gradient_in_the_weights_are_those_of_the_double_backward(name: str) -> None:
    build, shape = CRITICS[name]
    torch.manual_seed(0)
    D = build().double()
    real, fake = torch.randn(2, 6, *shape, dtype=torch.float64)
    weights = [w for w in D.parameters() if w.dim() > 1]
    found = []
    for of in (gradient_norms, norms_by_layer(D.layers)):
        torch.manual_seed(1)  # the same points, and the same units dropped
        penalty = gradient_penalty(D, real, fake, norms=of)
        found.append((penalty, *torch.autograd.grad(penalty, weights)))
    for theirs, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)
        assert ours.abs().max() > 0


class Scaled(nn.Linear):
    """A linear layer whose weight counts double: the way back through nn.Linear would forget it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, 2 * self.weight, self.bias)


def sizes() -> list[tuple[int, int, int, int]]:
    return [
        (kernel, stride, dilation, n)
        for kernel in (1, 3, 4)
        for stride in (1, 2, 3)
        for dilation in (1, 2)
        for n in (8, 9)
    ]


@pytest.mark.parametrize(("kernel", "stride", "dilation", "size"), sizes())
def test_a_convolution_of_any_kind(kernel: int, stride: int, dilation: int, size: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 2, size, size + 1, dtype=torch.float64)
    conv = nn.Conv2d(2, 4, kernel, stride, padding=1, dilation=dilation, groups=2).double()
    features = conv(x)[0].numel()
    D = nn.Sequential(conv, nn.ReLU(), nn.Flatten(), nn.Linear(features, 1).double(), nn.Flatten(0))
    torch.testing.assert_close(norms_by_layer(D)(D, x), gradient_norms(D, x))


def test_the_slope_of_a_linear_critic_is_the_norm_of_its_weight() -> None:
    linear = nn.Linear(5, 1)
    found = norms_by_layer([linear, nn.Flatten(0)])(linear, torch.randn(7, 5))
    assert found.tolist() == pytest.approx([linear.weight.norm().item()] * 7)


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm2d(4),
        nn.Tanh(),
        nn.Conv2d(1, 1, 3, padding_mode="circular"),
        layers.resize_conv(1, 4),
        Scaled(4, 4),
        nn.utils.spectral_norm(nn.Linear(4, 4)),  # a hook sets its weight, as a tensor without a graph
    ],
)
def test_another_layer_is_refused_by_name(layer: nn.Module) -> None:
    with pytest.raises(ValueError, match=rf"through {type(layer).__name__}\(.*lipschitz.gradient_norms"):
        norms_by_layer([nn.Linear(2, 4), layer])
