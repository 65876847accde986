"""The space of the noise z: which z draws a given image, what lies between two, and noise that plays safe.

G = generator_of(game)                              # of gan_lab.training; or gan_lab.pretrained.digits()
z, error = invert(G, x)                             # the noise whose images come nearest to x
film = G(slerp(z[:1], z[1:2], torch.linspace(0, 1, 30)))
safe = G(truncated_noise(64, G.z_dim, 1.0).to(z.device))
"""

import math

import torch
from torch import Tensor, nn

from gan_lab.players import asked, settled, z_dim_of


def invert(
    G: nn.Module,
    x: Tensor,
    y: Tensor | None = None,
    *,
    starts: int = 16,
    steps: int = 200,
    prior: float = 0.02,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """For each image the noise whose image comes nearest to it.

        z* = argmin_z  |G(z) - x|^2 / P + prior |z|^2 / Z            P pixels, Z entries of z

    The first term is the error. The second, -log of the density of N(0, I) but for a factor and a constant, keeps z
    where G was trained: far away it can draw scribbles. The function has many valleys, so Adam descends from several
    starts, with a step size that falls from 0.1 to 0, and the best end counts.
    G: in evaluation mode, such as `generator_of(game)`.  x: (N, C, H, W).  y: labels (N,) for a conditional G.
    Returns z (N, Z) and the error of each (N,): the mean of squares over the pixels.
    Raises ValueError if G is in training mode, where an image depends on the others of its batch, or x has another
    shape than G's images. Source: Zhu et al. 2016, "Generative visual manipulation on the natural image manifold", 3.1.
    """
    n, device = len(x), next(settled(G).parameters()).device
    x = x.to(device).repeat_interleave(starts, 0)  # (N * starts, C, H, W)
    labels = None if y is None else y.to(device).repeat_interleave(starts, 0)
    z = torch.randn(len(x), z_dim_of(G), generator=torch.Generator().manual_seed(seed)).to(device).requires_grad_()
    optimizer = torch.optim.Adam([z], lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for _ in range(steps):
        error = squared_error(asked(G, z, labels), x)
        (z.grad,) = torch.autograd.grad((error + prior * z.square().mean(1)).sum(), z)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        error = squared_error(asked(G, z, labels), x).view(n, starts)
        total = error + prior * z.square().mean(1).view(n, starts)
        best = total.argmin(1, keepdim=True)  # (N, 1)
        found = z.detach().view(n, starts, -1).gather(1, best[..., None].expand(-1, -1, z.shape[1])).squeeze(1)
        return found, error.gather(1, best).squeeze(1)


def squared_error(x_fake: Tensor, x: Tensor) -> Tensor:
    """The mean over the pixels of (x_fake - x)^2: (N, C, H, W) twice -> (N,). Raises ValueError for two shapes."""
    if x_fake.shape != x.shape:
        made, given = tuple(x_fake.shape[1:]), tuple(x.shape[1:])
        raise ValueError(f"G draws images of shape {made}, these have {given}: load them in G's size and channels")
    return (x_fake - x).square().flatten(1).mean(1)


def slerp(z_0: Tensor, z_1: Tensor, t: Tensor) -> Tensor:
    """From z_0 to z_1 on a great circle.

        z_t = ( sin((1 - t) a) z_0 + sin(t a) z_1 ) / sin a,     a the angle between z_0 and z_1

    Noise of many entries lies near a sphere, |z|^2 ~ Z. Half way on a straight line |z|^2 is half of that, where G was
    hardly ever trained; on a great circle it stays. Vectors of one direction: the straight line.
    z_0, z_1: (1, Z) or (N, Z).  t: (N,) -> (N, Z). Source: White 2016, "Sampling generative networks"; Shoemake 1985.
    """
    cosine = nn.functional.cosine_similarity(z_0, z_1, dim=-1, eps=1e-12).clamp(-1, 1)
    a, t = cosine.acos()[:, None], t.to(z_0)[:, None]
    straight = a.sin() < 1e-4
    sine = torch.where(straight, 1.0, a.sin())
    circle = (((1 - t) * a).sin() * z_0 + (t * a).sin() * z_1) / sine
    return torch.where(straight, (1 - t) * z_0 + t * z_1, circle)


def truncated_noise(n: int, z_dim: int, most: float, *, seed: int = 0) -> Tensor:
    """Noise without its rare values: each entry from N(0, 1), given that it lies in [-most, most].

        z = F^-1( F(-most) + u (F(most) - F(-most)) ),  u ~ U(0, 1),  F the distribution function of N(0, 1)

    Images from the middle of the noise are typical ones: better, and less various. A small `most` gives up coverage for
    quality, after the training and at no cost. A network that has batch norm is not made for other noise than that of
    its statistics; small values of `most` show it.
    Returns (n, z_dim). Raises ValueError unless most > 0. Source: Brock et al. 2019 (BigGAN), section 3.1.
    """
    if not most > 0:
        raise ValueError(f"most bounds the noise: choose it above 0, not {most}")
    u = torch.rand(n, z_dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    share = math.erf(most / math.sqrt(2))  # F(most) - F(-most)
    z = math.sqrt(2) * torch.erfinv(share * (2 * u - 1))  # F^-1(v) = sqrt(2) erfinv(2 v - 1)
    return z.clamp(-most, most).float()
