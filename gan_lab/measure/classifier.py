"""Small classifiers of the data's classes: what they have learned to see in an image is what images are compared by.

Measured between pixels, a digit that moves by two of them is as far from itself as from another digit. So distances
and coverage are taken in the features of networks that have learned what matters. Their numbers depend on the network,
that is on its seed. So there are three of them, whose numbers are averaged, and each has seen what no image of the
data looks like (`outliers`). Those of the bundled digits are part of the package, and the same everywhere. They were
made by `data/build_classifiers.py` from the 1005 training digits; `digits_classifiers.md` says how well they know the
others.
"""

import math
import os
from contextlib import suppress
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.data.images import ImageSet, load_images
from gan_lab.described import described
from gan_lab.measure.features import batches
from gan_lab.measure.outliers import outliers
from gan_lab.measure.random_numbers import seeded
from gan_lab.shipped import DIGITS

BUNDLED = Path(__file__).with_name("digits_classifiers.pt")
SEEDS = (0, 1, 2)  # of the classifiers


class Classifier(nn.Module):
    """Images to logits: x (N, 1 or 3, H, W) in [-1, 1] -> (N, classes).

    features: the layers up to the 64 features that images are compared by, x -> (N, 64). Each has mean 0 and variance 1
    over the images of its training, outliers among them. head: the linear layer behind them, to the logits of the
    classes and, the last one, of "none of them", which `forward` leaves out.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
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
        self.head = nn.Linear(64, classes + 1)

    def answers(self, x: Tensor) -> Tensor:
        """The logits of the classes and of "none of them": x -> (N, classes + 1)."""
        logits: Tensor = self.head(F.relu(self.features(x)))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        return self.answers(x)[:, :-1]


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


def classifiers_for(images: ImageSet) -> list[Classifier]:
    """Three classifiers of these images' classes, in evaluation mode on the CPU, which differ in their seeds.

    For the bundled digits, in any size and colour, they are the package's. For images of your own they are trained,
    a quarter of a minute long, and kept for the next time in ~/.cache/torch/gan_lab (below TORCH_HOME, if that is set);
    a damaged file there is named, and they are trained again.
    Give training images: those that are held out must not have been seen. One class leaves nothing to tell apart: such
    images are seen with the eyes of the digits' classifiers. Raises ValueError as `train_classifier` does.
    """
    if len(images.classes) < 2 or are_bundled_digits(images):
        return load_classifiers(BUNDLED)
    kept = Path(torch.hub.get_dir()).with_name("gan_lab") / f"classifiers-{TRAINING}-{images.fingerprint[:16]}.pt"
    if kept.exists():
        try:
            return load_classifiers(kept)
        except Exception as error:  # what a damaged file makes of a reader has no end
            print(f"{kept} is damaged ({type(error).__name__}): the classifiers are trained anew")
    classifiers = [train_classifier(images, seed=seed) for seed in SEEDS]
    with suppress(OSError):  # if there is no place to keep them, they are trained again the next time
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}")  # many runs may keep them at once
        save_classifiers(classifiers, part)
        os.replace(part, kept)
    return classifiers


def are_bundled_digits(images: ImageSet) -> bool:
    """Whether these are the training images in data/digits, all of them; a folder of yours may have the same name."""
    if images.name != "digits" or not DIGITS.is_dir():
        return False
    channels, size, _ = images.shape
    return images.fingerprint == load_images(size=size, channels=channels).fingerprint


def save_classifiers(classifiers: list[Classifier], file: Path) -> None:
    torch.save([classifier.state_dict() for classifier in classifiers], file)


def load_classifiers(file: Path) -> list[Classifier]:
    """The classifiers whose weights are in `file`, in evaluation mode on the CPU."""
    classifiers = []
    for weights in torch.load(file, map_location="cpu", weights_only=True):
        classifier = Classifier(len(weights["head.weight"]) - 1)
        classifier.load_state_dict(weights)
        classifiers.append(classifier.eval())
    return classifiers


def train_classifier(images: ImageSet, *, steps: int = 300, batch_size: int = 64, seed: int = 0) -> Classifier:
    """Train a classifier by AdamW on the cross-entropy, with images that are moved a little whenever they are seen.

    Beside each batch it sees a quarter as many `outliers`, whose right answer is "none of them". It takes the same time
    for few images and for many, and runs on the CPU, where the same seed gives the same weights if the machine is the
    same. Raises ValueError for fewer than two classes, or one without an image.
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
            index, other = torch.randint(len(x), (batch_size,)), torch.randint(len(x), (max(1, batch_size // 4),))
            seen = torch.cat([moved(x[index]), outliers(moved(x[other]))])
            right = torch.cat([y[index], torch.full_like(other, len(count))])
            loss = F.cross_entropy(classifier.answers(seen), right)
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


TRAINING = described([train_classifier, SEEDS])[-8:]  # other digits when the training is another one
