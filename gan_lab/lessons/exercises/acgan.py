"""Checks of notebook 3's exercises."""

import copy
from math import erf, exp, pi, sqrt

import torch
from torch import nn

from gan_lab.data.images import ImageSet
from gan_lab.lessons.exercises.answer import AnswerError, Claims, check, close, number, shown


@check
def check_half(deviation: float) -> Claims:
    """Is this the standard deviation of |x|, x ~ N(1, 1), which is the right half of N(-1, 1) and N(1, 1) together?"""
    mean = erf(1 / sqrt(2)) + sqrt(2 / pi) * exp(-1 / 2)
    found, truth = number(deviation), sqrt(2 - mean**2)
    yield close(found, truth, 0.005), f"{found:g} is not it to two digits: sqrt(E[x^2] - E[x]^2), over x > 0 only"


@check
def check_conditional(D: nn.Module, images: ImageSet) -> Claims:
    """Does D(x, y) give each image a score that depends on its own pixels and label, and on nothing else?"""
    x, y = images.batch(torch.arange(8) * max(1, len(images) // 8) % len(images))
    other, half = (y + 1) % len(images.classes), torch.arange(8) < 4
    asked = copy.deepcopy(D).eval()
    with torch.no_grad():
        for w in asked.parameters():
            w.add_(torch.randn_like(w), alpha=0.1)  # some begin at 0
        own, wrong, again = asked(x, y), asked(x, other), asked(x, y)
        for found in own, wrong:
            if not isinstance(found, torch.Tensor):
                raise AnswerError(f"D returns {shown(found)}: a tensor of scores is asked for")
            yield found.shape == y.shape, f"D returns shape {tuple(found.shape)} for 8 images: one score each is (8,)"
            yield found.isfinite().all(), "a score is not finite"
        yield torch.allclose(own, again), "the same image gets another score in the next call, in evaluation mode"
        yield (own != wrong).all(), "whatever the label, some score is the same: D has to use y"
        mixed = asked(x, torch.where(half, y, other))
        yield torch.allclose(own[half], mixed[half], atol=1e-5), "a score changes with the label of another image"
        changed = asked(torch.where(half[:, None, None, None], x, -x), y)
        yield torch.allclose(own[half], changed[half], atol=1e-5), "a score changes with the pixels of another image"
        yield (own[~half] != changed[~half]).any(), "whatever the image, the score is the same: D has to use x"
    yield asked(x, y).requires_grad, "no gradient passes through the scores: leave detach and no_grad out"
