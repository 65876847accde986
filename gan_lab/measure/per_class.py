"""How good generated images are class by class: is the class right, and is there as much in it as in the real one?"""

from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor

from gan_lab.data.images import ImageSet
from gan_lab.measure.classifier import Classifier, train_classifier
from gan_lab.measure.coverage import NEIGHBOURS, distances, fidelity, points
from gan_lab.measure.features import accuracy, checked, features_of


def class_accuracy(logits: Tensor, y: Tensor) -> Tensor:
    """Of the images made for each class, the share in which a classifier sees that class.

    logits: (N, K), `features_of(classifier, x)`; y: (N,), the labels that x was made for -> (K,), each between 0 and 1.
    Raises ValueError if there is not one label an image, a label is none of the K classes, or a class has no image.
    """
    N, K = logits.shape
    logits, y = logits.cpu(), y.cpu()
    if y.shape != (N,):
        raise ValueError(f"y has shape {tuple(y.shape)}, but there are {N} images: give one label each, ({N},)")
    if N and not 0 <= y.min() <= y.max() < K:
        raise ValueError(f"y has labels from {y.min()} to {y.max()}, but the classes are 0 to {K - 1}")
    count = y.bincount(minlength=K)
    if not count.all():
        raise ValueError(f"of the {N} images none is of class {int(count.argmin())}: draw some of each class")
    return y.bincount((logits.argmax(1) == y).double(), minlength=K) / count


def class_entropy(labels: Tensor, classes: int) -> float:
    """How evenly images are spread over the K classes, in nats.

        H = -sum_k p_k log p_k,  p_k the share of the images with label k

    labels: (N,), such as a classifier gives to samples. H = log K if all classes have the same share, 0 if one has all.
    Raises ValueError if there is no label, or one is none of the classes.
    """
    if len(labels) == 0:
        raise ValueError("there is no label: the entropy of no images is not defined")
    if not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(f"labels go from {labels.min()} to {labels.max()}, but the classes are 0 to {classes - 1}")
    p = labels.bincount(minlength=classes).double() / len(labels)
    return float(torch.special.entr(p).sum())


def by_class(samples: Tensor, held_out: ImageSet, classifier: Classifier, y: Tensor | None = None) -> pd.DataFrame:
    """What the samples are worth, a row a class, in the features of a classifier of real images.

        GAN-test   of the samples made for class k, the share in which the classifier sees k; NaN without y
        share      of all samples, the share in which it sees k, whatever they were made for
        variety    spread(those samples) / spread(real_k): 1 if they differ as much as the real images of class k
        coverage   of the neighbourhoods of real_k, the share that holds a sample

    real_k: the held-out images of class k. A few images that are like no digit raise the variety, and never the
    coverage, which grows with the number of samples: compare it with that of as many real images.
    samples: (N, C, H, W) in the value_range of `held_out`; y: (N,), the labels they were made for. Raises ValueError
    if classifier and images do not fit together, or the samples leave the range, and as `class_accuracy` does.
    Source: GAN-test of Shmelkov, Schmid & Alahari 2018; coverage of Naeem et al. 2020, eq. (4), see `fidelity`.
    """
    K = len(held_out.classes)
    if classifier.classes != K:
        raise ValueError(f"the classifier knows {classifier.classes} classes, the images have {K}: train one")
    made = checked(samples, held_out.value_range, "samples")
    found, logits = (
        features_of(net, made, value_range=held_out.value_range) for net in (classifier.features, classifier)
    )
    real, seen = features_of(classifier.features, held_out), logits.argmax(1)
    right = torch.full((K,), torch.nan) if y is None else class_accuracy(logits, y)
    rows = []
    for k, name in enumerate(held_out.classes):
        real_k, seen_k = real[held_out.labels.cpu() == k], found[seen == k]
        if len(real_k) <= NEIGHBOURS or not (spread_k := spread(real_k)):
            raise ValueError(
                f"class {name!r} of {held_out.name} has {len(real_k)} images to compare with, or all are equal: hold "
                f"out {NEIGHBOURS + 1} different ones at the least, since coverage looks at {NEIGHBOURS} neighbours of "
                "each; for a Judge, which compares with one half, twice as many"
            )
        variety = spread(seen_k) / spread_k if len(seen_k) > 1 else 0.0
        rows.append((right[k].item(), len(seen_k) / len(found), variety, fidelity(real_k, found).coverage))
    index = pd.Index(held_out.classes, name="class")
    return pd.DataFrame(rows, index, columns=["GAN-test", "share", "variety", "coverage"])


def spread(x: Tensor) -> float:
    """The mean distance between two different points, mean_{i != j} |x_i - x_j|; whatever N is, it has no bias.

    x: (N, F). Raises ValueError for fewer than two points, and values that are not finite.
    """
    x = points("x", x, 2).double()
    N = len(x)
    return distances(x, x).sum().item() / (N * (N - 1))


def gan_train(samples: Tensor, y: Tensor, held_out: ImageSet, *, steps: int = 400, seed: int = 0) -> float:
    """GAN-train: a classifier that has seen nothing but samples, and its accuracy on held-out real images.

    It is low where samples show the wrong class, and falls, more slowly, where they are less varied than real images.
    samples: (N, C, H, W) in the value_range of `held_out`, y: (N,), the labels they were made for. steps, seed: see
    `train_classifier`. Raises ValueError as it does, and if the samples leave the range.
    Source: Shmelkov, Schmid & Alahari 2018, "How good is my GAN?", section 3.
    """
    low, high = held_out.value_range
    samples = checked(samples, held_out.value_range, "samples").cpu()
    pixels = (255 * (samples - low) / (high - low)).round().clamp(0, 255).byte()
    made = replace(held_out, pixels=pixels, labels=y.cpu(), name="samples")
    return accuracy(train_classifier(made, steps=steps, seed=seed), held_out)
