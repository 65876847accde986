"""Checks of notebook 4's exercises."""

import torch
from torch import Tensor

from gan_lab import lipschitz, losses
from gan_lab.lessons.exercises.answer import Claims, check, close, learns
from gan_lab.lessons.exercises.losses import losses_equal
from gan_lab.lessons.wrong_penalties import asked_at, deviations
from gan_lab.lipschitz import Penalty
from gan_lab.losses import Loss

WITH_A_GRAPH = "differentiate with create_graph=True, and leave detach and no_grad out"


@check
def check_gradient_penalty(answer: Penalty) -> Claims:
    """Is answer(score, real, fake) the penalty of Algorithm 1 of WGAN-GP, with weight 10?"""
    real, fake = torch.randn(2, 5, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    learns(answer(Curved(), real, fake), "the penalty", WITH_A_GRAPH)
    for sentence in deviations(answer):
        yield False, sentence
    theirs, ours = Curved(), Curved()
    value, x_hat = asked_at(answer, theirs, real, fake)
    right = 10 * (lipschitz.gradient_norms(ours, x_hat) - 1).square().mean()
    yield (
        same_gradient(value, theirs, right, ours),
        "its value is right, and its gradient in the critic's weights is another one: detach nothing",
    )


@check
def check_hinge(loss: Loss) -> Claims:
    """Is this the hinge loss, D's and G's?"""
    yield from losses_equal(loss, losses.Hinge())


class Curved(torch.nn.Module):
    """The score w sum sin(x), whose gradient is another one at every image."""

    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor(1.3))

    def forward(self, x: Tensor) -> Tensor:
        return self.w * x.flatten(1).sin().sum(1)


def same_gradient(value: Tensor, theirs: Curved, right: Tensor, ours: Curved) -> bool:
    """Whether two penalties have one gradient, each in the weight of its own critic."""
    found, true = (torch.autograd.grad(one, D.w)[0] for one, D in ((value, theirs), (right, ours)))
    return close(found, true)


@check
def check_r1(answer: Penalty, weight: float = 10.0) -> Claims:
    """Is answer(score, real, fake) the R1 penalty, weight / 2 times the mean of |gradient|² at the real images?"""
    for seed in range(2):
        real, fake = torch.randn(2, 5, 2, 3, 3, generator=torch.Generator().manual_seed(seed))
        theirs, ours = Curved(), Curved()
        value, right = answer(theirs, real, fake), lipschitz.r1(ours, real, fake, gamma=weight)
        found, truth = learns(value, "the penalty", WITH_A_GRAPH), right.item()
        at = "at the fake images" if close(found, lipschitz.r1(ours, fake, real, gamma=weight).item()) else ""
        about = f"{at}: it asks for gradients at the real images" if at else "weight / 2 times the mean of the squares"
        yield close(found, truth), f"for random images it is {found:.4g}, not {truth:.4g}: {about}"
        yield (
            same_gradient(value, theirs, right, ours),
            "its gradient in the critic's weights is another one: differentiate with create_graph=True",
        )
