"""Images to train on and images to hold out, for a set that has no test split of its own."""

from dataclasses import replace

import torch

from gan_lab.data.images import ImageSet


def hold_out(images: ImageSet, share: float = 0.2, *, gap: int = 5) -> tuple[ImageSet, ImageSet]:
    """Part images that have no test split of their own: (training images, held-out images).

    Of each class the last `share` of its images, in the order of the files, is held out. The frames of a video come in
    that order, and neighbours are nearly equal: drawn at random, almost every held-out frame would have a twin among
    the training images. For the same reason the `gap` images before the held-out ones go to neither part.
    Raises ValueError for a share outside (0, 1), a gap < 0, and a class too small to leave an image in both parts.
    """
    if not 0 < share < 1 or gap < 0:
        raise ValueError(f"share is {share} and gap {gap}: choose a share between 0 and 1, and a gap of at least 0")
    train, test = [], []
    for label, name in enumerate(images.classes):
        index = (images.labels == label).nonzero().flatten()
        held = max(1, round(share * len(index)))
        if len(index) <= held + gap:
            raise ValueError(
                f"class {name!r} of {images.name} has {len(index)} images: {held} held out and a gap of {gap} leave "
                "none to train on; choose a smaller share or gap, or add images"
            )
        train.append(index[: -held - gap])
        test.append(index[-held:])
    train_set, test_set = (
        replace(images, pixels=images.pixels[part], labels=images.labels[part])
        for part in (torch.cat(train), torch.cat(test))
    )
    return train_set, test_set
