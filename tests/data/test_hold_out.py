import re

import pytest
import torch

from gan_lab.data.hold_out import hold_out
from gan_lab.data.images import ImageSet
from gan_lab.measure.coverage import nearest


def video(frames=100):
    """Two films of `frames` frames: a light that goes up the picture, two classes that differ in its side."""
    place = torch.linspace(0, 16, frames)
    light = (255 * torch.exp(-((torch.arange(16)[None, :] - place[:, None]) ** 2) / 8)).byte()  # (frames, 16)
    left = torch.zeros(frames, 1, 16, 16, dtype=torch.uint8)
    left[:, 0, :, 4] = light
    pixels, labels = torch.cat([left, left.flip(3)]), torch.arange(2).repeat_interleave(frames)
    return ImageSet(pixels, labels, ("left", "right"), "film")


def rows(images, part):
    """Where the images of a part stand in the whole."""
    same = (part.pixels[:, None] == images.pixels[None]).flatten(2).all(2)
    assert same.sum(1).eq(1).all()
    return same.nonzero()[:, 1].tolist()


def test_the_end_of_each_class_is_held_out_behind_a_gap():
    images = video(100)
    train, test = hold_out(images, 0.2, gap=5)
    assert rows(images, train) == [*range(75), *range(100, 175)]
    assert rows(images, test) == [*range(80, 100), *range(180, 200)]
    assert train.labels.tolist() == [0] * 75 + [1] * 75 and test.labels.tolist() == [0] * 20 + [1] * 20


def test_without_a_gap_every_image_is_in_one_part():
    images = video(50)
    train, test = hold_out(images, 0.3, gap=0)
    assert sorted(rows(images, train) + rows(images, test)) == list(range(100))


def test_the_parts_are_what_the_whole_was_otherwise():
    images = ImageSet(video().pixels, video().labels, ("left", "right"), "film", (0.0, 1.0))
    for part in hold_out(images):
        assert (part.classes, part.name, part.value_range) == (images.classes, "film", (0.0, 1.0))


def test_classes_are_parted_one_by_one_wherever_their_images_stand():
    images = video(40)
    mixed = torch.arange(80).view(2, 40).T.flatten()  # left, right, left, right, ...
    train, test = hold_out(ImageSet(images.pixels[mixed], images.labels[mixed], images.classes, "film"), 0.25, gap=3)
    assert sorted(rows(images, test)) == [*range(30, 40), *range(70, 80)]
    assert sorted(rows(images, train)) == [*range(27), *range(40, 67)]


def test_frames_of_a_video_leak_through_a_random_split_and_not_through_blocks():
    images = video()
    x, _ = images.batch(slice(None))
    step = (x[1:100] - x[:99]).flatten(1).norm(dim=1).max()  # the farthest that two frames in a row are apart
    shuffled = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    random = nearest(x[shuffled[:40]], x[shuffled[40:]])
    train, test = hold_out(images, 0.2)
    blocks = nearest(test.batch(slice(None))[0], train.batch(slice(None))[0])
    assert (random.distance <= step).double().mean() > 0.9
    assert blocks.distance.min() > 3 * step


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ({"share": 0.0}, "share is 0.0"),
        ({"share": 1.0}, "share is 1.0"),
        ({"gap": -1}, "gap -1"),
        ({"share": 0.5, "gap": 50}, "class 'left' of film has 100 images: 50 held out and a gap of 50 leave none"),
    ],
)
def test_a_part_without_an_image_is_refused(argument, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        hold_out(video(), **argument)


def test_a_class_without_images_is_named():
    images = ImageSet(torch.zeros(9, 1, 2, 2, dtype=torch.uint8), torch.zeros(9).long(), ("one", "none"), "small")
    with pytest.raises(ValueError, match="class 'none' of small has 0 images"):
        hold_out(images)
