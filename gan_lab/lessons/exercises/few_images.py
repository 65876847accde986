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
        yield answer[name] is not None, f"{name}: write its p in place of None"
        found = number(answer[name], name)
        yield close(found, truth, 1e-3), f"{name}: it does not leak first at p = {found:g}; {hint}"


@check
def check_erase(answer: Move, side: int = 8) -> Claims:
    """Does it make a square of each image black, at a place of its own, and let the gradient through?"""
    x = torch.rand(64, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 1.9 - 0.9  # nothing is black
    given = x.clone()
    answer(x)
    yield torch.equal(x, given), "it changes the images that it is given: make new ones, as torch.where does"
    found = answer(x.requires_grad_())
    if not isinstance(found, Tensor) or found.shape != x.shape:
        what = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else shown(found)
        raise AnswerError(f"of 64 images of shape (3, 32, 32) it makes {what}: return as many of the same shape")
    yield found.dtype == x.dtype, f"it makes {found.dtype} of images in {x.dtype}: D takes no others"
    in_each = ~((found.detach() - given).abs() <= 1e-3)  # (64, 3, 32, 32); NaN is a change
    changed = in_each.any(1)  # (64, 32, 32)
    yield changed.any(), "it changes nothing"
    black = found.detach()[in_each]
    yield close(black, torch.full_like(black, -1.0)), "what it changes does not become black, -1"
    yield (in_each == changed[:, None]).all(), "it changes some channels of a pixel, and not all of them"
    rows, columns = (changed.any(dim).nonzero() for dim in (2, 1))  # (image, place) wherever something changed
    counts = changed.flatten(1).sum(1)
    one_square = f"not every image loses one square of {side} x {side} pixels"
    yield (counts == side**2).all() and len(rows) == len(columns) == 64 * side, one_square
    of_row, of_column = (part[:, 1].view(64, side) for part in (rows, columns))  # the places, in order
    yield all((part[:, -1] - part[:, 0] == side - 1).all() for part in (of_row, of_column)), one_square
    for name, part in (("row", of_row), ("column", of_column)):
        begin = len(set(part[:, 0].tolist()))
        yield begin > 8, f"the squares of 64 images begin in {begin} {name}(s): draw for each image"
    yield (of_row[:, 0] != of_column[:, 0]).any(), "row and column are the same number: draw each of them"
    slope = torch.autograd.grad(found.sum(), x, allow_unused=True)[0] if found.requires_grad else None
    yield (
        slope is not None and (slope == ~in_each).all(),
        "no gradient reaches the images, and so none would reach G",
    )


@check
def check_pairs(loss: Loss) -> Claims:
    """Is this the relativistic pairing loss, D's and G's?"""
    yield from losses_equal(loss, Relativistic(), pairs=True)
