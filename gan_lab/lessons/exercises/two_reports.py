"""Checks of notebook 7's exercises."""

from collections.abc import Callable

import torch
from torch import Tensor

from gan_lab.lessons.exercises.answer import AnswerError, Claims, check, close, numbers, shown


@check
def check_lost(answer: Callable[[Tensor, int], set[int]]) -> Claims:
    """Does answer(labels, batch_size) name the labels that are in no full batch, taken in this order?"""
    in_order = torch.arange(5).repeat_interleave(201)
    mixed = torch.tensor([2, 0, 2, 2, 1, 0, 4, 3, 3, 1])
    for labels, batch_size in [
        *((in_order, n) for n in (256, 64, 335, 400, 450, 2000)),
        (mixed, 7),
        (mixed, 4),
        (mixed, 5),
    ]:
        truth = set(labels.tolist()) - set(labels[: len(labels) // batch_size * batch_size].tolist())
        found = answer(labels.clone(), batch_size)
        try:
            named = {int(label) for label in found}
        except TypeError:
            raise AnswerError(f"it gives {shown(found)}: return a set of labels") from None
        lose, said = (", ".join(map(str, sorted(classes))) or "none" for classes in (truth, named))
        of = "5 classes with 201 images each" if labels is in_order else f"the labels {labels.tolist()}"
        yield named == truth, f"of {of}, batches of {batch_size} lose {lose}, not {said}"


@check
def check_smoothed(answer: Callable[[Tensor, int, float], Tensor]) -> Claims:
    """Does answer(y, K, epsilon) mix each one-hot row with a uniform one, with the shares 1 - epsilon and epsilon?"""
    for K, epsilon in (5, 0.1), (3, 0.3), (10, 1.0):
        y = torch.tensor([1, 0, 2, 1])
        truth = (1 - epsilon) * torch.eye(K, dtype=torch.float64)[y] + epsilon / K
        given = f"for y = {y.tolist()}, K = {K}, epsilon = {epsilon:g}"
        found = numbers(answer(y, K, epsilon), truth, f"{given} your answer")
        yield close(found, truth), f"{given} the first row is {shown(found[0])}, not {shown(truth[0])}"
