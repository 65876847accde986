"""Training steps as the well-known tutorials write them, one generator function a GAN: each yields after one round.

What they have in common: the images come from a DataLoader over PIL images; the optimisers are the default ones; in G's
step D's gradients are computed as well, and thrown away; and each round asks for both losses with .item(). Where the
tutorials end D with a sigmoid, these have the loss that takes logits, which is a little faster.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Adam, RMSprop
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import Compose, Grayscale, Normalize, Resize, ToTensor

Batches = Iterable[tuple[Tensor, Tensor]]  # x (N, C, H, W) in [-1, 1], y (N,)


def folder_batches(
    folder: Path, size: int, channels: int, batch_size: int, workers: int = 0
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end, each image opened, resized and made a tensor when its turn comes."""
    look = Compose([Grayscale(channels), Resize((size, size)), ToTensor(), Normalize(0.5, 0.5)])
    kept = {"num_workers": workers, "persistent_workers": workers > 0}  # the digits' epochs are short
    loader = DataLoader(ImageFolder(folder, look), batch_size, shuffle=True, drop_last=True, **kept)
    while True:
        yield from loader


def gan(G: nn.Module, D: nn.Module, batches: Batches, device: torch.device) -> Iterator[tuple[float, float]]:
    """DCGAN: D on a real and a fake batch, then G on the same fake batch."""
    opt_G, opt_D = (Adam(player.parameters(), lr=2e-4, betas=(0.5, 0.999)) for player in (G, D))
    bce = nn.BCEWithLogitsLoss()
    for x, _ in batches:
        real = x.to(device)
        ones, zeros = torch.ones(len(real), device=device), torch.zeros(len(real), device=device)
        fake = G(torch.randn(len(real), 100, device=device))

        opt_D.zero_grad()
        d_loss = bce(D(real), ones) + bce(D(fake.detach()), zeros)
        d_loss.backward()
        opt_D.step()

        opt_G.zero_grad()
        g_loss = bce(D(fake), ones)
        g_loss.backward()
        opt_G.step()
        yield d_loss.item(), g_loss.item()


def acgan(G: nn.Module, D: nn.Module, batches: Batches, device: torch.device) -> Iterator[tuple[float, float]]:
    """AC-GAN: G on a fake batch of random classes, then D on a real batch and on the same fake one."""
    opt_G, opt_D = (Adam(player.parameters(), lr=2e-4, betas=(0.5, 0.999)) for player in (G, D))
    bce, cross_entropy = nn.BCEWithLogitsLoss(), nn.CrossEntropyLoss()
    for x, y in batches:
        real, y_real = x.to(device), y.to(device)
        ones, zeros = torch.ones(len(real), device=device), torch.zeros(len(real), device=device)

        opt_G.zero_grad()
        y_fake = torch.randint(0, 5, (len(real),), device=device)
        fake = G(torch.randn(len(real), 100, device=device), y_fake)
        score, classes = D(fake)
        g_loss = (bce(score, ones) + cross_entropy(classes, y_fake)) / 2
        g_loss.backward()
        opt_G.step()

        opt_D.zero_grad()
        score, classes = D(real)
        real_loss = (bce(score, ones) + cross_entropy(classes, y_real)) / 2
        score, classes = D(fake.detach())
        fake_loss = (bce(score, zeros) + cross_entropy(classes, y_fake)) / 2
        d_loss = (real_loss + fake_loss) / 2
        d_loss.backward()
        opt_D.step()
        yield d_loss.item(), g_loss.item()


def wgan(G: nn.Module, D: nn.Module, batches: Batches, device: torch.device) -> Iterator[tuple[float, float]]:
    """WGAN: five clipped steps of the critic by RMSprop, then one of G on the last one's noise."""
    opt_G, opt_D = (RMSprop(player.parameters(), lr=5e-5) for player in (G, D))
    for i, (x, _) in enumerate(batches, start=1):
        real = x.to(device)
        z = torch.randn(len(real), 100, device=device)

        opt_D.zero_grad()
        d_loss = -torch.mean(D(real)) + torch.mean(D(G(z).detach()))
        d_loss.backward()
        opt_D.step()
        for w in D.parameters():
            w.data.clamp_(-0.01, 0.01)

        if i % 5 == 0:
            opt_G.zero_grad()
            g_loss = -torch.mean(D(G(z)))
            g_loss.backward()
            opt_G.step()
            yield d_loss.item(), g_loss.item()


def wgan_gp(G: nn.Module, D: nn.Module, batches: Batches, device: torch.device) -> Iterator[tuple[float, float]]:
    """WGAN-GP: five steps of the critic under the penalty, whose fake batch nobody detached, so that G's backward pass
    is computed too and thrown away; then one of G on the last one's noise."""
    opt_G, opt_D = (Adam(player.parameters(), lr=1e-4, betas=(0.0, 0.9)) for player in (G, D))
    for i, (x, _) in enumerate(batches, start=1):
        real = x.to(device)
        z = torch.randn(len(real), 100, device=device)

        opt_D.zero_grad()
        fake = G(z)
        d_loss = -torch.mean(D(real)) + torch.mean(D(fake)) + 10 * penalty(D, real.data, fake.data)
        d_loss.backward()
        opt_D.step()

        if i % 5 == 0:
            opt_G.zero_grad()
            g_loss = -torch.mean(D(G(z)))
            g_loss.backward()
            opt_G.step()
            yield d_loss.item(), g_loss.item()


def penalty(D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """The mean of (|grad D| - 1)^2 at one random point between each real image and its fake one."""
    epsilon = torch.rand(len(real), 1, 1, 1, device=real.device)
    between = (epsilon * real + (1 - epsilon) * fake).requires_grad_(True)
    score = D(between)
    (gradient,) = torch.autograd.grad(score, between, torch.ones_like(score), create_graph=True, retain_graph=True)
    norm: Tensor = gradient.view(len(real), -1).norm(2, dim=1)
    return ((norm - 1) ** 2).mean()
