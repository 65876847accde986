"""How good samples are: one object that a notebook asks.

    judge = Judge(images, held_out)
    x = sample(game, torch.randn(judge.n, game.z_dim))
    judge(x)                     all the numbers
    judge.kernel_distance(x)     one of them, to follow a training
    judge.beside(x)              all of them, beside what real images, copies and noise get

A number means something only beside another that was taken in the same way, so a judge fixes all that it depends on:
the real images, the networks, and how many samples are compared.
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property

import pandas as pd
import torch
from torch import Tensor, nn

from gan_lab.data.images import ImageSet
from gan_lab.measure.classifier import classifiers_for
from gan_lab.measure.coverage import copying, fidelity, nearest
from gan_lab.measure.features import accuracy, batches, checked, features_of
from gan_lab.measure.metrics import frechet_distance, kernel_distance
from gan_lab.measure.noise_level import noise_level
from gan_lab.measure.per_class import by_class, class_accuracy, class_entropy
from gan_lab.measure.random_numbers import seeded


class Judge:
    """Compares samples with held-out images, and says whether they are copies of the training images.

    images: those that the generator learns from. held_out: others of the same kind, which nobody learns from. Of each
    class the first half of them is the *reference*, with which samples are compared; the second half is *unseen*, and
    shows what real images get in the place of samples. networks: what images are compared by; by default the features
    of three classifiers of the training images (`classifiers_for`), and a number is the mean of what the three say.

    reference, unseen: ImageSets. n: as many samples are compared; of more, n are drawn, by `seed`. Warns where the
    held-out images are not like the training images, or so much like each other that coverage says little.
    Raises ValueError where `images` and `held_out` do not fit together.
    """

    def __init__(
        self, images: ImageSet, held_out: ImageSet, *, networks: Sequence[nn.Module] | None = None, seed: int = 0
    ) -> None:
        for name in ("shape", "value_range", "classes"):
            ours, theirs = getattr(images, name), getattr(held_out, name)
            if ours != theirs:
                raise ValueError(f"images have {name} {ours}, held_out has {theirs}: load both in the same way")
        self.images, self.seed = images.to("cpu"), seed
        self.reference, self.unseen = halves(held_out.to("cpu"))
        for k, name in enumerate(held_out.classes):
            if not (self.reference.labels == k).any():
                raise ValueError(
                    f"{held_out.name} has one held-out image a class or none, as of {name!r}: hold out two of a class "
                    "at least"
                )
        self.n = min(len(self.images), len(self.reference))
        self.classifiers = classifiers_for(self.images)
        self.networks = networks or [classifier.features for classifier in self.classifiers]
        self._train, self._real = (torch.cat(list(batches(part))) for part in (self.images, self.reference))
        self._train_features = [features_of(network, self._train) for network in self.networks]
        self._real_features = [features_of(network, self._real) for network in self.networks]
        for doubt in self._doubts():
            warnings.warn(doubt, stacklevel=2)

    def __call__(self, samples: Tensor, y: Tensor | None = None) -> "pd.Series[float]":
        """The numbers of `each`, each the mean over the networks."""
        return self.each(samples, y).mean(axis=1, skipna=False)

    def each(self, samples: Tensor, y: Tensor | None = None) -> pd.DataFrame:
        """What the samples get in the eyes of each network: a row a number, a column a network.

            kernel_distance, frechet_distance    to the reference; 0 is best
            precision, recall, density, coverage    see `fidelity`
            class_entropy    how evenly the classes are spread that the classifier sees; 1 is even, 0 is one class
            class_accuracy   only with labels y: the share in which it sees the class that was asked for
            grain            the standard deviation of pixel noise (`noise_level`), where black is -1 and white 1
            copying_pixels, copying_features    1/2 for unseen images, 1 for copies (`copying`)

        samples: (N, C, H, W) in the value_range of the images; y: (N,), the labels that they were made for. A number
        that is not defined for so few images is NaN. Raises ValueError where shapes or ranges do not fit together.
        """
        x, y = self._drawn(samples, y)
        K, grain, pixels = len(self.images.classes), noise_level(x), nearest(x, self._train).distance
        columns = {}
        for i, network in enumerate(self.networks):
            found, logits = features_of(network, x), features_of(self.classifiers[i % len(self.classifiers)], x)
            real, train = self._real_features[i], self._train_features[i]
            entropy = class_entropy(logits.argmax(1), logits.shape[1]) / math.log(K) if K > 1 else math.nan
            named = {} if y is None else {"class_accuracy": _share_named(logits, y, K)}
            columns[f"network {i + 1}"] = {
                "kernel_distance": kernel_distance(real, found, seed=self.seed),
                "frechet_distance": frechet_distance(real, found),
                **fidelity(real, found)._asdict(),
                "class_entropy": entropy,
                **named,
                "grain": grain,
                "copying_pixels": copying(pixels, self._pixels),
                "copying_features": copying(nearest(found, train).distance, self._features[i]),
            }
        return pd.DataFrame(columns)

    def kernel_distance(self, samples: Tensor) -> float:
        """The first number of `each`, averaged over the networks, without the work for the others."""
        x, _ = self._drawn(samples, None)
        pairs = zip(self._real_features, self.networks, strict=True)
        found = [kernel_distance(real, features_of(network, x), seed=self.seed) for real, network in pairs]
        return sum(found) / len(found)

    def probabilities(self, x: Tensor) -> Tensor:
        """How probable the classifiers hold each class of images x (N, C, H, W), in the mean: (N, K), rows sum to 1."""
        how = {"value_range": self.images.value_range}
        each = [features_of(classifier, x.cpu(), **how).softmax(1) for classifier in self.classifiers]
        return torch.stack(each).mean(0)

    def sure(self, x: Tensor, p: float = 0.99) -> float:
        """The share of images x (N, C, H, W) of which one class is more probable than p: those that can be named.

        NaN where the real images have one class: there is nothing to name.
        """
        if len(self.images.classes) < 2:
            return math.nan
        return (self.probabilities(x).amax(1) > p).double().mean().item()

    @cached_property
    def floor(self) -> "pd.Series[float]":
        """What unseen real images get, where a perfect generator would be; `class_accuracy` is among the numbers."""
        return self(*self.unseen.batch(slice(None)))

    def beside(self, samples: Tensor, y: Tensor | None = None) -> pd.DataFrame:
        """The numbers of the samples, and of as many other images in their place; a column each.

        samples    |  unseen: real images that nobody learned from, where a perfect generator would be
                   |  copies: training images, a generator that knows them by heart; only "copying" gives them away
                   |  noise: uniform noise
        """
        n = min(self.n, len(samples))
        with seeded(self.seed):
            unseen, copies = (part.batch(torch.randperm(len(part))[:n]) for part in (self.unseen, self.images))
            low, high = self.images.value_range
            noise = low + (high - low) * torch.rand(n, *self.images.shape), unseen[1]
        columns = {"samples": (samples, y), "unseen": unseen, "copies": copies, "noise": noise}
        asked = y is not None
        return pd.DataFrame({name: self(x, labels if asked else None) for name, (x, labels) in columns.items()})

    def by_class(self, samples: Tensor, y: Tensor | None = None) -> pd.DataFrame:
        """What the samples are worth class by class, as `gan_lab.measure.per_class.by_class` has it, in the mean.

        Raises ValueError if all images are of one class: then `judge(samples)` says what there is to say.
        """
        if len(self.images.classes) < 2:
            raise ValueError(f"{self.images.name} has one class: measure all samples at once, by judge(samples)")
        tables = [by_class(samples, self.reference, classifier, y) for classifier in self.classifiers]
        mean: pd.DataFrame = sum(tables[1:], tables[0]) / len(tables)
        return mean

    @cached_property
    def _pixels(self) -> Tensor:
        """From each image of the reference to its nearest training image."""
        return nearest(self._real, self._train).distance

    @cached_property
    def _features(self) -> list[Tensor]:
        """The same in the features of each network."""
        pairs = zip(self._real_features, self._train_features, strict=True)
        return [nearest(real, train).distance for real, train in pairs]

    def _drawn(self, samples: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """At most n of the samples, in [-1, 1], and their labels."""
        if checked(samples, self.images.value_range, "samples").shape[1:] != self.images.shape:
            ours, theirs = tuple(samples.shape[1:]), self.images.shape
            raise ValueError(f"samples are {ours}, images {theirs}: load the images in the shape of G")
        if y is not None and y.shape != (len(samples),):
            raise ValueError(f"y has shape {tuple(y.shape)}, but there are {len(samples)} samples: one label each")
        with seeded(self.seed):
            some = torch.randperm(len(samples))[: self.n] if len(samples) > self.n else torch.arange(len(samples))
        x = torch.cat(list(batches(samples.cpu()[some], self.images.value_range)))
        return x, None if y is None else y.cpu()[some]

    def _doubts(self) -> Iterator[str]:
        """What is strange about the real images, in words."""
        if len(self.images.classes) > 1:
            for k, name in enumerate(self.images.classes):
                train, held = (self._known(part, k) for part in (self.images, self.reference))
                if held < train - 0.2:
                    yield (
                        f"class {name!r} of {self.images.name}: the classifiers know {train:.0%} of its training "
                        f"images and {held:.0%} of its held-out ones, so the two show different things; hold out "
                        "images of the same kind, or read no distance as a lack of the generator"
                    )
        if self.floor["coverage"] < 0.5:
            yield (
                f"even unseen real images of {self.images.name} cover only {self.floor['coverage']:.0%} of the "
                "reference: the images are near-duplicates of each other, or the two halves differ; compare precision "
                "and coverage with what the unseen images get, not with 1"
            )

    def _known(self, images: ImageSet, k: int) -> float:
        part = images.part(images.labels == k)
        return sum(accuracy(classifier, part) for classifier in self.classifiers) / len(self.classifiers)


def halves(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    """The first and the second half of each class, in their order; of an odd number the last image is left out."""
    first, second = [], []
    for k in range(len(images.classes)):
        of_class = (images.labels == k).nonzero().flatten()
        half = len(of_class) // 2
        first.append(of_class[:half])
        second.append(of_class[half : 2 * half])
    return images.part(torch.cat(first)), images.part(torch.cat(second))


def _share_named(logits: Tensor, y: Tensor, classes: int) -> float:
    """The mean of `class_accuracy` over the classes; NaN for one class, or where one was never asked for."""
    return class_accuracy(logits, y).mean().item() if len(set(y.tolist())) == classes > 1 else math.nan
