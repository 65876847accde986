import re

import numpy as np
import pytest
import torch
from PIL import Image
from video import moving_digits

from gan_lab.data.hold_out import hold_out, load_with_held_out
from gan_lab.data.images import ImageSet, load_images
from gan_lab.measure.coverage import nearest


def numbered(*of_each):
    """Images of two pixels, which say their place in the class and the class: so many of each."""
    rows = [(place, label) for label, n in enumerate(of_each) for place in range(n)]
    pixels, labels = torch.tensor(rows, dtype=torch.uint8).view(-1, 1, 1, 2), torch.tensor([y for _, y in rows])
    return ImageSet(pixels, labels, tuple(f"c{k}" for k in range(len(of_each))), "film")


def places(images, label):
    """Where the images of a class stood in it."""
    return images.pixels[images.labels == label][:, 0, 0, 0].tolist()


def blocks_of(places):
    """The stretches of neighbours in a list of places, as (first, last), in the order of the list."""
    cuts = [i for i in range(1, len(places)) if places[i] != places[i - 1] + 1]
    edges = zip([0, *cuts], [*cuts, len(places)], strict=True)
    return [(places[start], places[end - 1]) for start, end in edges]


# Which images go where


def test_the_middles_of_six_stretches_of_each_class_are_held_out_first_1_3_5_and_then_2_4_6():
    train, test = hold_out(numbered(201, 201), blocks=6)
    for label in (0, 1):
        assert blocks_of(places(test, label)) == [(13, 19), (80, 86), (147, 153), (46, 52), (113, 119), (180, 186)]
        assert blocks_of(places(train, label)) == [
            (0, 7), (25, 40), (58, 74), (92, 107), (125, 141), (159, 174), (192, 200),
        ]  # fmt: skip
    assert train.labels.tolist() == sorted(train.labels.tolist()) and test.labels.tolist() == [0] * 42 + [1] * 42


