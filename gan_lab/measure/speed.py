"""What this machine trains with, and how fast: `python -m gan_lab.measure.speed 5` prints it for `gan-lab doctor`."""

import json
import sys
import time

import torch

from gan_lab.data.images import load_images
from gan_lab.losses import NonSaturating
from gan_lab.networks.dcgan32 import Discriminator, Generator
from gan_lab.training import Game, play_on

BATCH = 64


def measured(seconds: float) -> dict[str, str | int | float]:
    """The device, the threads, the bundled images, and the median seconds of a round of B1, played for so long."""
    images = load_images()
    G, D = Generator(), Discriminator()
    opt_G, opt_D = (torch.optim.Adam(player.parameters(), lr=1e-4, fused=True) for player in (G, D))
    game = Game(G, D, NonSaturating(), opt_G, opt_D)
    device = game.fabric.device
    rounds = play_on(game, images, batch_size=BATCH)
    float(next(rounds).g_loss)  # the first round also sets things up
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        float(next(rounds).g_loss)  # waits for the device
        times.append(time.perf_counter() - start)
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "threads": torch.get_num_threads(),
        "images": len(images),
        "classes": len(images.classes),
        "rounds_an_epoch": len(images) // BATCH,
        "seconds_a_round": sorted(times)[len(times) // 2],
    }


if __name__ == "__main__":
    print(json.dumps(measured(float(sys.argv[1]))))
