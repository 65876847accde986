"""PyTorch's "DCGAN Tutorial", by N. Inkawhich: https://docs.pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html

Images of 64 x 64, noise of 100, 64 maps at the wide end and 512 at the narrow one, batches of 128, Adam with 2e-4 and
beta1 0.5, all kernels from N(0, 0.02), binary cross-entropy. G steps on the fakes that D has just seen.
The samples are drawn in training mode, 64 at once.

Changed: the images are gray; they come from memory; the sigmoid is in the loss.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.optim import Adam

from bench.recipes.training import Training, bce, dcgan_start, on_the_same_fakes, step
from gan_lab.data.images import ImageSet

SIZE, Z, MAPS, BATCH = 64, 100, 64, 128


def players(channels: int = 1) -> tuple[nn.Module, nn.Module]:
    """G: z (N, 100) -> images (N, channels, 64, 64). D: images -> logits (N,)."""
    up = [MAPS * 8, MAPS * 4, MAPS * 2, MAPS]
    G: list[nn.Module] = [nn.Unflatten(1, (Z, 1, 1)), nn.ConvTranspose2d(Z, up[0], 4, bias=False)]
    for c_in, c_out in zip(up, [*up[1:], channels], strict=True):
        G += [nn.BatchNorm2d(c_in), nn.ReLU(True), nn.ConvTranspose2d(c_in, c_out, 4, 2, 1, bias=False)]
    D: list[nn.Module] = [nn.Conv2d(channels, MAPS, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    down = up[::-1]
    for c_in, c_out in pairwise(down):
        D += [nn.Conv2d(c_in, c_out, 4, 2, 1, bias=False), nn.BatchNorm2d(c_out), nn.LeakyReLU(0.2, True)]
    D += [nn.Conv2d(down[-1], 1, 4, bias=False), nn.Flatten(0)]
    return nn.Sequential(*G, nn.Tanh()).apply(dcgan_start), nn.Sequential(*D).apply(dcgan_start)


def steps(G: nn.Module, D: nn.Module, opt_G: Adam, opt_D: Adam, x: Tensor, fake: Tensor) -> None:
    step(opt_D, bce(D(x), 1.0) + bce(D(fake.detach()), 0.0))
    step(opt_G, bce(D(fake), 1.0))


def start(images: ImageSet, seed: int) -> Training:
    return on_the_same_fakes(images, seed, players, steps, z_dim=Z, batch=BATCH)
