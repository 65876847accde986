"""The recipes of `python -m bench.quality` are those that they say, and a time is as many rounds as fill it."""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from bench import quality
from bench.quality import RECIPES, Recipe, main, marks, measured, milliseconds, parser, sets
from bench.recipes import course, keras_ada, lightweight_gan, pytorch_gan, pytorch_tutorial, tensorflow_tutorial
from bench.recipes.training import Training, batches, bce, step_together
from gan_lab.data.images import ImageSet
from gan_lab.layers.fresh_statistics import young

EACH = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)


def few(size: int, n: int = 12) -> ImageSet:
    images, _ = sets(size)
    return images.part(slice(None, None, len(images) // n)).part(slice(n))


def trainable(player: nn.Module) -> int:
    return sum(weight.numel() for weight in player.parameters() if weight.requires_grad)


def averages(player: nn.Module) -> int:
    """The running means and variances of batch norm, which Keras counts as parameters, too."""
    return sum(buffer.numel() for name, buffer in player.named_buffers() if "running" in name)


def test_the_players_have_the_published_parameter_counts() -> None:
    G, D = pytorch_tutorial.players(channels=3)
    assert (trainable(G), trainable(D)) == (3_576_704, 2_765_568)
    G, D = tensorflow_tutorial.players()
    assert (trainable(G), averages(G), trainable(D)) == (2_305_472, 25_472, 212_865)
    G, D = keras_ada.players(size=64, channels=3)
    assert (trainable(G) + averages(G), trainable(D) + averages(D)) == (930_947, 796_161)


def test_a_dcgan_of_pytorch_gan_counts_what_its_layers_have() -> None:
    G, D = pytorch_gan.players()
    assert trainable(G) == 101 * 8192 + 256 + (9 * 128 + 1) * 128 + 256 + (9 * 128 + 1) * 64 + 128 + 9 * 64 + 1
    convolutions = 10 * 16 + (9 * 16 + 1) * 32 + (9 * 32 + 1) * 64 + (9 * 64 + 1) * 128
    assert trainable(D) == convolutions + 2 * (32 + 64 + 128) + 512 + 1


@EACH
def test_two_rounds_change_both_players_and_draw_images(recipe: Recipe) -> None:
    training = recipe.start(few(recipe.size), 0)
    before = [[w.detach().clone() for w in player.parameters()] for player in (training.G, training.D)]
    for _ in range(2):
        next(training.rounds)
    x = training.sample(torch.randn(70, training.z_dim))
    assert x.shape == (70, 1, recipe.size, recipe.size)
    assert x.isfinite().all()
    for player, old in zip((training.G, training.D), before, strict=True):
        moved = [not torch.equal(w, o) for w, o in zip(player.parameters(), old, strict=True) if w.requires_grad]
        assert all(moved)


class Blind:
    """A judge in a hurry, who also takes random numbers."""

    n = 5

    def __call__(self, samples: Tensor) -> "pd.Series[float]":
        torch.rand(3)
        return pd.Series(dict.fromkeys(quality.NUMBERS, samples.mean().item()))

    def sure(self, x: Tensor) -> float:
        return 0.6


@EACH
def test_a_training_goes_on_as_if_nobody_had_looked(recipe: Recipe) -> None:
    images, weights = few(recipe.size), []
    for looked_at in (False, True):
        training = recipe.start(images, 0)
        if looked_at:
            stops = measured(training, Blind(), {30.0: 1})  # type: ignore[arg-type]
            next(stops)  # after one round
        else:
            next(training.rounds)
        next(training.rounds)
        weights.append([w.detach() for player in training[:2] for w in player.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))


@EACH
def test_a_seed_is_one_training(recipe: Recipe) -> None:
    def first_weights(seed: int) -> list[Tensor]:
        training = recipe.start(few(recipe.size), seed)
        next(training.rounds)
        return [w.detach() for player in training[:2] for w in player.parameters()]

    zero, again, one = map(first_weights, (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(zero, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(zero, one, strict=True))


def naps(seconds: float) -> Iterator[None]:
    while True:
        time.sleep(seconds)
        yield


def test_milliseconds_are_those_of_one_of_the_rounds_that_fill_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [5.0]

    def rounds_of(seconds: float) -> Iterator[None]:
        while True:
            now[0] += seconds
            yield

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    assert milliseconds(rounds_of(0.25), 1.0) == 250
    assert milliseconds(rounds_of(0.75), 1.0) == 750  # two rounds of them, though the first ends before the time
    assert milliseconds(rounds_of(3.0), 1.0) == 3000


def test_a_time_is_the_rounds_that_fill_it_and_one_at_least() -> None:
    assert marks(20.0, [30.0, 60.0]) == {30.0: 1500, 60.0: 3000}
    assert marks(20.0, [0.001]) == {0.001: 1}


def test_all_rounds_before_a_time_are_played_once() -> None:
    played: list[int] = []

    def counted() -> Iterator[None]:
        while True:
            played.append(1)
            yield

    G = nn.Linear(1, 1)
    training = Training(G, G, 3, counted(), lambda z: torch.full((len(z), 1, 28, 28), len(played) / 10))
    rows = [row for row, _ in measured(training, Blind(), {1.0: 3, 2.0: 7})]  # type: ignore[arg-type]
    assert [row["rounds"] for row in rows] == [3, 7] and len(played) == 7
    assert [row["kernel_distance"] for row in rows] == pytest.approx([0.3, 0.7])


def test_values_that_are_not_finite_have_no_quality() -> None:
    row = quality.quality(Blind(), torch.full((5, 1, 2, 2), math.nan))  # type: ignore[arg-type]
    assert all(math.isnan(value) for value in row.values())


def test_batches_go_through_all_images_in_an_epoch() -> None:
    images = few(28, 10)
    sizes = [len(x) for x, _ in zip(batches(images, 4, drop_last=False), range(6), strict=False)]
    assert sizes == [4, 4, 2, 4, 4, 2]
    sizes = [len(x) for x, _ in zip(batches(images, 4, drop_last=True), range(4), strict=False)]
    assert sizes == [4, 4, 4, 4]
    epoch = torch.cat([x for x, _ in zip(batches(images, 4, drop_last=False), range(3), strict=False)])
    assert sorted(epoch.mean((1, 2, 3)).tolist()) == sorted(images.batch(slice(None))[0].mean((1, 2, 3)).tolist())


def test_both_step_by_the_gradients_at_one_point() -> None:
    """G maximises g d and D minimises it, with steps of 0.1 from (1, 2)."""
    G, D = (nn.Linear(1, 1, bias=False) for _ in range(2))
    with torch.no_grad():
        G.weight.fill_(1), D.weight.fill_(2)
    value = D(G(torch.ones(1, 1))).sum()
    step_together((G, D), [torch.optim.SGD(p.parameters(), lr=0.1) for p in (G, D)], -value, value)
    assert (G.weight.item(), D.weight.item()) == (pytest.approx(1.2), pytest.approx(1.9))


def test_cross_entropy_at_score_0_is_log_2() -> None:
    assert bce(torch.zeros(3), 1.0).item() == pytest.approx(math.log(2))


def test_augmentation_follows_the_accuracy() -> None:
    augment, x = keras_ada.Augment(), torch.rand(6, 1, 32, 32)
    assert torch.equal(augment(x), x)
    augment.update(torch.ones(4))
    assert augment.p == pytest.approx(0.15 / 1000)
    augment.update(-torch.ones(4))
    assert augment.p == 0
    augment.p = 1.0
    out = augment(x)
    assert out.shape == x.shape
    assert not torch.equal(out, x)
    assert 0 <= out.min() <= out.max() <= 1


def test_a_cut_is_a_square_of_half_the_side_at_most() -> None:
    black = (lightweight_gan.cut(torch.ones(200, 1, 32, 32)) == 0).sum((1, 2, 3))
    assert black.max() == 16 * 16
    assert black.min() >= 8 * 8  # in a corner a quarter of it is inside


def test_a_shift_moves_a_dot_by_an_eighth_of_the_side_at_most() -> None:
    dots = torch.zeros(200, 1, 32, 32)
    dots[:, :, 16, 10] = 1
    places = lightweight_gan.shifted(dots).nonzero()[:, 2:]
    assert len(places) == 200
    assert (places - torch.tensor([16, 10])).abs().amax(0).tolist() == [4, 4]


def test_the_course_s_default_draws_every_digit_in_turn() -> None:
    training = course.labels(few(32, 20), 0)
    next(training.rounds)
    x = training.sample(torch.randn(1, training.z_dim).expand(10, -1))  # one noise: what differs is the digit
    torch.testing.assert_close(x[:5], x[5:])
    assert min((x[i] - x[j]).abs().max().item() for i in range(5) for j in range(i)) > 1e-6


def test_statistics_are_estimated_anew_while_they_are_young() -> None:
    """After two rounds TensorFlow's running averages are still nearly 0 and 1."""
    training = tensorflow_tutorial.start(few(28), 0)
    for _ in range(2):
        next(training.rounds)
    norm = next(layer for layer in training.G if isinstance(layer, nn.BatchNorm2d))
    assert young(norm)
    z, before = torch.randn(64, 100), norm.running_var.clone()
    x = training.sample(z)
    assert torch.equal(norm.running_var, before)
    with torch.no_grad():
        stale, drawn = training.G.eval()(z), training.G.train()(z)
    assert (x - drawn).abs().mean() < 0.5 * (stale - drawn).abs().mean()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, int, dict[float, int]]]:
    """What is trained, by recipes that draw gray and are measured by a judge in a hurry."""
    calls: list[tuple[str, int, dict[float, int]]] = []

    def in_this_process(asked: list[tuple[Any, ...]], jobs: int) -> Iterator[list[dict[str, Any]]]:
        for name, seed, rounds, samples in asked:
            calls.append((name, seed, rounds))
            yield quality.trained(name, seed, rounds, samples)

    def start(images: ImageSet, seed: int) -> Training:
        G = nn.Linear(1, 1)
        return Training(G, G, 3, naps(0.001), lambda z: torch.full((len(z), 1, 28, 28), 0.1 * seed))

    judge = Blind()
    judge.unseen = few(28, 5)  # type: ignore[attr-defined]
    monkeypatch.setattr(quality, "RECIPES", {name: Recipe(name, 28, start) for name in ("one", "two")})
    monkeypatch.setattr(quality, "judge_of", lambda size: judge)
    monkeypatch.setattr(quality, "in_processes", in_this_process)
    pd.DataFrame({"recipe": ["one", "two"], "ms": [5.0, 10.0]}).to_csv(tmp_path / "quality_cost.csv", index=False)
    return calls


def run(folder: Path, *arguments: str) -> pd.DataFrame:
    main(parser().parse_args(["--out", str(folder), *arguments]))
    return pd.read_csv(folder / "quality_cpu.csv")


def test_it_goes_on_where_it_was_interrupted(started: list[Any], tmp_path: Path) -> None:
    first = run(tmp_path, "--seconds", "0.01,0.02", "--seeds", "0", "--recipes", "two")
    assert started == [("two", 0, {0.01: 1, 0.02: 2})]
    table = run(tmp_path, "--seconds", "0.01,0.02", "--seeds", "0,1")
    ones, twos = {0.01: 2, 0.02: 4}, {0.01: 1, 0.02: 2}
    assert started[1:] == [("one", 0, ones), ("one", 1, ones), ("two", 1, twos)]
    kept = table[(table["recipe"] == "two") & (table["seed"] == 0)].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, first[first["recipe"] == "two"].reset_index(drop=True))
    assert list(table["recipe"]) == ["one"] * 4 + ["two"] * 4 + ["real"]
    n = len(started)
    assert len(run(tmp_path, "--seconds", "0.02", "--seeds", "1")) == 9
    assert len(started) == n  # all is there


def test_another_time_trains_anew_and_loses_none(started: list[Any], tmp_path: Path) -> None:
    run(tmp_path, "--seconds", "0.02", "--seeds", "0", "--recipes", "one")
    table = run(tmp_path, "--seconds", "0.01", "--seeds", "0", "--recipes", "one")
    assert started[-1] == ("one", 0, {0.01: 2, 0.02: 4})
    assert list(table["seconds"]) == [0.01, 0.02, 0]


def test_the_picture_is_made_of_what_was_kept(started: list[Any], tmp_path: Path) -> None:
    arguments = "--seconds", "0.01,0.02", "--seeds", "0,1,2"
    run(tmp_path, *arguments)
    picture = tmp_path / "quality_cpu.png"
    assert picture.stat().st_size > 10_000
    assert len(list((tmp_path / "quality_cpu").iterdir())) == 2 * 3 * 2 + 1
    picture.unlink()
    next((tmp_path / "quality_cpu").glob("one_1_*.png")).unlink()  # of the training in the middle
    run(tmp_path, *arguments)
    assert not picture.exists()


def test_without_costs_nothing_is_trained_and_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"quality_cost.csv has no .*B1.*: run `python -m bench.quality --cost` first"):
        main(parser().parse_args(["--out", str(tmp_path)]))


