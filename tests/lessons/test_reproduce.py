"""The reports' trainings, stopped and gone on with, and what is kept of them; played here with a small game."""

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from gan_lab.data.images import ImageSet, load_images
from gan_lab.lessons import reproduce
from gan_lab.lessons.reports import Training
from gan_lab.losses import NonSaturating
from gan_lab.measure.judge import Judge
from gan_lab.training import Game


class Generator(nn.Module):
    z_dim = 4

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 256), nn.Tanh(), nn.Unflatten(1, (1, 16, 16)))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.layers(z)


def small(images: ImageSet, **more: Any) -> Game:
    G, D = Generator(), nn.Sequential(nn.Flatten(), nn.Linear(256, 1), nn.Flatten(0))
    return Game(G, D, NonSaturating(), *(torch.optim.Adam(player.parameters()) for player in (G, D)), **more)


@pytest.fixture(autouse=True)
def two_small_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Training(small, {"size": 16}, epochs=4, batch_size=400, grids=(2, 4))
    monkeypatch.setattr(reproduce, "TRAININGS", {"one": one, "two": one._replace(epochs=2, grids=(2,))})


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["reproduce", *arguments])
    reproduce.main()


def test_all_are_played_to_their_end_and_what_the_reports_show_is_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reproduce, "seconds_an_epoch", lambda *_: 1.0)  # so that "two", with two epochs, is the shorter
    command(monkeypatch, "--seeds", "2", "--out", str(tmp_path))

    told = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in told if "epoch 1 of" in line] == [
        "two, seed 0",
        "one, seed 0",
        "two, seed 1",
        "one, seed 1",
    ]
    assert told[-1].startswith("one, seed 1: epoch 4 of 4, 0:00:00 left, 0:00:00 left in all")
    figures = tmp_path / "figures" / "one"
    curves, measures = (pd.read_csv(figures / name) for name in ("curves.csv", "measures.csv"))
    nearest = measures[measures["seed"] == 0].set_index("epoch")["kernel_distance"].idxmin()
    assert {file.name for file in figures.iterdir()} == {
        *(f"{epoch:04d}.png" for epoch in (2, 4, nearest)),
        "curves.csv",
        "film.mp4",
        "measures.csv",
    }
    assert curves[["seed", "epoch"]].to_numpy().tolist() == [[s, e] for s in (0, 1) for e in (1, 2, 3, 4)]
    assert set(measures) >= {"seed", "epoch", *reproduce.MEASURES, "sure"}
    rounds = pd.read_csv(tmp_path / "one" / "seed_1" / "rounds.csv")
    last = curves.query("seed == 1 and epoch == 4").iloc[0]
    assert last["d_loss"] == pytest.approx(rounds.query("epoch == 4")["d_loss"].mean(), rel=1e-3)


def test_the_grid_that_is_nearest_to_the_real_images_is_kept_too(tmp_path, monkeypatch):
    """Nearest after epoch 1, of the reports' grids none."""
    distances = iter([0.1, 0.4, 0.3, 0.2])
    whole_table = dict.fromkeys([*reproduce.MEASURES, "sure"], 0.0)
    monkeypatch.setattr(reproduce, "measured", lambda *_: whole_table | {"kernel_distance": next(distances)})
    command(monkeypatch, "one", "--out", str(tmp_path))
    figures = tmp_path / "figures" / "one"
    assert sorted(grid.name for grid in figures.glob("*.png")) == ["0001.png", "0002.png", "0004.png"]


def test_a_film_ends_with_the_last_grid_and_leaves_out_the_same_number_between_two(tmp_path, monkeypatch):
    filmed = []
    monkeypatch.setattr(reproduce, "PIXELS", 3 * 146**2)  # of three grids
    monkeypatch.setattr(reproduce, "animation", lambda pictures, file, **how: filmed.append([p.stem for p in pictures]))
    command(monkeypatch, "one", "two", "--out", str(tmp_path))
    assert sorted(filmed) == [["0001", "0002"], ["0002", "0004"]]


def test_what_was_stopped_goes_on_and_ends_with_the_same_numbers(tmp_path, monkeypatch):
    command(monkeypatch, "two", "--out", str(tmp_path / "at once"))
    command(monkeypatch, "two", "--epochs", "1", "--out", str(tmp_path / "in two"))
    command(monkeypatch, "two", "--out", str(tmp_path / "in two"))

    one, other = ((tmp_path / out / "figures" / "two" / "curves.csv").read_text() for out in ("at once", "in two"))
    assert one == other


def test_stopped_in_a_later_seed_before_anything_is_measured_the_same_command_goes_on(tmp_path, monkeypatch):
    def stop_early(job, epochs, *rest):
        if job == ("one", 1):
            raise KeyboardInterrupt

    monkeypatch.setattr(reproduce, "TIMES", 1)
    arguments = "one", "--seeds", "2", "--out", str(tmp_path)
    with monkeypatch.context() as interrupted, pytest.raises(SystemExit, match="the same command goes on"):
        interrupted.setattr(reproduce, "tell", stop_early)
        command(monkeypatch, *arguments)
    curves = tmp_path / "figures" / "one" / "curves.csv"
    reproduce.keep("one", reproduce.TRAININGS["one"], tmp_path)
    assert set(pd.read_csv(curves)["seed"]) == {0}  # of the other one epoch is played
    command(monkeypatch, *arguments)
    assert set(pd.read_csv(curves)["seed"]) == {0, 1}


