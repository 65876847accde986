import json
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from small_game import same, small_game, small_images

from gan_lab import run_folder
from gan_lab.checkpoint import Checkpoint
from gan_lab.losses import NonSaturating
from gan_lab.runs import Run
from gan_lab.training import one_round, play, sample

KEPT = ["d_real", "d_fake", "acc_real", "acc_fake"]  # by NonSaturating
Z = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


def train(folder, epochs, game=None, stop_at=(None, None)):
    """Train in `folder`, to the end or until a round of an epoch; returns the game and the run."""
    game = game or small_game()
    run = Run("small", game, small_images(), folder, batch_size=4)
    for epoch in run.epochs(epochs):
        for i, round in enumerate(play(game, small_images(), batch_size=4, epoch=epoch)):
            run.log(round, twice=2 * round.g_loss)
            if (epoch, i) == stop_at:
                return game, run
        run.picture(sample(game, Z))
        run.save(quality=float(epoch))
    return game, run


@pytest.fixture
def whole_run(tmp_path):
    return train(tmp_path / "whole", 3)


@pytest.mark.parametrize("stop_at", [(1, 0), (2, 3), (3, 4)])
@pytest.mark.parametrize("same_players", [True, False], ids=["in the same kernel", "in a new one"])
def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path, whole_run, stop_at, same_players):
    stopped, _ = train(tmp_path / "stopped", 3, stop_at=stop_at)
    game, run = train(tmp_path / "stopped", 3, game=stopped if same_players else None)
    assert same(game, whole_run[0])
    pd.testing.assert_frame_equal(run.rounds, whole_run[1].rounds, check_exact=True)
    assert [p.read_bytes() for p in run.pictures] == [p.read_bytes() for p in whole_run[1].pictures]


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, whole_run):
    """SIGKILL in the middle of the second epoch: no handler runs, nothing is flushed."""
    script = (
        "import sys, time\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from test_runs import *\n"
        "game, run = train(sys.argv[2], 3, stop_at=(2, 2))\n"
        "print('in the second epoch', flush=True)\n"
        "time.sleep(600)\n"
    )
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", script, here, str(tmp_path / "killed")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert same(train(tmp_path / "killed", 3)[0], whole_run[0])


def test_more_epochs_later_are_the_same_run(tmp_path, whole_run):
    train(tmp_path / "longer", 1)
    assert same(train(tmp_path / "longer", 3)[0], whole_run[0])


def test_a_finished_run_plays_nothing_and_brings_its_players_back(tmp_path, whole_run, capsys):
    folder = whole_run[1].folder
    game = small_game()
    assert list(Run("small", game, small_images(), folder.parent, batch_size=4).epochs(3)) == []
    assert same(game, whole_run[0])
    assert f"{folder} holds 3 of 3 epochs, and is shown. To train anew" in capsys.readouterr().out


def test_the_folder_tells_what_happened(whole_run):
    _, run = whole_run
    rounds = pd.DataFrame(run_folder.read_table(run.folder / "rounds.csv"))
    assert list(rounds.columns) == ["epoch", "round", "d_loss", "g_loss", "penalty", *KEPT, "twice"]
    assert list(zip(rounds["epoch"], rounds["round"], strict=True)) == [(e, r) for e in (1, 2, 3) for r in range(1, 6)]
    assert (rounds["twice"] == 2 * rounds["g_loss"]).all()
    measured = pd.read_csv(run.folder / "epochs.csv")
    assert list(measured["quality"]) == [1.0, 2.0, 3.0]
    assert (measured["seconds"] > 0).all()
    assert [p.name for p in run.pictures] == ["0001.png", "0002.png", "0003.png"]
    recipe = json.loads((run.folder / "recipe.json").read_text())
    assert recipe["parameters"] == {"batch_size": 4, "seed": 0, "n_critic": 1}
    assert recipe["game"]["images"].endswith(small_images().fingerprint[:16])
    assert recipe["game"]["loss"].startswith("NonSaturating(real_target=1.0, ")
    assert recipe["environment"]["torch"] == torch.__version__.split("+")[0]
    assert not list(run.folder.rglob(".part-*"))


def run_of(folder="", *, loss=None, images=None, **more):
    return Run("small", small_game(loss), images or small_images(), folder, **{"batch_size": 4, **more})


