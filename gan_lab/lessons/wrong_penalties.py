"""A gallery of errors: gradient penalties that are not Algorithm 1, though they are taught as if they were.

    Algorithm 1:  x_hat = t x + (1 - t) G(z),  one t ~ U[0, 1] for each image
                  penalty = weight * mean( (|grad score(x_hat)| - 1)^2 ),  one norm for each image

Each error stands alone, in a few lines that work in place of `gan_lab.lipschitz.gradient_penalty`, and none of them
raises an error. `deviations` finds them, in any penalty; `tie` finds the one that is in the critic.
"""

import copy

import torch
from torch import Tensor, nn

from gan_lab.lipschitz import Penalty, Score, gradient_norms
from gan_lab.measure.random_numbers import seeded


def normal_t(score: Score, real: Tensor, fake: Tensor, weight: float = 10.0) -> Tensor:
    """t ~ N(0, 1): most points lie beyond the fake or the real image, not between them."""
    return between(score, real, fake, torch.randn(one_each(real)), weight)


def one_t_for_the_batch(score: Score, real: Tensor, fake: Tensor, weight: float = 10.0) -> Tensor:
    """One t ~ U[0, 1] for all images: in one step the points are all near the fake images, in another near the real."""
    return between(score, real, fake, torch.rand(()), weight)


def one_t_a_pixel(score: Score, real: Tensor, fake: Tensor, weight: float = 10.0) -> Tensor:
    """A t ~ U[0, 1] for each pixel: a point of the box that the two images span, off the line that joins them."""
    return between(score, real, fake, torch.rand(real.shape), weight)


def t_is_1(score: Score, real: Tensor, fake: Tensor, weight: float = 10.0) -> Tensor:
    """t = 1: the real images alone, and nothing on the way to them."""
    return between(score, real, fake, torch.ones(()), weight)


def one_norm_for_the_batch(score: Score, real: Tensor, fake: Tensor, weight: float = 10.0) -> Tensor:
    """The norm of all N gradients as one vector: its goal 1 asks each image for a norm of about 1 / sqrt(N)."""
    return norm_of_all(score, real, fake, torch.rand(one_each(real)), weight)


def report_b(score: Score, real: Tensor, fake: Tensor, weight: float = 10.0) -> Tensor:
    """Report B's penalty: t ~ N(0, 1), and one norm for the batch. (It also took n_critic = 1.)"""
    return norm_of_all(score, real, fake, torch.randn(one_each(real)), weight)


def between(score: Score, real: Tensor, fake: Tensor, t: Tensor, weight: float) -> Tensor:
    """weight * mean( (|grad score(x_hat)| - 1)^2 ) at x_hat = t x + (1 - t) G(z), for the t that it is given."""
    t = t.to(real.device)
    excess = gradient_norms(score, t * real + (1 - t) * fake) - 1  # (N,)
    return weight * excess.square().mean()


def norm_of_all(score: Score, real: Tensor, fake: Tensor, t: Tensor, weight: float) -> Tensor:
    """weight * (|all gradients| - 1)^2 at those points."""
    t = t.to(real.device)
    excess: Tensor = gradient_norms(score, t * real + (1 - t) * fake).norm() - 1  # one number
    return weight * excess.square()


def one_each(x: Tensor) -> tuple[int, ...]:
    """The shape of one number for each image, (N, 1, 1, 1)."""
    return (len(x), *[1] * (x.dim() - 1))


def deviations(penalty: Penalty) -> list[str]:
    """Where a penalty, of weight 10, is not Algorithm 1: a sentence for each test that it fails, none if it is right.

    penalty: (score, real, fake) -> scalar, which asks `score` for its points x_hat, all at once or one after another.
    """
    return [*wrong_points(penalty), *wrong_norms(penalty), *wrong_gradients(penalty)]


