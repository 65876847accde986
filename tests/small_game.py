"""A game of two small players with batch norm and dropout, that a test plays in milliseconds."""

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from gan_lab.data.images import ImageSet
from gan_lab.losses import Loss, NonSaturating
from gan_lab.training import Game


class Generator(nn.Module):
    z_dim = 3

    def __init__(self) -> None:
        super().__init__()
        first = nn.Linear(3, 8, bias=False)
        self.layers = nn.Sequential(first, nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 16), nn.Tanh())

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(z).view(-1, 1, 4, 4)


class Discriminator(nn.Module):
    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(16, 8), nn.LeakyReLU(), nn.Dropout(dropout), nn.Linear(8, 1)
        )

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(x).squeeze(1)


def small_images(n: int = 20) -> ImageSet:
    pixels = torch.randint(0, 256, (n, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(7))
    return ImageSet(pixels, torch.arange(n) % 5, ("a", "b", "c", "d", "e"), "small")


def small_game(
    loss: Loss | None = None, G: nn.Module | None = None, D: nn.Module | None = None, **more: object
) -> Game:
    torch.manual_seed(1)
    G, D = G or Generator(), D or Discriminator()
    return Game(
        G,
        D,
        loss or NonSaturating(),
        opt_G=torch.optim.Adam(G.parameters(), lr=1e-2, betas=(0.5, 0.999), fused=True),
        opt_D=torch.optim.Adam(D.parameters(), lr=1e-2, betas=(0.5, 0.999), fused=True),
        fabric=Fabric(accelerator="cpu", devices=1),
        **more,
    )


def weights(player: nn.Module) -> Tensor:
    """All weights of a player in one row, as they are now."""
    return torch.cat([weight.detach().flatten() for weight in player.parameters()])


def same(a: Game, b: Game) -> bool:
    """Whether two games have the same bits: weights, statistics, and the memory of both optimisers."""
    return all(equal(a.parts[name].state_dict(), b.parts[name].state_dict()) for name in a.parts)


def equal(a: object, b: object) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b
