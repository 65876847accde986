"""Train the generators of the bundled digits that the package carries, and say how good they are.

    uv run python data/build_generators.py

They are notebook 6's games "augmentation" and "labels", played for longer than there, with steps that fall to 0 in the
last half. Another machine, or another version of PyTorch, may round otherwise and come to other weights that are as
good. A quarter of an hour on one core.
"""

from itertools import islice

import torch
from torch.optim.lr_scheduler import LambdaLR

from gan_lab import pretrained
from gan_lab.data.hold_out import load_with_held_out
from gan_lab.lessons.ladder import BATCH, IDEAS
from gan_lab.measure.judge import Judge
from gan_lab.training import generator_of, play_on

ROUNDS = 10_000
FILES = {"augmentation": "digits.pt", "labels": "digits_by_class.pt"}

torch.set_num_threads(1)
images, held_out = load_with_held_out(size=32)
judge = Judge(images, held_out)
for idea, name in FILES.items():
    torch.manual_seed(0)
    game = IDEAS[idea](images)
    slower = [LambdaLR(o, lambda n: min(1, 2 * (1 - n / ROUNDS))) for o in (game.opt_G, game.opt_D)]
    for _ in islice(play_on(game, images, batch_size=BATCH), ROUNDS):
        for schedule in slower:
            schedule.step()
    pretrained.save(generator_of(game).cpu(), pretrained.HERE / name)
    G = pretrained.digits() if idea == "augmentation" else pretrained.digits_by_class()
    z, y = torch.randn(judge.n, G.z_dim, generator=torch.Generator().manual_seed(1)), torch.arange(judge.n) % 5
    found = judge(G(z, y), y if idea == "labels" else None)
    print(name, {measure: round(float(value), 3) for measure, value in found.items()}, flush=True)
