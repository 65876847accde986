import io

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.show import film as ours
from gan_lab.show.film import film, film_of_training


def test_a_film_shows_the_images_in_turn_in_blocks_and_begins_again(monkeypatch):
    displayed = []
    monkeypatch.setattr(ours, "display", lambda data, raw, metadata: displayed.append(data))
    frames = torch.tensor([[[[-1.0, 1.0], [1.0, -1.0]]], [[[1.0, 1.0], [-1.0, -1.0]]]])
    film(frames, alt="two patterns", side=4, fps=10)
    (shown,) = displayed
    seen = Image.open(io.BytesIO(shown["image/gif"]))
    assert seen.n_frames == 2 and seen.info["loop"] == 0 and seen.info["duration"] == 100
    for k, frame in enumerate(frames):
        seen.seek(k)
        assert np.array_equal(
            np.asarray(seen.convert("L")), (frame[0] > 0).repeat_interleave(2, 0).repeat_interleave(2, 1) * 255
        )
    assert shown["text/plain"] == "two patterns"


def test_a_film_of_nothing_is_refused():
    with pytest.raises(ValueError, match="a film needs an image"):
        film(torch.zeros(0, 1, 2, 2), alt="nothing")


def test_a_film_of_a_training_has_its_first_and_its_last_picture_and_holds_the_last(tmp_path, monkeypatch):
    displayed = []
    monkeypatch.setattr(ours, "display", lambda data, raw, metadata: displayed.append((data, metadata)))
    pictures = [tmp_path / f"{n}.png" for n in range(41)]
    for n, picture in enumerate(pictures):
        Image.new("L", (6, 8), color=6 * n).save(picture)
    film_of_training(pictures, alt="ever lighter", height=4, frames=5, fps=10)
    ((data, metadata),) = displayed
    seen, colours, times = Image.open(io.BytesIO(data["image/gif"])), [], []
    for k in range(seen.n_frames):
        seen.seek(k)
        colours.append(seen.convert("L").getpixel((0, 0)))
        times.append(seen.info["duration"])
    assert colours == [0, 60, 120, 180, 240] and seen.size == (6, 4)
    assert times == [100, 100, 100, 100, 2100]  # equal frames are one that lasts
    assert metadata == {"image/gif": {"alt": "ever lighter"}}


def test_a_film_of_no_training_is_refused():
    with pytest.raises(ValueError, match="a film needs a picture: play an epoch first"):
        film_of_training([], alt="nothing")
