"""How fast a round of `play` is beside the same round as tutorials write it, on this machine.

Both train the same networks on the same images: D on a batch of real and a batch of fake images, then G. The tutorial's
round fetches from a DataLoader over PIL images, computes D's gradients in G's step and throws them away, uses the
default Adam, and asks for both losses with .item(). The two take turns, so that whatever else the machine does hits
both; what counts is the ratio, with the quartiles of the ratios of neighbouring turns.

python bench/steps.py [seconds for each network]
"""

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import Compose, Grayscale, Normalize, Resize, ToTensor

from gan_lab.data import DIGITS, load_images
from gan_lab.losses import NonSaturating
from gan_lab.networks import dcgan32, dcgan64
from gan_lab.training import Game, play

BATCH = 64
Players = tuple[nn.Module, nn.Module]


def tutorial(players: Players, size: int) -> Iterator[None]:
    """One round after another, as tutorials write it."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    G, D = (player.to(device) for player in players)
    opt_G, opt_D = (torch.optim.Adam(player.parameters(), lr=2e-4, betas=(0.5, 0.999)) for player in (G, D))
    look = Compose([Grayscale(), Resize(size), ToTensor(), Normalize(0.5, 0.5)])
    loader = DataLoader(ImageFolder(DIGITS / "train", look), BATCH, shuffle=True, drop_last=True)
    while True:
        for x, _ in loader:
            real, ones, zeros = x.to(device), torch.ones(BATCH, device=device), torch.zeros(BATCH, device=device)
            fake = G(torch.randn(BATCH, 100, device=device))
            opt_D.zero_grad()
            d_loss = bce(D(real), ones) + bce(D(fake.detach()), zeros)
            d_loss.backward()
            opt_D.step()
            opt_G.zero_grad()
            g_loss = bce(D(fake), ones)
            g_loss.backward()
            opt_G.step()
            d_loss.item(), g_loss.item()
            yield


def ours(players: Players, size: int) -> Iterator[None]:
    """One round after another of `play`."""
    G, D = players
    opt_G, opt_D = (torch.optim.Adam(p.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True) for p in (G, D))
    game, images = Game(G, D, NonSaturating(), opt_G, opt_D), load_images(size=size)
    epoch = 0
    while True:
        for _ in play(game, images, batch_size=BATCH, epoch=epoch):
            yield
        epoch += 1


def seconds(rounds: Iterator[None]) -> float:
    """How long the next round takes, until the device has done it."""
    start = time.perf_counter()
    next(rounds)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def compare(name: str, make: Callable[[], Players], size: int, budget: float) -> None:
    """Let both take turns for `budget` seconds after three turns to warm up, and print medians and their ratio."""
    theirs, mine = tutorial(make(), size), ours(make(), size)
    times: list[tuple[float, float]] = []
    end = time.perf_counter() + budget
    while time.perf_counter() < end or len(times) < 8:
        times.append((seconds(theirs), seconds(mine)))
    tutorial_s, ours_s = np.array(times[3:]).T
    low, ratio, high = np.quantile(tutorial_s / ours_s, [0.25, 0.5, 0.75])
    rates = [f"{BATCH / np.median(s):7.0f}" for s in (tutorial_s, ours_s)]
    print(f"{name:14} images/s: tutorial {rates[0]}, play {rates[1]}   {ratio:.2f} times ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    budget = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    print(f"{where}, torch {torch.__version__}, batches of {BATCH}")
    compare("B1, width 1/2", lambda: (dcgan32.Generator(width=0.5), dcgan32.Discriminator(width=0.5)), 32, budget)
    small = {"width": 0.125, "channels": 1}
    compare("A1, width 1/8", lambda: (dcgan64.Generator(**small), dcgan64.Discriminator(**small)), 64, budget)
