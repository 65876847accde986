"""A small classifier of the data's classes: what it has learned to see in an image is what images are compared by.

Measured between pixels, a digit that moves by two of them is as far from itself as from another digit. So FID, KID and
the like compare images in the features of a network that has learned what matters in them. Their numbers then depend on
that network: four of these classifiers, trained on the same digits with the seeds 0 to 3, put pure noise at an FID of
74, 93, 178 and 86. The classifier of the bundled digits is therefore part of the package, and the same everywhere. It
was made by `data/build_classifier.py` from the 1005 training digits and knows 1483 of the 1495 others (99.2 %).
"""

import math
import os
from contextlib import suppress
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.data.images import ImageSet, load_images
from gan_lab.identity import described
from gan_lab.measure.features import batches
from gan_lab.measure.random_numbers import seeded
from gan_lab.shipped import DIGITS

BUNDLED = Path(__file__).with_name("digits_classifier.pt")


class Classifier(nn.Module):
    """Images to logits: x (N, 1 or 3, H, W) in [-1, 1] -> (N, classes).

    features: the layers up to the 64 features that images are compared by, x -> (N, 64). Each has mean 0 and variance 1
    over the images of its training. head: the linear layer behind them.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            Gray32(),  # (N, 1, 32, 32)
            nn.Conv2d(1, 16, 5, stride=2, padding=2),
            nn.BatchNorm2d(16),
            nn.ReLU(),  # (N, 16, 16, 16)
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),  # (N, 32, 8, 8)
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),  # (N, 64, 4, 4)
            nn.Flatten(),
            nn.Linear(1024, 64),
            nn.BatchNorm1d(64, affine=False),
        )
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(F.relu(self.features(x)))
        return logits


class Gray32(nn.Module):
    """Images (N, 1 or 3, H, W) as gray squares (N, 1, 32, 32), made in the way of `load_images`.

    Three channels become one by luma, 0.299 R + 0.587 G + 0.114 B; another size becomes 32 x 32 by bilinear
    interpolation with antialiasing. Gray images of 32 x 32 stay as they are. Raises ValueError for other shapes.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 4 or x.shape[1] not in (1, 3):
            raise ValueError(f"images have shape (N, 1, H, W) or (N, 3, H, W), not {tuple(x.shape)}")
        if x.shape[1] == 3:
            x = (x * x.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
        return x if x.shape[2:] == (32, 32) else F.interpolate(x, (32, 32), mode="bilinear", antialias=True)


def classifier_for(images: ImageSet) -> Classifier:
    """A classifier of these images' classes, in evaluation mode on the CPU.

    For the bundled digits, in any size and colour, it is the package's. For images of your own it is trained, some ten
    seconds long, and kept in ~/.cache/torch/gan_lab (or below TORCH_HOME, where that is set) for the next time. Give it
    training images: those that are held out must not have been seen.
    Raises ValueError as `train_classifier` does.
    """
    if are_bundled_digits(images):
        return load_classifier(BUNDLED)
    kept = Path(torch.hub.get_dir()).with_name("gan_lab") / f"classifier-{TRAINING}-{images.fingerprint[:16]}.pt"
    if kept.exists():
        return load_classifier(kept)
    classifier = train_classifier(images)
    with suppress(OSError):  # if there is no place to keep it, it is trained again the next time
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}")  # many runs may keep it at once
        torch.save(classifier.state_dict(), part)
        os.replace(part, kept)
    return classifier


def are_bundled_digits(images: ImageSet) -> bool:
    """Whether these are the training images in data/digits, all of them; a folder of yours may have the same name."""
    if images.name != "digits" or not DIGITS.is_dir():
        return False
    channels, size, _ = images.shape
    return images.fingerprint == load_images(size=size, channels=channels).fingerprint


def load_classifier(file: Path) -> Classifier:
    """The classifier whose weights are in `file`, in evaluation mode on the CPU."""
    weights = torch.load(file, map_location="cpu", weights_only=True)
    classifier = Classifier(len(weights["head.weight"]))
    classifier.load_state_dict(weights)
    return classifier.eval()


def train_classifier(images: ImageSet, *, steps: int = 400, batch_size: int = 128, seed: int = 0) -> Classifier:
    """Train a classifier by AdamW on the cross-entropy, with images that are moved a little whenever they are seen.

    It takes the same time for few images and for many, and runs on the CPU, where the same seed gives the same weights
    if the machine is the same. Raises ValueError for fewer than two classes, or one without an image.
    """
    count = images.labels.bincount(minlength=len(images.classes)).tolist()
    if len(count) < 2:
        raise ValueError(
            f"{images.name} has one class, {images.classes[0]!r}: to tell classes apart, give two at least"
        )
    if 0 in count:
        raise ValueError(f"{images.name} has no image of class {images.classes[count.index(0)]!r}: add some")
    gray = Gray32()
    x, y = torch.cat([gray(part) for part in batches(images.to("cpu"))]), images.labels.cpu()
    with seeded(seed):
        classifier = Classifier(len(count))
        optimizer = torch.optim.AdamW(classifier.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps)
        for _ in range(steps):
            index = torch.randint(len(x), (batch_size,))
            loss = F.cross_entropy(classifier(moved(x[index])), y[index])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
    return classifier.eval()


def moved(x: Tensor) -> Tensor:
    """Images x (N, C, H, W), each turned by up to 15 degrees, scaled by up to 10 %, slanted by up to 0.2 and shifted by
    up to a sixteenth of its side, at random. What comes in from outside continues the border."""

    def up_to(limit: float) -> Tensor:
        return limit * (2 * torch.rand(len(x)) - 1)

    angle, scale, slant = up_to(math.radians(15)), 1 + up_to(0.1), up_to(0.2)
    to_x = torch.stack([scale * angle.cos(), slant - scale * angle.sin(), up_to(1 / 8)], dim=1)  # a side is 2 long
    to_y = torch.stack([scale * angle.sin(), scale * angle.cos(), up_to(1 / 8)], dim=1)
    places = F.affine_grid(torch.stack([to_x, to_y], dim=1), list(x.shape), align_corners=False)
    return F.grid_sample(x, places, padding_mode="border", align_corners=False)


TRAINING = described(train_classifier)[-8:]  # other digits when the training is another one
