"""A drawing lands where the data has its digits."""

import pytest
import torch
import torch.nn.functional as F

from gan_lab.data.framed import framed
from gan_lab.data.images import load_images
from gan_lab.measure.classifier import classifiers_for


def an_l(size, top, left, height):
    """A thick L, white on black."""
    x = torch.full((1, 1, size, size), -1.0)
    thick = height // 4
    x[..., top : top + height, left : left + thick] = 1
    x[..., top + height - thick : top + height, left : left + height // 2] = 1
    return x


def centre_of_mass(x):
    ink = (x[0, 0] + 1) / 2
    index = torch.arange(len(ink), dtype=ink.dtype)
    return torch.stack([(ink.sum(1 - side) * index).sum() / ink.sum() for side in (0, 1)])


@pytest.mark.parametrize(("size", "top", "left", "height"), [(280, 0, 0, 80), (280, 100, 150, 80), (640, 3, 300, 240)])
def test_place_and_size_of_the_drawing_do_not_matter(size, top, left, height):
    torch.testing.assert_close(framed(an_l(size, top, left, height)), framed(an_l(280, 40, 40, 160)), rtol=0, atol=0.35)


def test_the_longer_side_fills_the_box_and_the_mass_is_in_the_middle():
    x = framed(an_l(300, 10, 20, 200))

    rows = (x[0, 0] > -0.9).any(1).sum().item()
    assert rows == round(20 / 28 * 32)
    assert (centre_of_mass(x) - 15.5).abs().max() <= 0.5
    assert x.shape == (1, 1, 32, 32)
    assert x.abs().max() <= 1


def test_a_digit_of_the_data_drawn_elsewhere_comes_back():
    """Small, in a corner of a large picture, it is read as what it is; unframed it is not."""
    images = load_images(size=32)
    x, y = images.batch(torch.arange(0, 1005, 10))
    drawn = F.pad(x, (300, 10, 20, 250), value=-1.0)
    found = torch.cat([framed(image[None]) for image in drawn])
    classifiers = classifiers_for(images)

    assert share_read(classifiers, found, y) > 0.95
    assert share_read(classifiers, drawn, y) < 0.5
    assert F.cosine_similarity((found + 1).flatten(1), (x + 1).flatten(1)).mean() > 0.85


@torch.no_grad()
def share_read(classifiers, x, y):
    return torch.stack([classifier(x).argmax(1) == y for classifier in classifiers]).double().mean()


def test_a_dot_is_a_drawing_too():
    x = torch.full((1, 1, 32, 32), -1.0)
    x[..., 3, 30] = 1

    assert framed(x).isfinite().all()
    assert (centre_of_mass(framed(x)) - 15.5).abs().max() <= 0.5


def test_what_is_no_drawing_is_refused():
    with pytest.raises(ValueError, match="all black"):
        framed(torch.full((1, 1, 32, 32), -1.0))
    with pytest.raises(ValueError, match=r"\(1, 1, H, W\), not \(3, 32, 32\)"):
        framed(torch.zeros(3, 32, 32))
