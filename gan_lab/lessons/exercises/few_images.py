"""Checks of notebook 6's exercises."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gan_lab.lessons.exercises.answer import AnswerError, Claims, check, close, number, numbers, shown
from gan_lab.lessons.exercises.losses import losses_equal
from gan_lab.losses import Loss, Relativistic
from gan_lab.moves import Move


@check
def check_average(answer: Callable[[list[Tensor], float], Tensor]) -> Claims:
    """Is answer(weights, beta) their exponential moving average, which begins with the first of them?"""
    for n, beta in (1, 0.9), (2, 0.75), (5, 0.9):
        weights = list(torch.randn(n, 3, generator=torch.Generator().manual_seed(n)).unbind())
        given = [w.clone() for w in weights]
        truth = given[0].double()
        for w in given[1:]:
            truth = beta * truth + (1 - beta) * w
        found = numbers(answer(weights, beta), truth)
        same = all(map(torch.equal, weights, given))
        yield same, "it changes the weights that it is given, and G plays with them: make new ones"
        told = f"for n = {n}, beta = {beta:g} and w_n = {shown(given[-1])}"
        yield close(found, truth), f"{told} it gives {shown(found)}, not {shown(truth)}"


@check
def check_leaks_at(answer: Mapping[str, float]) -> Claims:
    """Does it say at which p each augmentation of the exercise has the eigenvalue 0?"""
    hint = "write down the eigenvalues of section 3, and find the smallest p at which one of them is 0"
    for name, truth in {"a mirror": 1 / 2, "1, 2 or 3 quarter turns": 3 / 4, "0 to 3 quarter turns": 1.0}.items():
        yield name in answer, f"the answer has no {name!r}"
        found = number(answer[name], name)
        yield close(found, truth, 1e-3), f"{name}: it does not leak first at p = {found:g}; {hint}"


@check
def check_erase(answer: Move, side: int = 8) -> Claims:
    """Does it make a square of each image black, at a place of its own, and let the gradient through?"""
    x = torch.rand(64, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 1.9 - 0.9  # nothing is black
    x.requires_grad_()
    given = x.detach().clone()
    found = answer(x)
    if not isinstance(found, Tensor) or found.shape != x.shape:
        what = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else shown(found)
        raise AnswerError(f"of 64 images of shape (1, 32, 32) it makes {what}: return as many of the same shape")
    yield torch.equal(x.detach(), given), "it changes the images that it is given: make new ones, as torch.where does"
    changed = (found != given)[:, 0]  # (64, 32, 32)
    yield changed.any(), "it changes nothing"
    yield (found.detach()[:, 0][changed] == -1).all(), "what it changes does not become black, -1"
    rows, columns = (changed.any(dim).nonzero() for dim in (2, 1))  # (image, place) wherever something changed
    counts = changed.flatten(1).sum(1)
    filled = [len(part) == 64 * side for part in (rows, columns)]
    yield (counts == side**2).all() and all(filled), f"not every image loses one square of {side} x {side} pixels"
    for name, part in (("row", rows), ("column", columns)):
        begin = len(set(part[:, 1].view(64, side)[:, 0].tolist()))
        yield begin > 8, f"the squares of 64 images begin in {begin} {name}(s): draw for each image"
    slope = torch.autograd.grad(found.sum(), x, allow_unused=True)[0] if found.requires_grad else None
    yield (
        slope is not None and (slope[:, 0] == ~changed).all(),
        "no gradient reaches the images, and so none would reach G",
    )


@check
def check_pairs(loss: Loss) -> Claims:
    """Is this the relativistic pairing loss, D's and G's?"""
    yield from losses_equal(loss, Relativistic(), pairs=True)
