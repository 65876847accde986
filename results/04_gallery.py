"""What each error of `gan_lab.lessons.wrong_penalties`, and each way to clip, does on the ring of 8.

    uv run python results/04_gallery.py

Every game has the same networks, optimiser and number of generator steps, and for one seed the same weights at the
start. A row is written after each training, and started again, it goes on where it was. Half an hour on one core.
"""

import time
from collections import deque
from functools import partial
from itertools import chain, count, islice
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import nn

from gan_lab.data.toy import covered, ring
from gan_lab.files import whole
from gan_lab.lessons.wrong_penalties import (
    normal_t,
    one_norm_for_the_batch,
    one_t_a_pixel,
    one_t_for_the_batch,
    report_b,
    t_is_1,
)
from gan_lab.lipschitz import Penalty, clip_weights, gradient_norms, gradient_penalty
from gan_lab.losses import Wasserstein
from gan_lab.networks import mlp
from gan_lab.theory.transport import wasserstein1
from gan_lab.training import Game, bare, play, sample

TABLE = Path(__file__).with_suffix(".csv")
SEEDS, ROUNDS, BATCH, WIDTH, WEIGHT, CLIP, POINTS = 10, 1200, 64, 0.125, 1.0, 0.1, 512


class Setting(NamedTuple):
    penalty: Penalty | None = None  # without one, the critic is clipped
    batch_norm: bool = False
    n_critic: int = 5
    critic_steps_by: type[torch.optim.Optimizer] = torch.optim.Adam


SETTINGS = {
    "right": Setting(gradient_penalty),
    "one-sided": Setting(partial(gradient_penalty, one_sided=True)),
    "normal t": Setting(normal_t),
    "one t for the batch": Setting(one_t_for_the_batch),
    "one t a coordinate": Setting(one_t_a_pixel),
    "t = 1": Setting(t_is_1),
    "one norm for the batch": Setting(one_norm_for_the_batch),
    "batch norm in the critic": Setting(gradient_penalty, batch_norm=True),
    "n_critic = 1": Setting(gradient_penalty, n_critic=1),
    "report B": Setting(report_b, n_critic=1),
    "clipping, RMSprop": Setting(critic_steps_by=torch.optim.RMSprop),
    "clipping, Adam": Setting(),
}


def critic(batch_norm: bool) -> nn.Module:
    """The critic for points of the plane, or the same with batch norm in the second and third hidden layer."""
    D = mlp.Critic(width=WIDTH)
    if batch_norm:
        for hidden in D.layers[1:3]:
            hidden.insert(1, nn.BatchNorm1d(hidden[0].out_features))
    return D


def train(chosen: Setting, seed: int) -> dict[str, float]:
    """Play that many rounds, then measure on fresh points: the exact W1, the modes, and what the critic says."""
    law = ring()
    torch.manual_seed(seed)
    G, D = mlp.Generator(width=WIDTH), critic(chosen.batch_norm)
    adam = {"lr": 1e-3, "betas": (0.5, 0.9), "fused": True}
    opt_G, opt_D = torch.optim.Adam(G.parameters(), **adam), torch.optim.Adam(D.parameters(), **adam)
    if chosen.critic_steps_by is torch.optim.RMSprop:
        opt_D = torch.optim.RMSprop(D.parameters(), lr=1e-3)
    held = {"project": partial(clip_weights, c=CLIP)}
    if chosen.penalty:
        held = {"penalty": partial(chosen.penalty, weight=WEIGHT), "allow_batch_norm": chosen.batch_norm}
    fabric = Fabric(accelerator="cpu", devices=1)
    game = Game(G, D, Wasserstein(), opt_G, opt_D, n_critic=chosen.n_critic, fabric=fabric, **held)
    began = time.process_time()
    rounds = chain.from_iterable(play(game, law, batch_size=BATCH, epoch=epoch, seed=seed) for epoch in count())
    deque(islice(rounds, ROUNDS), maxlen=0)  # plays, and keeps nothing
    return {"core_seconds": time.process_time() - began, **measured(game, seed)}


def measured(game: Game, seed: int) -> dict[str, float]:
    """The critic is asked as in training, in batches of the same size."""
    law, D = ring(), bare(game.D)
    torch.manual_seed(1000 + seed)
    real, other = (law.sample(POINTS)[0] for _ in range(2))
    fake = sample(game, torch.randn(POINTS, game.z_dim))
    t = torch.rand(POINTS, 1)
    with torch.no_grad():
        says = [torch.cat([D(part) for part in x.split(BATCH)]).mean().item() for x in (real, fake)]
    found = covered(fake, law)
    return {
        "w1": wasserstein1(real, fake),
        "w1_floor": wasserstein1(real, other),
        "modes": found.modes,
        "high_quality": found.high_quality,
        "estimate": says[0] - says[1],
        "slope": gradient_norms(D, t * real + (1 - t) * fake).mean().item(),
    }


def main() -> None:
    torch.set_num_threads(1)
    rows = pd.read_csv(TABLE).to_dict("records") if TABLE.exists() else []
    done = {(row["setting"], row["seed"]) for row in rows}
    for seed in range(SEEDS):
        for name, chosen in SETTINGS.items():
            if (name, seed) not in done:
                rows.append({"setting": name, "seed": seed, **train(chosen, seed)})
                with whole(TABLE) as part:
                    pd.DataFrame(rows).to_csv(part, index=False)
                print(rows[-1], flush=True)


if __name__ == "__main__":
    main()
