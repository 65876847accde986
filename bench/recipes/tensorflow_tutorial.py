"""TensorFlow's tutorial "Deep Convolutional GAN": https://www.tensorflow.org/tutorials/generative/dcgan

Images of 28 x 28, noise of 100, a dense layer to 7 x 7 x 256, transposed convolutions k5 to 128, 64 and 1 maps with
batch norm and leaky ReLUs; in D convolutions k5 to 64 and 128 maps with dropout of 0.3; batches of 256, Adam with 1e-4
(and its usual beta1, 0.9). Both players step by the gradients at one point.

Changed: it is PyTorch that computes it, with Keras' defaults (Glorot's start, leaky slope 0.3, batch norm's eps and
average). Where the running statistics are young, they are estimated anew for the samples.
"""

from collections.abc import Iterator

import torch
from torch import nn
from torch.optim import Adam

from bench.recipes.training import Training, batches, bce, in_evaluation_mode, keras_start, step_together
from gan_lab.data.images import ImageSet

SIZE, Z, BATCH = 28, 100, 256


def players() -> tuple[nn.Module, nn.Module]:
    """G: z (N, 100) -> images (N, 1, 28, 28). D: images -> logits (N,)."""
    G = nn.Sequential(
        nn.Linear(Z, 7 * 7 * 256, bias=False),
        nn.BatchNorm1d(7 * 7 * 256, eps=1e-3, momentum=0.01),
        nn.LeakyReLU(0.3),
        nn.Unflatten(1, (256, 7, 7)),
        nn.ConvTranspose2d(256, 128, 5, padding=2, bias=False),  # (N, 128, 7, 7)
        nn.BatchNorm2d(128, eps=1e-3, momentum=0.01),
        nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(128, 64, 5, 2, padding=2, output_padding=1, bias=False),  # (N, 64, 14, 14)
        nn.BatchNorm2d(64, eps=1e-3, momentum=0.01),
        nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(64, 1, 5, 2, padding=2, output_padding=1, bias=False),  # (N, 1, 28, 28)
        nn.Tanh(),
    )
    D = nn.Sequential(
        nn.Conv2d(1, 64, 5, 2, padding=2),  # (N, 64, 14, 14)
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Conv2d(64, 128, 5, 2, padding=2),  # (N, 128, 7, 7)
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(128 * 7 * 7, 1),
        nn.Flatten(0),
    )
    return G.apply(keras_start), D.apply(keras_start)


def start(images: ImageSet, seed: int) -> Training:
    torch.manual_seed(seed)
    G, D = players()
    opt_G, opt_D = (Adam(player.parameters(), lr=1e-4, eps=1e-7) for player in (G, D))

    def rounds() -> Iterator[None]:
        for x in batches(images, BATCH, drop_last=False):
            real, fake = D(x), D(G(torch.randn(len(x), Z)))
            step_together((G, D), (opt_G, opt_D), bce(fake, 1.0), bce(real, 1.0) + bce(fake, 0.0))
            yield

    return Training(G, D, Z, rounds(), in_evaluation_mode(G, Z))
