import io

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.show import film as ours
from gan_lab.show.film import film


def test_a_film_shows_the_images_in_turn_in_blocks_and_begins_again(monkeypatch):
    displayed = []
    monkeypatch.setattr(ours, "display", lambda data, raw: displayed.append(data))
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
