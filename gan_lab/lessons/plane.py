"""A GAN in the plane, small enough to be watched: its data, its players, and what can be seen of them at any moment.

    plane = Plane()                        # eight heaps on a ring, and the non-saturating loss
    plane.play(100)                        # a hundred rounds: `one_round`, as everywhere in the course
    plane.step_of_D(); plane.step_of_G()   # or one step of one player
    seen = plane.seen()                    # points, D's landscape, and the arrows that G feels

`gan_lab.lessons.playground` draws it and lets a reader play.
"""

from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from gan_lab.data.toy import Mixture, grid, line, ring, two_heaps
from gan_lab.lipschitz import gradient_penalty
from gan_lab.losses import Hinge, Loss, NonSaturating, Saturating, Wasserstein
from gan_lab.measure.random_numbers import seeded
from gan_lab.networks import mlp
from gan_lab.training import Game, bare, fakes, one_round, step_D, step_G

DATA = {"ring": ring(sigma=0.05), "grid": grid(3, step=1.0, sigma=0.05), "line": line(), "two heaps": two_heaps()}
LOSSES: dict[str, Loss] = {
    "non-saturating": NonSaturating(),
    "saturating": Saturating(),
    "Wasserstein": Wasserstein(),
    "hinge": Hinge(),
}
WIDTH, BATCH = 0.125, 128  # of the players; points of each kind in a round
LIMIT = 2.2  # the plane is seen from -LIMIT to LIMIT
REAL, FAKE, SIDE = 200, 200, 40  # points that are seen, and the landscape's grid
LONGEST = 0.5  # an arrow of a pull of 1 or more, in units of the plane


class Seen(NamedTuple):
    """What is to be seen of the game.

    real, fake: points (N, 2).  arrows: the steps (N, 2) that G is pulled to take with them.  landscape: (SIDE, SIDE),
    from 0, surely fake, to 1, surely real, the first row at the bottom.  d_loss, g_loss: of the last steps, or NaN.
    """

    real: Tensor
    fake: Tensor
    arrows: Tensor
    landscape: Tensor
    rounds: int
    d_loss: float
    g_loss: float


