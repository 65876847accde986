import subprocess

import imageio_ffmpeg
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from gan_lab.show import plots

RED, GREEN = (255, 0, 0), (0, 128, 0)


@pytest.fixture
def pictures(tmp_path):
    """Three frames of one colour each, of odd sides."""
    files = []
    for i, colour in enumerate([RED, GREEN, RED]):
        files.append(tmp_path / f"{i:04d}.png")
        Image.new("RGB", (33, 35), colour).save(files[-1])
    return files


@pytest.fixture
def ax():
    return Figure().subplots()


def test_a_grid_puts_images_row_by_row_black_at_low_and_white_at_high(ax):
    images = torch.full((3, 1, 5, 5), -1.0)
    images[1], images[2] = 1.0, 7.0  # the last one lies outside the range, and is clipped
    plots.grid(ax, images, nrow=2)
    drawn = ax.images[0].get_array()
    assert drawn.shape == (2 + 2 * 7, 2 + 2 * 7, 3)  # tiles of 5 with a border of 2
    assert (drawn[2:7, 2:7] == 0).all()
    assert (drawn[2:7, 9:14] == 1).all()
    assert (drawn[9:14, 2:7] == 1).all()


def test_a_smoothed_curve_is_the_running_mean_over_a_faint_copy_of_the_rounds(ax):
    rounds = pd.DataFrame({"epoch": 1, "round": [1, 2, 3, 4], "g_loss": [0.0, 2.0, 4.0, 0.0]})
    plots.curves(ax, rounds, {"g_loss": "G"}, ylabel="loss (nats)", smooth=2)
    running, raw = (line.get_ydata() for line in ax.lines)
    assert list(running) == [0, 1, 3, 2]
    assert list(raw) == [0, 2, 4, 0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epochs played", "loss (nats)")


def test_a_run_without_rounds_leaves_named_axes(ax):
    plots.curves(ax, pd.DataFrame(), {"g_loss": "G"}, ylabel="loss (nats)")
    assert ax.get_ylabel() == "loss (nats)"
    assert not ax.lines


def test_an_mp4_shows_each_picture_once_and_holds_the_last(tmp_path, pictures):
    file = plots.animation(pictures, tmp_path / "film.mp4", fps=5, hold=2, scale=2)
    decode = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", file, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(decode, capture_output=True, check=True).stdout
    colours = np.frombuffer(raw, np.uint8).reshape(-1, 70, 66, 3).mean((1, 2))
    assert imageio_ffmpeg.count_frames_and_secs(file) == (3 + 2 * 5, pytest.approx((3 + 2 * 5) / 5, abs=0.05))
    assert len(colours) == 3 + 2 * 5
    np.testing.assert_allclose(colours[1], GREEN, atol=6)
    np.testing.assert_allclose(colours[0], RED, atol=6)
    np.testing.assert_allclose(colours[-1], RED, atol=6)


def test_a_gif_shows_the_same_pictures(tmp_path, pictures):
    with Image.open(plots.animation(pictures, tmp_path / "film.gif", fps=5, hold=0, scale=1)) as film:
        assert film.n_frames == 3
        film.seek(1)
        assert film.convert("RGB").getpixel((5, 5)) == GREEN


def test_an_animation_of_nothing_or_of_another_kind_is_refused(tmp_path, pictures):
    with pytest.raises(ValueError, match=r"no picture to make film\.mp4 of"):
        plots.animation([], tmp_path / "film.mp4")
    with pytest.raises(ValueError, match=r"film\.avi is neither an \.mp4 nor a \.gif"):
        plots.animation(pictures, tmp_path / "film.avi")
    assert not list(tmp_path.glob("*film*"))


def test_a_difference_is_a_full_dot_where_its_interval_misses_0(ax):
    rows = pd.DataFrame(
        {"setting": ["a", "b"], "difference": [0.3, -0.1], "low": [0.1, -0.4], "high": [0.5, 0.2]}, index=[4, 7]
    )
    plots.differences(ax, rows, shift=0.25)
    bars, dots = ax.collections
    assert [bar.tolist() for bar in bars.get_segments()] == [[[0.1, 0.25], [0.5, 0.25]], [[-0.4, 1.25], [0.2, 1.25]]]
    assert dots.get_offsets().tolist() == [[0.3, 0.25], [-0.1, 1.25]]
    full, open_ = dots.get_facecolor().tolist()
    assert full == dots.get_edgecolor()[0].tolist() and open_ == [1, 1, 1, 1]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert ax.yaxis_inverted()