def wrong_points(penalty: Penalty) -> list[str]:
    """What is wrong with t = (x_hat - fake) / (real - fake), by which the penalty chose its points."""
    N = 512
    real, fake = 1 + torch.rand(N, 2, 3, 3), -1 - torch.rand(N, 2, 3, 3)  # at least 2 apart in every pixel
    points = (asked_at(penalty, lambda x: x.flatten(1).sum(1), real, fake)[1] for _ in range(2))
    one, other = (((x_hat - fake) / (real - fake)).flatten(1) for x_hat in points)  # (N, 18)
    t = one[:, 0]
    off = (t.sort().values - torch.linspace(0, 1, N)).abs().max()  # for a uniform t above 0.12 once in a million times
    if torch.allclose(one, other, atol=1e-4):
        return [f"t is always {t.mean():.3g}: draw it anew for each image"]
    if not torch.allclose(one, one[:, :1], atol=1e-4):
        return ["the pixels of an image get several t: draw one for each image"]
    if torch.allclose(t, t[0], atol=1e-4):
        return ["all images of a batch get one t: draw one for each image"]
    if t.min() < -1e-4 or t.max() > 1 + 1e-4:
        return [f"t goes from {t.min():.2g} to {t.max():.2g}: draw it from [0, 1]"]
    return ["t is not uniform: draw it with torch.rand"] if off > 0.12 else []


def wrong_norms(penalty: Penalty) -> list[str]:
    """What is wrong with the norms, for a quadratic critic, |x|^2 / 2, whose gradient is x."""
    size = torch.linspace(0.2, 3, 6).view(6, 1, 1, 1)  # some gradients are shorter than 1 and some are longer
    real, fake = size * torch.randn(6, 2, 3, 3), size * torch.randn(6, 2, 3, 3)
    value, x_hat = asked_at(penalty, lambda x: x.flatten(1).square().sum(1) / 2, real, fake)
    value, norms = value.detach(), x_hat.flatten(1).norm(dim=1)  # (), (6,)
    right = 10 * (norms - 1).square().mean()
    if torch.isclose(value, right, rtol=1e-4):
        return []
    if torch.isclose(value, 10 * (norms.norm() - 1).square(), rtol=1e-4):
        return ["the gradients of the batch get one norm together: take one for each image"]
    if torch.isclose(value, 10 * (norms - 1).clamp(min=0).square().mean(), rtol=1e-4):
        return ["norms below 1 cost nothing: this is the one-sided penalty"]
    return [f"where 10 mean((norm - 1)^2) is {right:.4g}, it is {value:.4g}"]


def wrong_gradients(penalty: Penalty) -> list[str]:
    """What keeps the weights of a linear critic, w x, from learning by it."""
    real, fake = torch.randn(2, 6, 2, 3, 3)
    w = torch.zeros(18, requires_grad=True)
    value = penalty(lambda x: x.flatten(1) @ w, real, fake)
    if not value.requires_grad:
        return ["no gradient reaches the critic's weights: differentiate with create_graph=True"]
    (gradient,) = torch.autograd.grad(value, w)
    finite = gradient.isfinite().all()
    return [] if finite else ["its gradient is NaN where the critic is flat: let .norm(dim=1) take the norm"]


def tie(D: nn.Module, x: Tensor) -> float:
    """How much the gradient of D's score at one image depends on the other images of its batch.

        tie = |g - g'| / |g|,  g = grad_{x_1} sum_i D(x_i), g' the same with all images but x_1 moved

    It is 0 for a critic that scores each image by itself, and above 0 with batch norm, which has to be refused under a
    gradient penalty. D is asked in training mode, on copies, on the CPU.  x: (N, ...), N >= 2.
    """

    def at_first(x: Tensor) -> Tensor:
        critic, x = copy.deepcopy(D).cpu().train(), x.detach().cpu().requires_grad_()
        with seeded(0):  # the same dropout each time
            (gradient,) = torch.autograd.grad(critic(x).sum(), x)
        return gradient[0]

    g, moved = at_first(x), at_first(torch.cat([x[:1], 1.5 * x[1:]]))
    return float((g - moved).norm() / g.norm())


def asked_at(penalty: Penalty, score: Score, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """The penalty of a critic, and the points x_hat (N, ...) at which it asked for scores, detached."""
    asked: list[Tensor] = []
    value = penalty(recorded(score, asked), real, fake)
    return value, torch.cat(asked)[-len(real) :]


def recorded(score: Score, asked: list[Tensor]) -> Score:
    """The same score; whatever it is asked for is added to the list."""

    def asking(x: Tensor) -> Tensor:
        asked.append(x.detach())
        return score(x)

    return asking