@pytest.mark.parametrize("gap", [0, 1, 5])
@pytest.mark.parametrize("blocks", [1, 2, 3, 6])
@pytest.mark.parametrize("share", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("n", [20, 50, 150, 201])
def test_exactly_the_images_nearer_than_the_gap_to_a_held_out_one_are_in_neither_part(n, share, blocks, gap):
    train, test = hold_out(numbered(n), share, blocks=blocks, gap=gap)
    trained, held = places(train, 0), places(test, 0)
    assert len(set(held)) == len(held)
    assert trained == [i for i in range(n) if min(abs(i - j) for j in held) > gap]
    assert abs(len(held) - share * n) <= blocks / 2


@pytest.mark.parametrize("blocks", [2, 4, 6])
def test_each_half_of_the_held_out_images_of_a_class_is_whole_blocks_with_training_images_between(blocks):
    train, test = hold_out(numbered(201), blocks=blocks)
    trained, held = places(train, 0), places(test, 0)
    first, second = held[: len(held) // 2], held[len(held) // 2 :]
    assert len(first) == len(second)
    for i in first:
        assert all(any(min(i, j) < k < max(i, j) for k in trained) for j in second)


def test_one_block_is_the_end_of_the_class():
    train, test = hold_out(numbered(100), blocks=1)
    assert blocks_of(places(train, 0)) == [(0, 74)] and blocks_of(places(test, 0)) == [(80, 99)]


@pytest.mark.parametrize(("n", "blocks"), [(8, 1), (24, 1), (49, 1), (50, 2), (99, 2), (100, 4), (201, 4), (250, 4)])
def test_a_small_class_has_fewer_blocks_and_at_most_half_of_its_other_images_are_lost(n, blocks):
    train, test = hold_out(numbered(n, 201))
    assert len(blocks_of(sorted(places(test, 0)))) == blocks
    assert len(blocks_of(places(test, 1))) == 4
    if n >= 50:
        assert len(places(train, 0)) >= (n - len(places(test, 0))) / 2


def test_the_parts_are_what_the_whole_was_otherwise():
    images = ImageSet(numbered(40, 40).pixels, numbered(40, 40).labels, ("left", "right"), "film", (0.0, 1.0))
    for part in hold_out(images):
        assert (part.classes, part.name, part.value_range) == (("left", "right"), "film", (0.0, 1.0))


def test_classes_are_parted_one_by_one_wherever_their_images_stand():
    images = numbered(40, 40)
    mixed = torch.arange(80).view(2, 40).T.flatten()  # c0, c1, c0, c1, ...
    parts = hold_out(ImageSet(images.pixels[mixed], images.labels[mixed], images.classes, "film"), 0.25, gap=1)
    for part, same in zip(parts, hold_out(images, 0.25, gap=1), strict=True):
        assert [places(part, label) for label in (0, 1)] == [places(same, label) for label in (0, 1)]


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ({"share": 0.0}, "share is 0.0"),
        ({"share": 1.0}, "share is 1.0"),
        ({"gap": -1}, "gap -1"),
        ({"blocks": 0}, "blocks 0"),
        ({"share": 0.5, "gap": 50}, "class 'c0' of film has 100 images: 50 held out and a gap of 50 leave none"),
    ],
)
def test_a_part_without_an_image_is_refused(argument, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        hold_out(numbered(100), **argument)


def test_a_class_without_images_is_named():
    images = ImageSet(torch.zeros(9, 1, 2, 2, dtype=torch.uint8), torch.zeros(9).long(), ("one", "none"), "small")
    with pytest.raises(ValueError, match="class 'none' of small has 0 images"):
        hold_out(images)


# What that does to a video


def apart(x, y):
    """The energy distance of two sets of images, unbiased: 0 on average if both come from one distribution."""
    x, y = (part.batch(slice(None))[0].flatten(1) for part in (x, y))
    within = [torch.cdist(part, part).sum().item() / len(part) / (len(part) - 1) for part in (x, y)]
    return 2 * torch.cdist(x, y).mean().item() - sum(within)


def some(images, index):
    return ImageSet(images.pixels[index], images.labels[index], images.classes, images.name)


def halves(images):
    """The first half of the images of each class, and the second."""
    of_class = [(images.labels == label).nonzero().flatten() for label in range(len(images.classes))]
    first = torch.cat([index[: len(index) // 2] for index in of_class])
    second = torch.cat([index[len(index) // 2 :] for index in of_class])
    return some(images, first), some(images, second)


@pytest.fixture(scope="module", params=[0, 1, 2])
def video(request):
    return moving_digits(seed=request.param)


def test_the_nearest_image_to_a_frame_is_one_of_its_neighbours(video):
    x = video.batch(video.labels == 2)[0].flatten(1)
    distance = torch.cdist(x, x).fill_diagonal_(torch.inf)
    assert len(x) == 201
    assert ((distance.argmin(1) - torch.arange(201)).abs() <= 5).double().mean() > 0.9


def test_frames_held_out_at_random_have_twins_among_the_training_images_and_most_frames_in_blocks_have_none(video):
    shuffled = torch.randperm(len(video), generator=torch.Generator().manual_seed(0))
    pairs = {"random": (some(video, shuffled[201:]), some(video, shuffled[:201])), "blocks": hold_out(video)}
    distance = {
        name: nearest(test.batch(slice(None))[0], train.batch(slice(None))[0]).distance.median()
        for name, (train, test) in pairs.items()
    }
    assert distance["blocks"] > 4 * distance["random"]


def test_several_blocks_are_from_the_distribution_of_the_training_images_and_the_last_fifth_is_not(video):
    assert apart(*hold_out(video)) < apart(*hold_out(video, blocks=1)) / 3


def test_the_halves_of_six_blocks_are_alike_and_those_of_two_are_not(video):
    assert apart(*halves(hold_out(video, blocks=6)[1])) < 0.6 * apart(*halves(hold_out(video, blocks=2)[1]))


# Loading both parts


def fill(folder, n=60):
    folder.mkdir(parents=True)
    for i in range(n):
        Image.fromarray(np.full((4, 4), i, dtype=np.uint8)).save(folder / f"{i}.png")


def same(a, b):
    return a.fingerprint == b.fingerprint and (a.value_range, a.name) == (b.value_range, b.name)


def test_images_that_have_a_test_split_are_loaded_with_it():
    train, test = load_with_held_out(size=16, value_range=(0.0, 1.0))
    assert same(train, load_images(size=16, value_range=(0.0, 1.0)))
    assert same(test, load_images(size=16, split="test", value_range=(0.0, 1.0)))


@pytest.mark.parametrize("folder", ["a", "train/a"])
def test_a_folder_without_a_test_split_is_parted(tmp_path, folder):
    fill(tmp_path / folder)
    parts = load_with_held_out(tmp_path, size=8, channels=3, value_range=(0.0, 1.0))
    whole = load_images(tmp_path, size=8, channels=3, value_range=(0.0, 1.0))
    assert len(whole) == 60
    for part, expected in zip(parts, hold_out(whole), strict=True):
        assert same(part, expected)


def test_a_folder_that_is_missing_or_whose_splits_disagree_is_named_as_load_images_does(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere"):
        load_with_held_out(tmp_path / "nowhere")
    fill(tmp_path / "train" / "a", 2)
    fill(tmp_path / "test" / "b", 2)
    with pytest.raises(ValueError, match="make the class folders agree"):
        load_with_held_out(tmp_path)


def test_a_folder_too_small_to_part_is_named(tmp_path):
    fill(tmp_path / "a", 5)
    with pytest.raises(ValueError, match=r"class 'a' of .* has 5 images: .* add images"):
        load_with_held_out(tmp_path)
