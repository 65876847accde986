"""Images to train on and images to hold out, also for a set that has no test split of its own."""

from itertools import pairwise
from pathlib import Path

import torch

from gan_lab.data.images import ImageSet, load_images


def load_with_held_out(
    data_dir: str | Path = "", *, size: int = 32, channels: int = 1, value_range: tuple[float, float] = (-1.0, 1.0)
) -> tuple[ImageSet, ImageSet]:
    """Load (training images, held-out images): the two splits of `data_dir`, or where it has one only, its parts.

    The arguments and the errors are those of `load_images` and, for a folder without test images, of `hold_out`.
    """
    images = load_images(data_dir, size=size, channels=channels, value_range=value_range)
    try:
        held_out = load_images(data_dir, size=size, channels=channels, split="test", value_range=value_range)
    except FileNotFoundError:  # the folder is there, it was just read: it has no test split
        return hold_out(images)
    return images, held_out


def hold_out(images: ImageSet, share: float = 0.2, *, blocks: int = 4, gap: int = 5) -> tuple[ImageSet, ImageSet]:
    """Part images that have no test split of their own: (training images, held-out images).

    The frames of a video come in the order of the files, and neighbours are nearly equal: drawn at random, almost every
    held-out frame would have a twin among the training images. So blocks of neighbours are held out, and the `gap`
    images on each side of a block go to neither part. One block would show another part of the film than the training
    images do. So each class is cut into `blocks` stretches, and the middle of each stretch is held out: together
    about `share` of the class, in blocks of one length. If there is one block only, it is the class's last images,
    which have a gap on one side.

    Gaps cost images. A class where they would take more than half of the images that are not held out gets fewer
    blocks, an even number or one: as the settings are, four from 100 images on, two from 50, else one.

    The training images keep their order. The held-out images of a class are blocks 1, 3 and then 2, 4, each in the
    order of the files. So either half of them spans the whole film and is whole blocks, unless their number is odd.
    With six blocks the halves are more alike (`tests/data/test_hold_out.py`), but of 201 images 99 train, not 121.
    Raises ValueError for a share outside (0, 1), blocks < 1, a gap < 0, and a class too small to leave an image in both
    parts.
    """
    if not 0 < share < 1 or blocks < 1 or gap < 0:
        raise ValueError(
            f"share is {share}, blocks {blocks} and gap {gap}: choose a share between 0 and 1, at least 1 block, "
            "and a gap of at least 0"
        )
    train, test = [], []
    for label, name in enumerate(images.classes):
        index = (images.labels == label).nonzero().flatten()
        length, starts = _blocks(len(index), share, blocks, gap)
        to_train = torch.ones(len(index), dtype=torch.bool, device=index.device)
        for start in starts:
            to_train[max(0, start - gap) : start + length + gap] = False
        if not to_train.any():
            raise ValueError(
                f"class {name!r} of {images.name} has {len(index)} images: {length * len(starts)} held out and a gap "
                f"of {gap} leave none to train on; choose a smaller share or gap, or add images"
            )
        train.append(index[to_train])
        test += [index[start : start + length] for start in starts[::2] + starts[1::2]]
    return images.part(torch.cat(train)), images.part(torch.cat(test))


def _blocks(n: int, share: float, blocks: int, gap: int) -> tuple[int, list[int]]:
    """The length of a block in a class of n images, and where each begins."""
    held = max(1, round(share * n))
    room = held if gap == 0 else min(held, (n - held) // (4 * gap))  # 2 gap a block are at most half of the rest
    if room < blocks:
        blocks = max(1, room - room % 2)
    length = max(1, round(share * n / blocks))
    if blocks == 1:
        return length, [max(0, n - length)]
    ends = [n * i // blocks for i in range(blocks + 1)]
    return length, [(a + b - length) // 2 for a, b in pairwise(ends)]
