"""Augmentation in front of the discriminator: of few images, each is seen in many ways.

    G = dcgan32.Generator()
    D = Augmented(dcgan32.Discriminator(), [translate, partial(affine, degrees=5)], p=0.4)

D sees every image, real or fake, moved at random, so that it cannot learn a thousand real ones by heart. G is to draw
what looks like the real images after both have been moved. What does that say of the images before?

With probability p a move g, drawn anew, is applied. That changes a distribution P of images into

    T P = (1 - p) P + p E_g[ g P ]                                                                               (1)

The augmentation does not *leak* if T is invertible: then T P_fake = T P_real only if P_fake = P_real. Otherwise two
distributions look the same to D, and G may draw the one that is not real, moved images for example. T is invertible

    for p < 1/2, whatever the moves: the second term cannot undo the first, |p E_g[ g P ]| <= p |P| < (1 - p) |P|;
    for p < 1, if E_g[ g . ] has eigenvalues l with Re l >= 0: those of T are 1 - p + p l, so |1 - p + p l| >= 1 - p.

The moves of moves.py are drawn so that the second holds.

Sources: Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training"; Karras et al. 2020, "Training
generative adversarial networks with limited data", section 2.2 and appendix C; Bora et al. 2018, "AmbientGAN".
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gan_lab.losses import Verdict, score_of
from gan_lab.moves import Move
from gan_lab.players import asked


class Adaptive(nn.Module):
    """A probability p that grows while D overfits, and falls while it does not.

        r_t = E[ sign D(x) ], of the real images x in the last `every` batches
        p  <-  clip( p + sign(r_t - target) n / images, 0, most ),  n the number of these images

    p begins at 0; from 0 to 1 it takes `images` images. For scores at whose 0 D is undecided; a critic has no such
    score: there call `step` with `r_v`. Call `see` with every round; p is a part of D's state, so a checkpoint has it.
    most: the paper's clip ends at 0 only, and it reports leaks in practice above 0.8.
    Of several processes each goes by its own real images.
    Raises ValueError unless 0 <= most <= 1, images > 0 and every >= 1. Source: Karras et al. 2020, section 3, eq. (1).
    """

    p: Tensor
    signs: Tensor
    seen: Tensor
    batches: Tensor

    def __init__(self, target: float = 0.6, images: int = 500_000, *, most: float = 0.8, every: int = 4) -> None:
        super().__init__()
        if not 0 <= most <= 1:
            raise ValueError(f"most bounds a probability: choose it in [0, 1], not {most}")
        if images <= 0 or every < 1:
            raise ValueError(f"p changes with images and batches: at least 1 of each, not {images} and {every}")
        self.target = target
        self.images = images
        self.most = most
        self.every = every
        for name in ("p", "signs", "seen", "batches"):
            self.register_buffer(name, torch.zeros(()))

    @torch.no_grad()
    def see(self, real: Tensor | Verdict) -> None:
        """Take D's scores of a batch of real images (a round's `real`): p changes after every few batches.

        All of it is arithmetic on the device, and nothing waits for a value.
        """
        score = score_of(real).detach()
        self.signs += score.sign().sum()
        self.seen += len(score)
        self.batches += 1
        due = self.batches % self.every == 0
        self.step(self.signs / self.seen, self.seen * due)
        self.signs *= ~due
        self.seen *= ~due

    @torch.no_grad()
    def step(self, r: Tensor, n: Tensor | int) -> None:
        """Change p for n images whose measure of overfitting, a scalar, is r."""
        self.p += torch.sign(r - self.target) * n / self.images
        self.p.clamp_(0, self.most)


def r_v(real: Tensor, held_out: Tensor, fake: Tensor) -> Tensor:
    """How far D takes held-out images for fakes: 0 if it does not overfit, 1 if it does so entirely.

        r_v = (E[ D(real) ] - E[ D(held-out) ]) / (E[ D(real) ] - E[ D(fake) ])

    Scores (N,), (M,), (L,), all of D in one mode -> a scalar. It is the same for a D(x) + b.
    Source: Karras et al. 2020, eq. (1).
    """
    return (real.mean() - held_out.mean()) / (real.mean() - fake.mean())


class Augmented(nn.Module):
    """A discriminator that sees every image, real or fake, through moves of its own.

        D'(x) = D(g_k(... g_1(x))),  g_i a new draw of the i-th move with probability p, else the identity

    Every image has its own draws, and every call new ones. In evaluation mode D' = D. The gradient that reaches G, and
    that of a penalty, passes through the moves.
    D: (x, y) -> scores (N,) or a `Verdict`.  moves: each x -> x; `functools.partial` sets their parameters.  p: a
    number, or an `Adaptive`.  value_range: what black and white are.  allow_leaks: accept a p at which the moves may
    leak, such as the p = 1 of Zhao et al. 2020.
    Raises ValueError if p is outside [0, 1] or the moves may leak at it, and, when it is called, if a move changes the
    shape of the images or, on the CPU, takes them out of the value range. Sources: see the top of this file.
    """

    def __init__(
        self,
        D: nn.Module,
        moves: Sequence[Move],
        p: float | Adaptive,
        *,
        value_range: tuple[float, float] = (-1.0, 1.0),
        allow_leaks: bool = False,
    ) -> None:
        super().__init__()
        most = p.most if isinstance(p, Adaptive) else p
        if not 0 <= most <= 1:
            raise ValueError(f"p is the probability that an image is moved: choose it in [0, 1], not {most}")
        if not allow_leaks:
            refuse_leaks(moves, most)
        self.D = D
        self.moves = tuple(moves)
        self.p = p
        self.value_range = value_range

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor | Verdict:
        """D of the moved images."""
        if self.training:
            x = self.moved(x)
        verdict: Tensor | Verdict = asked(self.D, x, y)
        return verdict

    def moved(self, x: Tensor) -> Tensor:
        """The images as D gets them in training mode."""
        p = self.p.p if isinstance(self.p, Adaptive) else self.p
        if isinstance(p, float | int) and p == 0:
            return x  # and no random number is drawn
        for move in self.moves:
            chosen = torch.rand(len(x), *[1] * (x.dim() - 1), device=x.device) < p  # a coin for each image
            x = torch.where(chosen, self.checked(move, x), x)
        return x

    def checked(self, move: Move, x: Tensor) -> Tensor:
        """move(x), if that is as many images of the same shape, with no values beyond those of images."""
        moved = move(x)
        if moved.shape != x.shape:
            raise ValueError(
                f"{name_of(move)} makes {tuple(moved.shape)} of images {tuple(x.shape)}: cut or pad what it returns"
            )
        if x.device.type == "cpu":  # on a GPU, to read a value is to wait for it
            (low, high), (least, most) = (bounds(images) for images in (x, moved))
            low, high = min(low, self.value_range[0]), max(high, self.value_range[1])
            if least < low - 1e-3 or most > high + 1e-3:
                raise ValueError(
                    f"{name_of(move)} takes images out of [{low:g}, {high:g}], to [{least:g}, {most:g}]: let it fill "
                    "with black and scale towards it, or give Augmented the value_range of your images"
                )
        return moved


# What leaks


def spectrum(drawn: Tensor, p: float) -> Tensor:
    """The eigenvalues of (1) where the moves are those of a cyclic group: quarter turns, shifts of a pattern.

        l_k = 1 - p + p sum_g drawn_g exp(-2 pi i k g / n)

    T is then the circulant matrix of (1 - p) e_0 + p drawn. drawn: (n,), the probability of each g = 0, ..., n - 1;
    for shifts in two directions (n, m). Returns complex numbers of that shape.
    Raises ValueError unless drawn is a distribution and p a probability. Source: Karras et al. 2020, appendix C.
    """
    if not 0 <= p <= 1 or (drawn < 0).any() or abs(drawn.sum().item() - 1) > 1e-5:
        raise ValueError(f"give probabilities that sum to 1, and a p in [0, 1], not {drawn.tolist()} and {p}")
    eigenvalues: Tensor = 1 - p + p * torch.fft.fftn(drawn.double())
    return eigenvalues


def leaks(drawn: Tensor, p: float) -> bool:
    """Whether the moves of a cyclic group, see `spectrum`, leak at p: whether an eigenvalue of (1) is 0.

    Quarter turns, all four as likely, leak at p = 1 only; a mirror, (0, 1), at p = 1/2 only.
    """
    return bool(spectrum(drawn, p).abs().min() < 1e-6)


def refuse_leaks(moves: Sequence[Move], p: float) -> None:
    """Raises ValueError, naming the move, for a p from 1/2 on, for one that is marked from 1 on."""
    for move in moves:
        limit = 1.0 if hasattr(origin(move), "safe_below_1") else 0.5
        if p >= limit:
            raise ValueError(
                f"{name_of(move)} may leak at p = {p:g}: G may then draw moved images, and D cannot tell. Choose "
                f"p < {limit:g}, or Adaptive(most=...) below it, or insist: Augmented(..., allow_leaks=True)"
            )


def bounds(x: Tensor) -> tuple[float, float]:
    """The least and the largest value."""
    least, most = x.detach().aminmax()
    return least.item(), most.item()


def origin(move: Any) -> Any:
    """The function of which `partial` has set parameters."""
    return origin(move.func) if isinstance(move, partial) else move


def name_of(move: Move) -> str:
    return str(getattr(origin(move), "__name__", type(move).__name__))
