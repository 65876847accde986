"""The DCGAN of E. Linder-Norén's collection PyTorch-GAN: https://github.com/eriklindernoren/PyTorch-GAN

Images of 32 x 32, noise of 100; G enlarges by `Upsample` before convolutions k3 of 128 and 64 maps, D has four
convolutions k3 of stride 2, 16 to 128 maps, with a dropout of whole maps, 0.25. 0.8 is written where batch norm has its
eps (it was meant for a momentum). Batches of 64, Adam with 2e-4 and beta1 0.5. G steps first, and D then sees the same
fakes. The samples that it saves are those of a training batch, so in training mode, 64 at once.

Changed: the images come from memory; the sigmoid is in the loss.
"""

from torch import Tensor, nn
from torch.optim import Adam

from bench.recipes.training import Training, bce, dcgan_start, on_the_same_fakes, step
from gan_lab.data.images import ImageSet

SIZE, Z, BATCH = 32, 100, 64


def players() -> tuple[nn.Module, nn.Module]:
    """G: z (N, 100) -> images (N, 1, 32, 32). D: images -> logits (N,)."""
    G: list[nn.Module] = [nn.Linear(Z, 128 * 8 * 8), nn.Unflatten(1, (128, 8, 8)), nn.BatchNorm2d(128)]
    for c_in, c_out in ((128, 128), (128, 64)):
        G += [nn.Upsample(scale_factor=2), nn.Conv2d(c_in, c_out, 3, padding=1)]
        G += [nn.BatchNorm2d(c_out, eps=0.8), nn.LeakyReLU(0.2, True)]
    G += [nn.Conv2d(64, 1, 3, padding=1), nn.Tanh()]
    D: list[nn.Module] = []
    for c_in, c_out in ((1, 16), (16, 32), (32, 64), (64, 128)):
        D += [nn.Conv2d(c_in, c_out, 3, 2, padding=1), nn.LeakyReLU(0.2, True), nn.Dropout2d(0.25)]
        D += [nn.BatchNorm2d(c_out, eps=0.8)] if c_in > 1 else []
    D += [nn.Flatten(), nn.Linear(128 * 2 * 2, 1), nn.Flatten(0)]
    return nn.Sequential(*G).apply(dcgan_start), nn.Sequential(*D).apply(dcgan_start)


def steps(G: nn.Module, D: nn.Module, opt_G: Adam, opt_D: Adam, x: Tensor, fake: Tensor) -> None:
    step(opt_G, bce(D(fake), 1.0))
    step(opt_D, (bce(D(x), 1.0) + bce(D(fake.detach()), 0.0)) / 2)


def start(images: ImageSet, seed: int) -> Training:
    return on_the_same_fakes(images, seed, players, steps, z_dim=Z, batch=BATCH)