def test_the_costs_of_some_recipes_do_not_replace_those_of_all(tmp_path: Path) -> None:
    costs = tmp_path / "quality_cost.csv"
    costs.write_text("recipe,ms\nB1,20\nlabels,30\n")
    with pytest.raises(SystemExit, match=r"quality_cost.csv has labels too, which would go: name them, or give --out"):
        main(parser().parse_args(["--cost", "--recipes", "B1", "--out", str(tmp_path)]))
    assert costs.read_text() == "recipe,ms\nB1,20\nlabels,30\n"


def test_the_costs_are_those_of_the_recipes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def start(seconds: float) -> Any:
        G = nn.Linear(1, 1)
        return lambda images, seed: Training(G, G, 3, naps(seconds), lambda z: z)

    monkeypatch.setattr(quality, "RECIPES", {"a": Recipe("a", 28, start(0.02)), "b": Recipe("b", 28, start(0.002))})
    monkeypatch.setattr(quality, "SLICE", 0.05)
    main(parser().parse_args(["--cost", "--recipes", "a,b", "--out", str(tmp_path), "--threads", "1"]))
    table = pd.read_csv(tmp_path / "quality_cost.csv").set_index("recipe")
    assert table.loc["a", "ms"] >= 20 and table.loc["b", "ms"] >= 2
    assert (table["low"] <= table["ms"]).all() and (table["ms"] <= table["high"]).all()