def test_another_game_beside_a_run_is_another_run_which_names_the_difference(whole_run, capsys):
    folder = whole_run[1].folder
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    other = run_of(folder.parent, loss=NonSaturating(0.9))
    assert next(other.epochs(3)) == 1
    said = capsys.readouterr().out
    assert f"another run than {folder}, which is kept: loss, NonSaturating(real_target=1.0, " in said
    assert "there and NonSaturating(real_target=0.9, " in said
    assert other.folder.parent == folder.parent and other.folder.name.startswith("small-")
    assert before == {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_folder_of_all_runs_may_be_given_below_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # the same on Windows
    monkeypatch.setenv("GAN_LAB_RUNS", "~/mine")
    assert run_of().folder.parent == tmp_path / "mine"


def test_each_game_has_a_folder_and_the_same_one_again(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_LAB_RUNS", str(tmp_path))
    a, again = run_of().folder, run_of().folder
    others = [
        run_of(seed=1).folder,
        run_of(batch_size=5).folder,
        run_of(images=small_images(19)).folder,
        run_of(loss=NonSaturating(0.9)).folder,
        run_of(sigma_falls_to=0.1).folder,
    ]
    assert a == again
    assert a.parent == tmp_path
    assert len({a, *others}) == 6


def test_a_fresh_run_puts_the_former_aside_and_ends_with_the_same_bits(tmp_path, whole_run):
    folder = whole_run[1].folder
    before = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    for k in (1, 2):
        run = run_of(folder.parent, fresh=True)
        assert not run.folder.exists() and len(run.rounds) == 0
        aside = folder.with_name(f"small~{k}")
        assert before.keys() == {p.relative_to(aside) for p in aside.rglob("*") if p.is_file()}
        game, _ = train(folder.parent, 3)
        assert same(game, whole_run[0])
    assert run_folder.name_of(aside) == "small"


def test_a_date_at_the_end_of_a_name_is_not_taken_for_a_digest(tmp_path, capsys):
    for day in ("20240101", "20240102"):
        run = Run(f"trial-{day}", small_game(), small_images(), tmp_path, batch_size=4)
        play_to(1, run)
        other = Run(f"trial-{day}", small_game(), small_images(), tmp_path, batch_size=4, sigma=0.1)
        play_to(1, other)
        assert other.folder.name.startswith(f"trial-{day}-")
        assert run_folder.name_of(run.folder) == run_folder.name_of(other.folder) == f"trial-{day}"
    assert capsys.readouterr().out.count("another run than") == 2  # of its own name, each


@pytest.mark.parametrize(
    "played",
    [
        {"batch_size": 5},
        {"seed": 1},
        {"round": lambda game, batches: one_round(game, batches)},
        {"round": partial(one_round)},
    ],
)
def test_rounds_that_are_not_played_as_the_run_was_told_are_refused(tmp_path, played):
    run = run_of(tmp_path)
    next(run.epochs(1))
    with pytest.raises(
        ValueError, match=r"the run was told batch_size, seed and round \[4, 0, 'one_round'\], but `play`"
    ):
        run.log(next(play(run.game, small_images(), **{"batch_size": 4, **played})))


def test_an_epoch_that_play_was_not_told_is_refused(tmp_path):
    """Else every epoch would have the order and the noise of epoch 0."""
    run = run_of(tmp_path)
    next(run.epochs(1))
    with pytest.raises(ValueError, match=r"epoch 1 of the run, but `play` was told epoch 0: .*epoch=epoch"):
        run.log(next(play(run.game, small_images(), batch_size=4)))


def test_numbers_that_only_some_rounds_have_are_refused_at_that_round(tmp_path):
    run = run_of(tmp_path)
    next(run.epochs(1))
    first, second, *_ = play(run.game, small_images(), batch_size=4, epoch=1)
    run.log(first, p=0.1)
    with pytest.raises(ValueError, match=r"the same names: first .*, p, now d_loss"):
        run.log(second)


def test_a_loss_that_is_not_a_number_stops_the_run_and_keeps_the_checkpoint(tmp_path):
    _, run = train(tmp_path, 1)
    kept = (run.folder / "checkpoint.pt").read_bytes()
    game, reached = run.game, []
    with pytest.raises(FloatingPointError, match=r"'epoch': 2, 'round': 3, 'd_loss': nan.*before it: .*'round': 2"):
        for epoch in run.epochs(2):
            for i, round in enumerate(play(game, small_images(), batch_size=4, epoch=epoch), start=1):
                reached.append(i)
                run.log(round._replace(d_loss=torch.tensor(float("nan"))) if i == 3 else round, twice=0.0)
    assert reached == [1, 2, 3]
    assert (run.folder / "checkpoint.pt").read_bytes() == kept


def test_a_number_of_the_notebook_s_own_that_is_nan_is_found_at_the_end_of_the_epoch(tmp_path):
    run = train(tmp_path, 1)[1]
    kept = (run.folder / "checkpoint.pt").read_bytes()
    game = run.game
    with pytest.raises(FloatingPointError, match=r"^twice is not a number any more: .*'twice': inf"):
        for epoch in run.epochs(2):
            for round in play(game, small_images(), batch_size=4, epoch=epoch):
                run.log(round, twice=float("inf"))
            run.save()
    assert (run.folder / "checkpoint.pt").read_bytes() == kept


def test_a_full_disk_keeps_the_checkpoint_that_was_there(tmp_path, monkeypatch):
    _, run = train(tmp_path, 1)
    kept = (run.folder / "checkpoint.pt").read_bytes()

    write = Path.write_bytes

    def full(file, data):
        if "checkpoint" in file.name:
            write(file, data[:99])
            raise OSError(28, "No space left on device")
        write(file, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*/small/checkpoint.pt'"):
        train(tmp_path, 2)
    assert (run.folder / "checkpoint.pt").read_bytes() == kept
    monkeypatch.undo()
    assert same(train(tmp_path, 2)[0], train(tmp_path / "unhindered", 2)[0])


def test_a_metric_of_some_epochs_only_does_not_keep_a_run_from_going_on(tmp_path):
    for epochs in (2, 3):
        run = run_of(tmp_path)
        game = run.game
        for epoch in run.epochs(epochs):
            for round in play(game, small_images(), batch_size=4, epoch=epoch):
                run.log(round)
            run.save(**({"fid": 1.5} if epoch == 2 else {}))
    assert run.measured["fid"].isna().tolist() == [True, False, True]
    assert run.measured["fid"][1] == 1.5


def test_a_finished_run_knows_its_epoch_and_a_deleted_one_begins_anew(tmp_path):
    _, run = train(tmp_path, 2)
    assert list(run.epochs(2)) == []
    assert run.epoch == 2
    shutil.rmtree(tmp_path)
    assert next(run.epochs(2)) == 1


def test_no_epochs_are_refused(tmp_path):
    with pytest.raises(ValueError, match="epochs counts passes over the images: at least 1, not 0"):
        next(run_of(tmp_path).epochs(0))


def play_to(epochs, run, measure=dict, measured=None, **logged):
    """The run goes on to so many epochs, with what is logged in each round and measured after each epoch."""
    for epoch in run.epochs(epochs):
        for round in play(run.game, small_images(), batch_size=4, epoch=epoch):
            run.log(round, **logged)
        run.save(measure, **measured or {})


def test_whatever_is_one_number_is_kept_as_one_and_the_run_goes_on(tmp_path):
    """Also a bool, a count, and a tensor of one entry."""
    run = run_of(tmp_path)
    logged = {"right": torch.tensor(True), "k": 3, "at": 1.7e9 + 0.25, "mean": torch.ones(1)}
    play_to(1, run, lambda: {"distance": torch.tensor(0.5)}, {"better": True}, **logged)
    assert run.rounds[list(logged)].iloc[-1].tolist() == [1, 3, 1.7e9 + 0.25, 1]
    again = run_of(tmp_path)
    play_to(2, again, lambda: {"distance": 0.25}, {"better": False}, **logged)
    assert again.measured[["distance", "better"]].to_numpy().tolist() == [[0.5, 1], [0.25, 0]]


def test_a_weight_that_is_logged_is_kept_as_it_was_in_its_round(tmp_path):
    run = run_of(tmp_path)
    weight, seen = run.game.D.layers[1].weight, []
    for epoch in run.epochs(1):
        for round in play(run.game, small_images(), batch_size=4, epoch=epoch):
            run.log(round, weight=weight[0, 0])
            seen.append(weight[0, 0].item())
        run.save()
    assert run.rounds["weight"].tolist() == seen
    assert len(set(seen)) == len(seen)


class Watched(NonSaturating):
    """Keeps a number of its own of each round, which it changes in place, and what else it is told to keep."""

    def __init__(self, **more):
        super().__init__()
        self.seen, self.more = torch.zeros(()), more

    def measures(self, real, fake, y):
        return {"seen": self.seen.add_(len(real))} | self.more


def test_what_a_loss_keeps_is_as_it_was_in_its_round(tmp_path):
    run = run_of(tmp_path, loss=Watched())
    play_to(1, run)
    assert run.rounds["seen"].tolist() == [4, 8, 12, 16, 20]


@pytest.mark.parametrize(
    ("kept", "complaint"),
    [
        ({"scores": torch.ones(4)}, r"scores is of shape \(4,\): a table keeps one number"),
        ({"epoch": 3}, "epoch is counted in each table anyway"),
        ({"g_loss": 0.0}, "g_loss is kept of each round anyway"),
    ],
)
def test_a_loss_that_keeps_what_no_table_can_is_refused_in_the_first_round(tmp_path, kept, complaint):
    with pytest.raises(ValueError, match=complaint):
        play_to(1, run_of(tmp_path, loss=Watched(**kept)))


def test_what_a_table_has_by_itself_is_not_overwritten(tmp_path):
    run = run_of(tmp_path)
    next(run.epochs(1))
    for name in ("d_loss", "acc_real"):
        with pytest.raises(ValueError, match=f"{name} is kept of each round anyway"):
            run.log(next(play(run.game, small_images(), batch_size=4, epoch=1)), **{name: 0.0})
    with pytest.raises(ValueError, match="seconds are kept of each epoch anyway"):
        run.save(seconds=1.0)


def falling(run, rate):
    """Play to epoch 2, with a rate of D that is set by hand before each epoch."""
    for epoch in run.epochs(2):
        run.game.opt_D.param_groups[0]["lr"] = rate(epoch)
        for round in play(run.game, small_images(), batch_size=4, epoch=epoch):
            run.log(round)
        run.save()


def test_a_rate_that_is_numpy_s_is_kept_as_the_number_that_it_is(tmp_path):
    run = run_of(tmp_path)
    falling(run, lambda epoch: np.interp(epoch, [1, 3], [1e-2, 0]))
    assert type(run.game.opt_D.param_groups[0]["lr"]) is np.float64
    kept = Checkpoint.read(run.folder / "checkpoint.pt")
    assert kept.states["opt_D"]["param_groups"][0]["lr"] == 0.005
    again = run_of(tmp_path)
    assert list(again.epochs(2)) == []
    assert again.epoch == 2 and same(again.game, run.game)


def test_a_state_that_could_not_be_read_again_is_refused_and_the_last_checkpoint_stays(tmp_path):
    run = run_of(tmp_path)
    with pytest.raises(ValueError, match=r"opt_D holds pathlib.*: a checkpoint is read as data"):
        falling(run, lambda epoch: 0.01 if epoch == 1 else setattr_of(run, Path("rates")))
    assert Checkpoint.read(run.folder / "checkpoint.pt").epoch == 1


def setattr_of(run, thing):
    """A rate; and the thing is put beside it."""
    run.game.opt_D.param_groups[0]["origin"] = thing
    return 0.01


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("scores", torch.ones(4), r"scores is of shape \(4,\): a table keeps one number"),
        ("note", "good", "note is 'good': a table keeps one number"),
        ("epoch", 3, "epoch is counted in each table anyway"),
        ("round", 3, "round is counted in each table anyway"),
    ],
)
def test_what_is_no_number_is_refused_and_costs_nothing_that_was_trained(tmp_path, name, value, complaint):
    run = run_of(tmp_path)
    with pytest.raises(ValueError, match=complaint):
        play_to(1, run, lambda: {name: value}, {"fine": 1.0})
    assert run_of(tmp_path).measured["fine"].tolist() == [1.0]
    next(run.epochs(2))
    if name not in ("round",):  # an argument of `log` itself
        with pytest.raises(ValueError, match=complaint):
            run.log(next(play(run.game, small_images(), batch_size=4, epoch=2)), **{name: value})


def test_a_number_that_is_written_in_another_way_is_another_run_and_harms_none(tmp_path, capsys):
    """The digest that a checkpoint carries tells 10 from 10.0."""
    runs = []
    for facts in {"weight": 10}, {"weight": 10.0}, {}:
        runs.append(run_of(tmp_path, **facts))
        play_to(1, runs[-1])
    said = capsys.readouterr().out
    assert len({run.folder for run in runs}) == 3
    assert "weight, 10 there and 10.0 here" in said
    assert "weight, 10.0 there and nothing here" in said
