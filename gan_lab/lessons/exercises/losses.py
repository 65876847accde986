"""What every check of a loss does: it gives scores in general position and compares both players' losses."""

import torch
from torch import Tensor

from gan_lab.lessons.exercises.answer import Claims, close, learns
from gan_lab.losses import Loss


def scores(seed: int, n: int = 6) -> tuple[Tensor, Tensor]:
    """Scores of n real and of n fake images, through which gradients pass."""
    g = torch.Generator().manual_seed(seed)
    real, fake = (1.5 * torch.randn(n, generator=g) for _ in "rf")
    return real.requires_grad_(), fake.requires_grad_()


def losses_equal(answer: Loss, truth: Loss, *, pairs: bool = False) -> Claims:
    """Are both players' losses those of `truth`, in value and in slope? pairs: G's loss takes the real scores, too."""
    for seed in range(3):
        real, fake = scores(seed)
        y = torch.zeros(len(fake), dtype=torch.int64)
        more = (real,) if pairs else ()
        given = f"for {len(real)} random scores of real and {len(fake)} of fake images"
        arguments = {"d_loss": (real, fake, y), "g_loss": (fake, y, *more)}
        for name, inputs in {"d_loss": (real, fake), "g_loss": (fake,)}.items():
            value, right = (getattr(loss, name)(*arguments[name]) for loss in (answer, truth))
            found, wanted = learns(value, name), right.item()
            yield close(found, wanted), f"{given} {name} is {found:.4g}, not {wanted:.4g}"
            slopes, truths = (torch.autograd.grad(one, inputs, allow_unused=True) for one in (value, right))
            for slope, true in zip(slopes, truths, strict=True):
                alike = slope is not None and close(slope, true)
                yield alike, f"{name} has the right value, and another gradient: is a part of it detached?"
