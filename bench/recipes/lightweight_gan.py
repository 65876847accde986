"""P. Wang's lightweight-gan, after FastGAN (Liu et al. 2021): https://github.com/lucidrains/lightweight-gan

Noise of 256; G's blocks enlarge, convolve, normalise and halve by a gate (GLU), and a block at a low resolution scales
the maps of one at a high resolution (skip-layer excitation). D's blocks are sums of two branches; from its last maps a
small decoder has to draw the real image again, which keeps D from learning it by heart. Hinge loss, every fourth round
a penalty on D's gradient at real images; D sees a third of the batches through DiffAugment (a cut-out square, a shift).
Adam with 2e-4 and betas 0.5 and 0.9, 10 images four times before a step, kernels from He's normal distribution. The
samples are G's own: the average of its weights begins after 20,000 rounds.

Changed, to fit small images and a CPU: 32 x 32 in gray and a quarter of the maps; the 40 images of a step are one
batch; no attention; no second D, which would see the image at 32 x 32; excitation from 4 x 4 to 32 x 32, where its own
begins at 8 x 8 and leads over four doublings; no mirroring, which digits do not survive. Where the running statistics
are young, they are estimated anew.
"""

from collections.abc import Iterator
from itertools import count

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam

from bench.recipes.training import Training, batches, in_evaluation_mode, step
from gan_lab.data.images import ImageSet

SIZE, Z, BATCH = 32, 256, 40
AUGMENTED = 0.3  # of the batches, which is its own choice for 1005 images


def start_of(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="leaky_relu")


def up(c_in: int, c_out: int) -> nn.Module:
    convolution = nn.Conv2d(c_in, 2 * c_out, 3, padding=1)
    return nn.Sequential(nn.Upsample(scale_factor=2), convolution, nn.BatchNorm2d(2 * c_out), nn.GLU(1))


class Generator(nn.Module):
    """z (N, 256) -> images (N, 1, 32, 32), near [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c = 64, 128, 64
        self.first = nn.Sequential(
            nn.Unflatten(1, (Z, 1, 1)), nn.ConvTranspose2d(Z, 2 * a, 4), nn.BatchNorm2d(2 * a), nn.GLU(1)
        )
        self.to_16 = nn.Sequential(up(a, b), up(b, b))
        self.to_32 = up(b, c)
        narrow, gates = nn.Conv2d(a, a // 2, 4), nn.Conv2d(a // 2, c, 1)
        self.excite = nn.Sequential(nn.AdaptiveAvgPool2d(4), narrow, nn.LeakyReLU(0.1), gates, nn.Sigmoid())
        self.last = nn.Conv2d(c, 1, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = F.normalize(self.first(z), dim=1)  # (N, 64, 4, 4)
        x = self.to_32(self.to_16(x)) * self.excite(x)  # (N, 64, 32, 32)
        image: Tensor = self.last(x)
        return image


class Down(nn.Module):
    """Half the side, by the sum of two branches."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.long = nn.Sequential(
            nn.Conv2d(c_in, c_out, 4, 2, 1), nn.LeakyReLU(0.1), nn.Conv2d(c_out, c_out, 3, padding=1), nn.LeakyReLU(0.1)
        )
        self.short = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(c_in, c_out, 1), nn.LeakyReLU(0.1))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.long(x) + self.short(x)
        return out


class Discriminator(nn.Module):
    """Images -> (scores (N,), the images as they are drawn again)."""

    def __init__(self) -> None:
        super().__init__()
        a, b = 64, 128
        self.maps = nn.Sequential(Down(1, a), Down(a, b))  # (N, 128, 8, 8)
        self.score = nn.Sequential(
            nn.Conv2d(b, b, 3, 2, padding=1), nn.LeakyReLU(0.1), nn.Conv2d(b, 1, 4), nn.Flatten(0)
        )
        self.draw = nn.Sequential(
            *(nn.Upsample(scale_factor=2), nn.Conv2d(b, b, 3, padding=1), nn.GLU(1)),
            *(nn.Upsample(scale_factor=2), nn.Conv2d(b // 2, 2, 3, padding=1), nn.GLU(1)),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.maps(x)
        return self.score(maps), self.draw(maps)


def augmented(x: Tensor) -> Tensor:
    """DiffAugment of the whole batch, or of none of it."""
    return shifted(cut(x)) if torch.rand(()) < AUGMENTED else x


def cut(x: Tensor) -> Tensor:
    """A square of half the side, anywhere in each image (N, 1, H, H), becomes black, 0."""
    side = x.shape[-1]
    corner = torch.randint(side + 1, (2, len(x), 1)) - side // 4
    inside = (torch.arange(side) >= corner) & (torch.arange(side) < corner + side // 2)  # (2, N, H)
    return x * ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])


def shifted(x: Tensor) -> Tensor:
    """Each image by up to an eighth of its side, and black comes in."""
    side, most = x.shape[-1], x.shape[-1] // 8
    rows, columns = torch.arange(side) + torch.randint(2 * most + 1, (2, len(x), 1))  # (2, N, H)
    framed, which = F.pad(x, [most] * 4), torch.arange(len(x))[:, None, None]
    return framed[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


def start(images: ImageSet, seed: int) -> Training:
    torch.manual_seed(seed)
    G, D = Generator().apply(start_of), Discriminator().apply(start_of)
    opt_G, opt_D = (Adam(player.parameters(), lr=2e-4, betas=(0.5, 0.9)) for player in (G, D))
    draw = in_evaluation_mode(G, Z)

    def rounds() -> Iterator[None]:
        for i, real in zip(count(), batches(images, BATCH, drop_last=True), strict=False):
            x = ((real + 1) / 2).requires_grad_()
            with torch.no_grad():
                fake = G(torch.randn(len(x), Z))
            seen = augmented(x)
            (score, again), (fake_score, _) = D(seen), D(augmented(fake))
            d_loss = F.relu(1 - score).mean() + F.relu(1 + fake_score).mean() + F.mse_loss(again, seen.detach())
            if i % 4 == 0:
                (gradient,) = torch.autograd.grad(score.sum(), x, create_graph=True)
                d_loss = d_loss + 10 * (gradient.flatten(1).norm(dim=1) - 1).square().mean()
            step(opt_D, d_loss)
            step(opt_G, -D(augmented(G(torch.randn(len(x), Z))))[0].mean())
            yield

    return Training(G, D, Z, rounds(), lambda z: 2 * draw(z) - 1)