class Plane:
    """A game between two small networks for points of the plane.

    data: a name of DATA, or points (N, 2) of one's own.  loss: a name of LOSSES.  lr_D, lr_G: Adam's steps.  momentum:
    its beta1.  Raises ValueError for a name that is none, for steps below 0, a momentum outside [0, 1), and no points.
    """

    def __init__(
        self,
        data: str | Tensor = "ring",
        loss: str = "non-saturating",
        *,
        lr_D: float = 2e-3,
        lr_G: float = 1e-3,
        momentum: float = 0.5,
        seed: int = 0,
    ) -> None:
        self.seed = seed
        self.choose(data=data, loss=loss)
        self.reset()
        self.pace(lr_D=lr_D, lr_G=lr_G, momentum=momentum)

    def choose(self, *, data: str | Tensor | None = None, loss: str | None = None) -> None:
        """Other data or another loss, for the players as they are; Wasserstein brings its gradient penalty with it."""
        if isinstance(data, str) and data not in DATA:
            raise ValueError(f"there are no data {data!r}: choose one of {', '.join(DATA)}, or give points (N, 2)")
        if loss is not None and loss not in LOSSES:
            raise ValueError(f"there is no loss {loss!r}: choose one of {', '.join(LOSSES)}")
        if data is not None:
            self.data = DATA[data] if isinstance(data, str) else Mixture(torch.as_tensor(data).float(), 0.05, "drawn")
        if loss is not None:
            self.loss = loss
        if hasattr(self, "game"):
            self._take_rules()

    def reset(self) -> None:
        """Both players anew, as the seed makes them."""
        rates = [(group["lr"], group["betas"]) for group in self._groups()] if hasattr(self, "game") else []
        torch.manual_seed(self.seed)
        G, D = mlp.Generator(width=WIDTH), mlp.Critic(width=WIDTH)
        opt_G, opt_D = (torch.optim.Adam(player.parameters(), fused=True) for player in (G, D))
        fabric = Fabric(accelerator="cpu", devices=1)
        self.game = Game(G, D, LOSSES[self.loss], opt_G, opt_D, fabric=fabric)
        for group, (lr, betas) in zip(self._groups(), rates, strict=bool(rates)):
            group["lr"], group["betas"] = lr, betas
        self._take_rules()
        self.rounds, self.d_loss, self.g_loss = 0, float("nan"), float("nan")
        self.z = torch.randn(FAKE, self.game.z_dim, generator=torch.Generator().manual_seed(self.seed))

    def pace(self, *, lr_D: float | None = None, lr_G: float | None = None, momentum: float | None = None) -> None:
        """Other steps, from the next one on."""
        for name, value in {"lr_D": lr_D, "lr_G": lr_G}.items():
            if value is not None and not 0 <= value < float("inf"):
                raise ValueError(f"{name} is the size of a step: at least 0, not {value}")
        if momentum is not None and not 0 <= momentum < 1:
            raise ValueError(
                f"momentum is the share of the last step that stays: at least 0 and below 1, not {momentum}"
            )
        for group, lr in zip(self._groups(), (lr_G, lr_D), strict=True):
            group["lr"] = group["lr"] if lr is None else lr
            group["betas"] = group["betas"] if momentum is None else (momentum, 0.99)

    def play(self, rounds: int = 1) -> None:
        """So many rounds, at least one. Raises FloatingPointError where a weight or a loss is not finite any more."""
        if rounds < 1:
            raise ValueError(f"rounds are counted from 1, not {rounds}")
        for _ in range(rounds):
            played = one_round(self.game, [self._batch()])
            self.rounds += 1
        self._note(played.d_loss, played.g_loss)

    def step_of_D(self) -> None:
        """One step of D, on real points and on fakes; G stays."""
        x, y = self._batch()
        self._note(step_D(self.game, x, fakes(self.game, y), y)[0], None)

    def step_of_G(self) -> None:
        """One step of G; D stays."""
        _, y = self._batch()
        self._note(None, step_G(self.game, fakes(self.game, y), y))

    def seen(self) -> Seen:
        """The game as it is. No random number is drawn, and nothing changes."""
        with seeded(self.seed):
            real, _ = self.data.sample(REAL)
        G, D = bare(self.game.G), bare(self.game.D)
        with torch.no_grad():
            fake = G(self.z)
        place = torch.linspace(-LIMIT, LIMIT, SIDE)
        points = torch.stack(torch.meshgrid(place, place, indexing="xy"), -1).view(-1, 2)
        with torch.no_grad():
            landscape = how_real(D(points), self.loss).view(SIDE, SIDE)
        arrows = pull(D, LOSSES[self.loss], fake)
        return Seen(real, fake, arrows, landscape, self.rounds, self.d_loss, self.g_loss)

    def _batch(self) -> tuple[Tensor, Tensor]:
        x, y = self.data.sample(BATCH)
        return x, torch.zeros_like(y)

    def _groups(self) -> list[dict]:  # type: ignore[type-arg]
        return [*self.game.opt_G.param_groups, *self.game.opt_D.param_groups]

    def _take_rules(self) -> None:
        self.game.loss = LOSSES[self.loss]
        self.game.penalty = gradient_penalty if self.loss == "Wasserstein" else None

    def _note(self, d_loss: Tensor | None, g_loss: Tensor | None) -> None:
        self.d_loss = self.d_loss if d_loss is None else d_loss.item()
        self.g_loss = self.g_loss if g_loss is None else g_loss.item()
        losses = [loss for loss in (d_loss, g_loss) if loss is not None]
        if not all(x.isfinite().all() for x in [*losses, *self.game.G.parameters(), *self.game.D.parameters()]):
            raise FloatingPointError("the players have run off to infinity: press Reset, and take smaller steps")


def how_real(score: Tensor, loss: str) -> Tensor:
    """D's scores as shares from 0, surely fake, to 1, surely real.

    With a logarithmic loss the probability; with hinge where the score lies between its margins -1 and 1; a critic's
    scores have neither zero nor unit, so they are laid between the lowest and the highest that is seen.
    """
    if loss == "Wasserstein":
        low, high = score.aminmax()
        return (score - low) / (high - low).clamp(min=1e-12)
    if loss == "hinge":
        return (score.clamp(-1, 1) + 1) / 2
    return score.sigmoid()


def pull(D: nn.Module, loss: Loss, fake: Tensor) -> Tensor:
    """The arrow at each fake point: minus the gradient of its own share of G's loss, (N, 2), LONGEST for a pull of 1.

    A stronger pull is not drawn longer.
    """
    x = fake.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(len(x) * loss.g_loss(D(x), torch.zeros(len(x), dtype=torch.int64)), x)
    arrows: Tensor = -LONGEST * gradient / gradient.norm(dim=1, keepdim=True).clamp(min=1)
    return arrows
