"""How good generated images are, in numbers, each beside what real images and what noise would get.

FID, KID and the shares of neighbours are taken in the features of a classifier. Such a number means something only
beside another that was taken with the same classifier, the same images and as many samples. `evaluate` does all of it,
for the end of a notebook. To follow a training, measure `kid` after each epoch:

    classifier = classifier_for(images)
    real = features_of(classifier.features, images)
    ...
    kid(real, features_of(classifier.features, sample(game, z)))
"""

import math
import warnings

import pandas as pd
import torch
from torch import Tensor, nn

from gan_lab.data.images import ImageSet
from gan_lab.measure.classifier import Classifier
from gan_lab.measure.coverage import copying, fidelity, nearest, pair
from gan_lab.measure.features import batches, checked, features_of
from gan_lab.measure.random_numbers import seeded


def fid(real: Tensor, fake: Tensor) -> float:
    """The Fréchet inception distance, between the two normal laws with the features' means and covariances.

        FID = |m_r - m_f|^2 + tr( C_r + C_f - 2 (C_r C_f)^(1/2) )

    real: (N, F), fake: (M, F), features. Of few images it comes out too large, so compare it at one N and M only. It is
    NaN unless N > F and M > F, without which a covariance has no full rank: then take `kid`. Raises ValueError for
    features of different lengths, and values that are not finite.
    Source: Heusel et al. 2017, eq. (6); computed by torchmetrics.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    real, fake = pair(real, fake)
    F = real.shape[1]
    if min(len(real), len(fake)) <= F:
        return math.nan
    metric = FrechetInceptionDistance(_AsTheyAre(F), sync_on_compute=False)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return max(float(metric.compute()), 0.0)  # rounding may leave -1e-12


def kid(real: Tensor, fake: Tensor, *, seed: int = 0) -> float:
    """The kernel inception distance, the squared maximum mean discrepancy of the features, estimated without bias.

        KID = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)
        k(x, y) = (x.y / F + 1)^3

    real x: (N, F), fake y: (M, F), features. Between two sets of one law it is 0 on average, however many there are, so
    it can be negative. (Between the two parts of the bundled digits it is, a little: their classes are of exactly equal
    size, and in draws from a law they are not.) If N != M, it is the mean over ten subsets of min(N, M), by `seed`. Of
    fewer than 2 images it is NaN. Raises ValueError for features of different lengths, and values that are not finite.
    Source: Bińkowski et al. 2018, section 4; computed by torchmetrics.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    real, fake = pair(real, fake)
    size = min(len(real), len(fake))
    if size < 2:
        return math.nan
    subsets = 1 if len(real) == len(fake) else 10
    with warnings.catch_warnings(), seeded(seed):  # it draws the subsets from torch's global random numbers
        warnings.filterwarnings("ignore", "Metric `Kernel Inception Distance` will save all extracted features")
        network = _AsTheyAre(real.shape[1])
        metric = KernelInceptionDistance(network, subsets=subsets, subset_size=size, sync_on_compute=False)
        metric.update(real, real=True)
        metric.update(fake, real=False)
        return float(metric.compute()[0])


class _AsTheyAre(nn.Identity):
    """The network that torchmetrics asks for, where the features are there already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features


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


def evaluate(
    samples: Tensor,
    images: ImageSet,
    held_out: ImageSet,
    classifier: Classifier,
    y: Tensor | None = None,
    *,
    features: nn.Module | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Every metric of the samples, and beside it what other images would get in their place.

        samples   what the generator made, for the labels y if it is conditional
        real      held-out images: the floor, where a perfect generator would be
        copies    training images: a generator that knows them by heart, which the rows "copying" give away
        noise     uniform noise: the ceiling

    samples: (N, C, H, W) in the value_range of `images`, the training images, with which each column is compared.
    y: (N,); without it their class accuracy is NaN. features: the network to compare in, instead of
    `classifier.features` (see `features_of`). Each column is of n = min(N, training images, held-out images) images,
    drawn with `seed`, since FID depends on n. Where n is too small for FID, it is NaN, and so is the class accuracy
    where one of the classes has none of the n images.
    Returns one row a metric: see `fid`, `kid`, `fidelity`, `class_accuracy`, `class_entropy`, `nearest` and `copying`.
    Raises ValueError where shapes, ranges, classes or labels do not fit together, for samples that are not finite or
    leave the range, and where n is 5 or less.
    """
    images, held_out = images.to("cpu"), held_out.to("cpu")
    _must_fit(samples, images, held_out, classifier, y)
    network = features or classifier.features
    made, train, unseen = (torch.cat(list(batches(x, images.value_range))).cpu() for x in (samples, images, held_out))
    reference = features_of(network, train)
    unseen_pixels = nearest(unseen, train).distance
    unseen_features = nearest(features_of(network, unseen), reference).distance

    def measured(x: Tensor, y: Tensor | None) -> dict[str, float]:
        found, logits = features_of(network, x), features_of(classifier, x)
        n, K = logits.shape
        pixels, entropy = nearest(x, train).distance, class_entropy(logits.argmax(1), K)
        accuracy = math.nan
        if y is not None and len(set(y.tolist())) >= K:
            accuracy = class_accuracy(logits, y).mean().item()
        return {
            "images": n,
            "FID": fid(reference, found),
            "KID": kid(reference, found, seed=seed),
            **fidelity(reference, found)._asdict(),
            "class accuracy": accuracy,
            "class entropy (nats)": entropy,
            "class entropy / log K": entropy / math.log(K),
            "nearest training image (median, in pixels)": pixels.median().item(),
            "copying (in pixels)": copying(pixels, unseen_pixels),
            "copying (in features)": copying(nearest(found, reference).distance, unseen_features),
        }

    n = min(len(made), len(train), len(unseen))
    with seeded(seed):
        some, fresh, known = (torch.randperm(len(x))[:n] for x in (made, unseen, train))
        noise = 2 * torch.rand(n, *images.shape) - 1
    columns = {
        "samples": measured(made[some], None if y is None else y.cpu()[some]),
        "real": measured(unseen[fresh], held_out.labels[fresh]),
        "copies": measured(train[known], images.labels[known]),
        "noise": measured(noise, held_out.labels[fresh]),
    }
    return pd.DataFrame(columns)


def _must_fit(samples: Tensor, images: ImageSet, held_out: ImageSet, classifier: Classifier, y: Tensor | None) -> None:
    for name in ("shape", "value_range", "classes"):
        ours, theirs = getattr(images, name), getattr(held_out, name)
        if ours != theirs:
            raise ValueError(f"images have {name} {ours}, held_out has {theirs}: load both in the same way")
    if classifier.head.out_features != len(images.classes):
        raise ValueError(f"the classifier knows {classifier.head.out_features} classes, images have {images.classes}")
    if checked(samples, images.value_range, "samples").shape[1:] != images.shape:
        raise ValueError(f"samples are {tuple(samples.shape[1:])}, images {images.shape}: load them in the shape of G")
    if min(len(samples), len(images), len(held_out)) < 6:
        there = f"{len(samples)} samples, {len(images)} training and {len(held_out)} held-out images"
        raise ValueError(f"there are {there}: this takes 6 of each at least, and a thousand to mean something")
    if y is not None and y.shape != (len(samples),):
        raise ValueError(f"y has shape {tuple(y.shape)}, but there are {len(samples)} samples: give one label each")
