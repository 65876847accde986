"""Checks of notebook 3's exercises."""

import copy
from math import erf, exp, pi, sqrt

import torch
from torch import Tensor, nn

from gan_lab.data.images import ImageSet
from gan_lab.lessons.exercises.answer import AnswerError, Claims, check, close, learns, number, shown
from gan_lab.losses import AuxiliaryClassifier, Loss, NonSaturating, Verdict

PLACES = [(kind, what) for kind in ("real", "fake") for what in ("the scores", "the classes")]


@check
def check_class_terms(loss: Loss) -> Claims:
    """Is this the loss of an AC-GAN, D's and G's: the non-saturating one of the scores, and the class terms?"""
    truth = AuxiliaryClassifier(NonSaturating())
    for seed in range(3):
        real, fake, y = verdicts(seed)
        for name, given in {"d_loss": (real, fake), "g_loss": (fake,)}.items():
            inputs = [part for verdict in given for part in verdict]
            value, right = (getattr(one, name)(*given, y) for one in (loss, truth))
            found, wanted = learns(value, name), right.item()
            slopes, truths = (torch.autograd.grad(one, inputs, allow_unused=True) for one in (value, right))
            off = [
                f"{what} of the {kind} images"
                for (kind, what), slope, true in zip(PLACES[-len(inputs) :], slopes, truths, strict=True)
                if slope is None or not close(slope, true)
            ]
            told = f"for {len(y)} random images {name} is {found:.4g}, not {wanted:.4g}"
            if not close(found, wanted):
                yield False, f"{told}: look at what it makes of {' and '.join(off) or 'nothing, it adds a number'}"
            yield not off, f"{name} has the right value, and another gradient: is {' and '.join(off)} detached?"


def verdicts(seed: int) -> tuple[Verdict, Verdict, Tensor]:
    """What D says of six real and of six fake images of four classes, through which gradients pass, and the labels."""
    g = torch.Generator().manual_seed(seed)
    y = torch.randperm(6, generator=g) % 4
    real, fake = (Verdict(*(torch.randn(*size, generator=g) for size in ((6,), (6, 4)))) for _ in "rf")
    for part in (*real, *fake):
        part.requires_grad_()
    return real, fake, y


@check
def check_half(deviation: float) -> Claims:
    """Is this the standard deviation of |x|, x ~ N(1, 1), which is the right half of N(-1, 1) and N(1, 1) together?"""
    yield deviation is not None, "deviation_of_half is None: put a number in its place"
    mean = erf(1 / sqrt(2)) + sqrt(2 / pi) * exp(-1 / 2)
    found, truth = number(deviation), sqrt(2 - mean**2)
    hint = "sqrt(E[x^2] - E[x]^2), over x > 0 only, with the density of both classes together"
    yield close(found, truth, 0.005), f"{found:g} is not it to two digits: {hint}"


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
        gap = asked(x, torch.ones_like(y)) - asked(x, torch.zeros_like(y))
        alike = (
            "another label moves the score of every image by as much, so G cannot learn from D what a class looks like"
        )
        yield (gap - gap.mean()).abs().max() > 1e-3 * gap.abs().max(), f"{alike}: multiply v_y by h"
        match [getattr(asked, name, None) for name in ("trunk", "linear", "v")]:  # the notebook's own names
            case [nn.Module() as trunk, nn.Linear(in_features=n) as u, nn.Embedding(embedding_dim=m) as v] if n == m:
                h = trunk(x)
                right = u(h).squeeze(1) + (v(y) * h).sum(1)
                equal = torch.allclose(own, right, rtol=1e-3, atol=1e-4)
                yield equal, "it uses x and y, but it is not u . h + b + v_y . h"
    yield asked(x, y).requires_grad, "no gradient passes through the scores: leave detach and no_grad out"
    pixels = x.clone().requires_grad_()
    score = asked(pixels, y)
    for told, hint in (
        (score, "no gradient reaches the image, and so none would reach G: leave detach out"),
        (score - asked(pixels, other), "how well x fits y passes no gradient to x, and so none to G: leave detach out"),
    ):
        (slope,) = torch.autograd.grad(told.sum(), pixels, retain_graph=True, allow_unused=True, materialize_grads=True)
        yield (slope != 0).any(), hint
    weights = [w for w in asked.parameters() if w.requires_grad]

    def reached(k: int) -> Tensor:
        """Which weights learn from images of class k."""
        slopes = torch.autograd.grad(asked(x, torch.full_like(y, k)).sum(), weights, materialize_grads=True)
        return torch.cat([(slope != 0).flatten() for slope in slopes])

    learned = not torch.equal(reached(0), reached(1))
    yield learned, "what tells the classes apart is not learned: make v_y an nn.Embedding or an nn.Parameter"