def only(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """Let n images be all that there are, to train with."""

    def images_of(training, data_dir):
        images, judge = all_of(training, data_dir)
        return images.part(slice(n)), judge

    all_of = reproduce.images_of
    monkeypatch.setattr(reproduce, "images_of", images_of)


def test_other_images_in_the_same_folder_are_refused_before_they_are_played(tmp_path, monkeypatch):
    command(monkeypatch, "two", "--out", str(tmp_path))
    before = (tmp_path / "figures" / "two" / "curves.csv").read_text()
    only(monkeypatch, 500)
    with pytest.raises(
        SystemExit, match="has a run of this seed with other images or other code: choose another --out"
    ):
        command(monkeypatch, "two", "--out", str(tmp_path))
    assert (tmp_path / "figures" / "two" / "curves.csv").read_text() == before
    assert [run.name for run in (tmp_path / "two").iterdir()] == ["seed_0"]


def test_images_that_fill_no_batch_are_played_in_one(tmp_path, monkeypatch):
    only(monkeypatch, 300)  # a batch has 400
    command(monkeypatch, "two", "--epochs", "1", "--out", str(tmp_path))
    assert len(pd.read_csv(tmp_path / "two" / "seed_0" / "rounds.csv")) == 1


def test_another_width_is_kept_in_a_folder_of_its_own(tmp_path, monkeypatch):
    asked = []
    one = reproduce.TRAININGS["two"]
    seen = one._replace(game=lambda images, width=1.0: asked.append(width) or small(images))
    monkeypatch.setattr(reproduce, "TRAININGS", {"two": seen})
    command(monkeypatch, "two", "--epochs", "1", "--width", "0.25", "--out", str(tmp_path))
    assert set(asked) == {0.25}
    assert (tmp_path / "width_0.25" / "figures" / "two" / "curves.csv").exists()
    assert not (tmp_path / "two").exists()


def test_products_in_16_bits_are_nearly_those_in_32_and_are_kept_in_a_folder_of_their_own(tmp_path, monkeypatch):
    command(monkeypatch, "two", "--epochs", "1", "--out", str(tmp_path))
    command(monkeypatch, "two", "--epochs", "1", "--precision", "bf16-mixed", "--out", str(tmp_path))
    folders = tmp_path, tmp_path / "bf16-mixed"
    full, half = (pd.read_csv(folder / "two" / "seed_0" / "rounds.csv")["d_loss"] for folder in folders)
    assert (full != half).all()
    assert half.to_numpy() == pytest.approx(full.to_numpy(), rel=0.02)
    assert (folders[1] / "figures" / "two" / "curves.csv").exists()


@pytest.mark.parametrize("width", ["0", "-1", "nan", "inf"])
def test_a_width_that_no_network_has_is_refused(tmp_path, monkeypatch, capsys, width):
    with pytest.raises(SystemExit):
        command(monkeypatch, "two", "--width", width, "--out", str(tmp_path / "out"))
    assert "--width is above 0" in capsys.readouterr().err


def test_a_name_that_no_report_has_is_refused_before_anything_is_played(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        command(monkeypatch, "three", "--out", str(tmp_path / "out"))
    assert "there is no training three: choose of one, two" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_without_images_is_named(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match=r"reproduce: .*nowhere"):
        command(monkeypatch, "--data-dir", str(tmp_path / "nowhere"))


def test_a_gray_picture_is_kept_with_one_channel_and_a_coloured_one_with_its_colours(tmp_path):
    for colour, mode in (((90, 90, 90), "L"), ((90, 91, 90), "P")):
        Image.new("RGB", (4, 4), colour).save(tmp_path / "a.png")
        reproduce.smaller(tmp_path / "a.png", tmp_path / "b.png")
        kept = Image.open(tmp_path / "b.png")
        assert kept.mode == mode and kept.convert("RGB").getpixel((0, 0)) == colour
    noisy = torch.randint(100, 160, (64, 64, 3), dtype=torch.uint8).numpy()
    Image.fromarray(noisy).save(tmp_path / "a.png")
    reproduce.smaller(tmp_path / "a.png", tmp_path / "b.png")
    kept = np.asarray(Image.open(tmp_path / "b.png").convert("RGB"))
    assert np.abs(kept.astype(int) - noisy).mean() < 5  # of 255


def test_the_samples_are_measured_some_twenty_times_and_at_the_report_s_grids(monkeypatch):
    monkeypatch.setattr(reproduce, "sample", lambda game, z, y: torch.zeros(len(z), 1, 16, 16))
    training = Training(small, {"size": 16}, epochs=200, batch_size=400, grids=(55,))
    images, judge = reproduce.images_of(training, "")
    assert len(images) == 1005 and isinstance(judge, Judge)
    game = small(images)
    game.K = 5
    at = [epoch for epoch in range(1, 201) if reproduce.measured(game, judge, training, epoch, 0, asked=False)]
    assert at == sorted([*range(10, 201, 10), 55])


@pytest.mark.parametrize(("turned", "seen"), [(0, 1.0), (1, 0.0)])
def test_where_a_class_is_asked_for_it_is_counted_how_often_it_is_seen(turned, seen, tmp_path, monkeypatch):
    """A generator of real images: of the class that is asked for, or of the one after it."""

    def draw(game, z, y):
        digits = load_images(size=16)
        first = [(digits.labels == (k + turned) % 5).nonzero()[0].item() for k in y.tolist()]
        return digits.batch(torch.tensor(first))[0]

    monkeypatch.setattr(reproduce, "sample", draw)
    monkeypatch.setattr(reproduce, "CONDITIONAL", ("one",))
    command(monkeypatch, "--out", str(tmp_path))
    one, two = (pd.read_csv(tmp_path / "figures" / name / "measures.csv") for name in ("one", "two"))
    assert one["class_accuracy"].tolist() == [seen] * len(one) and len(one) > 1 and "class_accuracy" not in two