def test_a_recipe_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--recipes", "B1,B2"])
    assert "no recipe B2" in capsys.readouterr().err


def test_the_readme_has_the_table_of_what_was_measured() -> None:
    found = pd.read_csv(quality.RESULTS / "quality_cpu.csv")
    readme = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
    assert quality.in_words(found, [30, 60, 120, 180]) in readme
    trainings = found[found["recipe"].isin(RECIPES)].groupby("recipe")["seed"].nunique()
    assert set(trainings.index) == set(RECIPES)
    assert f"Medians over {trainings.min()} seeds" in readme and trainings.min() == trainings.max()


def test_a_table_in_words_has_medians_and_leaves_out_what_was_not_trained() -> None:
    rows = [
        ("B1", 0, 30.0, 0.1, 0.5, 0.2),
        ("B1", 1, 30.0, 0.3, 0.6, 0.4),
        ("B1", 0, 600.0, 0.0, 1.0, 1.0),  # not asked for
        ("R1", 0, 60.0, 0.0, 1.0, 1.0),  # not trained for 30 seconds
        ("real", 32, 0.0, -0.001, 0.9, 0.75),
    ]
    table = pd.DataFrame(rows, columns=["recipe", "seed", "seconds", "kernel_distance", "coverage", "sure"])
    lines = quality.in_words(table, [30.0]).splitlines()
    assert lines == [
        "|  | 30 s | coverage | sure |",
        "| --- | --- | --- | --- |",
        "| course: report B's DCGAN, half as wide | 0.20 | 55% | 30% |",
        "| unseen real images | 0.00 | 90% | 75% |",
    ]
