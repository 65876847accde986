"""Whether samples are copies of real images, of those that a generator learns from or of those that are held out."""

from collections.abc import Iterator

import torch
from torch import Tensor

from gan_lab.data.images import ImageSet
from gan_lab.measure.coverage import copying, nearest
from gan_lab.measure.features import batches, features_of
from gan_lab.measure.judge import Judge

TWINS = 0.05  # the share of samples that may lie as near to a real image as 1 in 100 other real images does
LIKE_COPIES = 0.62  # of `copying`: the generators in results/ have at most 0.52, half of all samples copied is 0.75


class Copies:
    """Finds copies among samples, in the pixels and in the features of the judge's networks."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        train, held_out = both(judge.images), torch.cat([both(judge.reference), both(judge.unseen)])
        self._kinds = {"training": (train, held_out), "held-out": (held_out, train)}  # and what is no copy of it
        self._pixels = {kind: nearest(other, own).distance for kind, (own, other) in self._kinds.items()}
        self._features = {kind: list(self._seen(*images)) for kind, images in self._kinds.items()}

    def why(self, samples: Tensor) -> str:
        """Why these samples (N, C, H, W) are taken for copies, in plain words; "" if they are not.

        They are if more than TWINS of them lie nearer to an image, in pixels, than 99 % of other real images do; or if
        `copying` is above LIKE_COPIES in pixels and in features, as it is for copies that were moved a little. Of the
        two alone neither is enough: a dull image is near to all others in pixels.
        """
        return next(self._reasons(torch.cat(list(batches(samples, self.judge.images.value_range)))), "")

    def _seen(self, own: Tensor, other: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """For each network the features of the images, and how far from them others usually are."""
        for network in self.judge.networks:
            features = features_of(network, own)
            yield features, nearest(features_of(network, other), features).distance

    def _reasons(self, x: Tensor) -> Iterator[str]:
        for kind, (own, _) in self._kinds.items():
            distance, usual = nearest(x, own).distance, self._pixels[kind]
            twins = (distance < usual.quantile(0.01)).double().mean().item()
            if twins > TWINS:
                yield f"{twins:.0%} of the samples are nearly equal to {kind} images"
        for kind, (own, _) in self._kinds.items():
            pixels = copying(nearest(x, own).distance, self._pixels[kind])
            pairs = zip(self.judge.networks, self._features[kind], strict=True)
            each = [copying(nearest(features_of(net, x), seen).distance, usual) for net, (seen, usual) in pairs]
            features = sum(each) / len(each)
            if min(pixels, features) > LIKE_COPIES:
                yield (
                    f"the samples are nearer to the {kind} images than other real images are, in {pixels:.0%} of "
                    f"comparisons by pixels and {features:.0%} by features; new drawings get about 50%"
                )


def both(images: ImageSet) -> Tensor:
    """All of the images in [-1, 1]."""
    return torch.cat(list(batches(images)))
