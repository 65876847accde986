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

The moves of this file are drawn so that the second holds.

Sources: Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training"; Karras et al. 2020, "Training
generative adversarial networks with limited data", section 2.2 and appendix C; Bora et al. 2018, "AmbientGAN".
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.losses import Verdict, score_of
from gan_lab.players import asked

Move = Callable[[Tensor], Tensor]  # images (N, C, H, W) -> as many of the same shape, each moved by a draw of its own


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
        """What D said of a batch of real images, in the round's `real`: p changes after every few batches.

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
        """What D says of the images x, seen through the moves."""
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
            chosen = torch.rand(len(x), 1, 1, 1, device=x.device) < p  # a coin for each image
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


# The moves

Made = TypeVar("Made", bound=Callable[..., Tensor])


def safe_below_1(move: Made) -> Made:
    """Marks a move that is so drawn that E_g[ g . ] has eigenvalues with real parts >= 0: it leaks at no p < 1.

    Every average over a group, each of its elements as likely, is such a move, `spectrum` tells of others.
    """
    move.safe_below_1 = True  # type: ignore[attr-defined]
    return move


@safe_below_1
def translate(x: Tensor, share: float = 0.125, low: float = -1.0) -> Tensor:
    """Each image, shifted by whole pixels; what comes in is black.

        x'[r, c] = x[r - dy, c - dx],  dy = a - b with a, b ~ U{0, ..., share H}, and so dx with W

    A difference of two equal draws has the characteristic function |phi|^2 >= 0: the eigenvalues of (1) are at least
    1 - p. (A uniform shift has negative ones: by one pixel it leaks at p = 3/4.) This holds while nothing of an image
    leaves the frame, as in digits with their margin. x: (N, C, H, W) -> the same shape. low: black.
    Source: Zhao et al. 2020, section 3.3, whose shift is uniform; appendix C of Karras et al. 2020.
    """
    N, C, H, W = x.shape
    dy, dx = (difference(N, int(share * side), x.device) for side in (H, W))  # (N, 1, 1)
    row = torch.arange(H, device=x.device)[:, None] - dy  # (N, H, 1)
    column = torch.arange(W, device=x.device) - dx  # (N, 1, W)
    inside = (row >= 0) & (row < H) & (column >= 0) & (column < W)  # (N, H, W)
    source = row.clamp(0, H - 1) * W + column.clamp(0, W - 1)
    moved = x.flatten(2).gather(2, source.flatten(1)[:, None].expand(N, C, H * W)).view(x.shape)
    return torch.where(inside[:, None], moved, low)


@safe_below_1
def cutout(x: Tensor, share: float = 0.5, low: float = -1.0) -> Tensor:
    """Each image with a black rectangle, share H high and share W wide, round a pixel drawn uniformly.

        x'[r, c] = low if |r - r_0| < share H / 2 and |c - c_0| < share W / 2, else x[r, c]

    To cut out two rectangles is to cut out both, in any order, and twice is once: so all these g commute and have the
    eigenvalues 0 and 1, and those of (1) are 1 - p + p P(a certain set of pixels is spared) >= 1 - p.
    x: (N, C, H, W) -> the same shape. Source: DeVries & Taylor 2017; Zhao et al. 2020, section 3.3.
    """
    N, _, H, W = x.shape
    r_0, c_0 = (torch.randint(side, (N, 1, 1), device=x.device) for side in (H, W))
    row = (torch.arange(H, device=x.device)[:, None] - r_0).abs() < share * H / 2  # (N, H, 1)
    column = (torch.arange(W, device=x.device) - c_0).abs() < share * W / 2  # (N, 1, W)
    return torch.where((row & column)[:, None], low, x)


@safe_below_1
def brightness(x: Tensor, strength: float = 0.25, low: float = -1.0) -> Tensor:
    """Each image, darker, and so inside the value range.

        x' = low + c (x - low),  c = u^strength,  u ~ U(0, 1)

    -log c is exponential, with the characteristic function 1 / (1 - i strength t), whose real part is above 0: so that
    of the eigenvalues of (1) is above 1 - p. E[c] = 1 / (1 + strength).
    x: (N, C, H, W) -> the same shape. low: black.
    """
    return low + fading(x, strength) * (x - low)


@safe_below_1
def contrast(x: Tensor, strength: float = 0.25) -> Tensor:
    """Each image, paler, and so inside the value range.

        x' = m + c (x - m),  c = u^strength,  u ~ U(0, 1),  m the mean of x

    m stays what it was, so the c of two such moves are multiplied, and the eigenvalues are those of `brightness`.
    x: (N, C, H, W) -> the same shape.
    """
    m = x.mean((1, 2, 3), keepdim=True)
    return m + fading(x, strength) * (x - m)


@safe_below_1
def affine(x: Tensor, degrees: float = 10.0, scale: float = 0.1, shear: float = 0.1, low: float = -1.0) -> Tensor:
    """Each image, a little turned, scaled and slanted about its middle; what comes in is black.

        x'(u) = x(A u),  A = s [ cos a  -sin a ] [ 1  k ]      a = degrees t_1,  log s = log(1 + scale) t_2,
                               [ sin a   cos a ] [ 0  1 ]      k = shear t_3

    t = U(0, 1) - U(0, 1), so that |t| < 1 and E_g[ g . ] has no negative eigenvalue, see `translate`: not for turning
    and scaling, which commute, nor for slanting, nor for one after the other, as the product of two such operators has
    none. This holds up to what is lost between the pixels and beyond the frame. u: a place in [-1, 1]^2; between pixels
    x is bilinear. x: (N, C, H, W), square -> the same shape. low: black.
    Source: Karras et al. 2020, appendix B, in which the angle is uniform.
    """
    N, _, H, W = x.shape
    t_1, t_2, t_3 = torch.rand(3, N, device=x.device) - torch.rand(3, N, device=x.device)
    a, s, k = math.radians(degrees) * t_1, (1 + scale) ** t_2, shear * t_3
    cos, sin = s * a.cos(), s * a.sin()
    A = torch.stack([cos, k * cos - sin, sin, k * sin + cos], 1).view(N, 2, 2, 1, 1).to(x.dtype)
    u_1, u_2 = ((2 * torch.arange(side, device=x.device, dtype=x.dtype) + 1) / side - 1 for side in (W, H))
    # A u, by hand: F.affine_grid takes longer than all the rest.
    grid = (A[:, :, 0] * u_1 + A[:, :, 1] * u_2[:, None]).permute(0, 2, 3, 1)  # (N, H, W, 2)
    moved: Tensor = Resampled.apply(x - low, grid)
    return moved + low


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


# What the moves are made of


def difference(n: int, most: int, device: torch.device) -> Tensor:
    """a - b for a, b ~ U{0, ..., most}: (n, 1, 1)."""
    a, b = torch.randint(most + 1, (2, n, 1, 1), device=device).unbind()
    return a - b


def fading(x: Tensor, strength: float) -> Tensor:
    """c = u^strength, one u ~ U(0, 1) for each image of x: (N, 1, 1, 1)."""
    c: Tensor = torch.rand(len(x), 1, 1, 1, device=x.device, dtype=x.dtype) ** strength
    return c


class Resampled(torch.autograd.Function):
    """F.grid_sample(x, grid), a linear map of x. Its derivative is its transpose, whose derivative it is in turn: so a
    gradient penalty can differentiate twice, where PyTorch's own, as of 2.6, cannot. The grid gets no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(x, grid)
        moved: Tensor = F.grid_sample(x, grid, align_corners=False)
        return moved

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        return Transposed.apply(g, *ctx.saved_tensors), None


class Transposed(torch.autograd.Function):
    """g -> J^T g with the Jacobian J of F.grid_sample in x."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        bilinear, zeros, corners = 0, 0, False
        back: Tensor = torch.ops.aten.grid_sampler_2d_backward(g, x, grid, bilinear, zeros, corners, [True, False])[0]
        return back

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        return Resampled.apply(g, *ctx.saved_tensors), None, None


def bounds(x: Tensor) -> tuple[float, float]:
    """The least and the largest value."""
    least, most = x.detach().aminmax()
    return least.item(), most.item()


def origin(move: Any) -> Any:
    """The function of which `partial` has set parameters."""
    return origin(move.func) if isinstance(move, partial) else move


def name_of(move: Move) -> str:
    return str(getattr(origin(move), "__name__", type(move).__name__))
