import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from run_folders import write_execution, write_own, write_run

from gan_lab.owner import owned
from gan_lab.run_folder import Scalar
from gan_lab.runner.results import (
    left_out,
    placeless,
    read_results,
    results_table,
    settings,
    training_table,
)
from gan_lab.runner.status import Failure, Status


def test_what_a_run_found_is_its_last_epoch(tmp_path: Path) -> None:
    write_run(tmp_path / "B1", {"rate": 0.1}, d_loss=2.0, epochs=4)
    (run,) = read_results(tmp_path)
    assert run.found == pytest.approx({"epoch": 4, "fid": 10 / 4, "d_loss": 2.0, "seconds": 4 * 0.5})
    assert (run.name, run.device, [picture.stem for picture in run.pictures][-1]) == ("B1", "cpu", "0004")


def test_one_row_a_training_with_its_parameters(tmp_path: Path) -> None:
    write_execution(tmp_path / "seed=0", {"seed": 0, "d_loss": 7.0}, d_loss=1.5)
    write_execution(tmp_path / "seed=1", {"seed": 1, "d_loss": 7.0}, "failed")
    table = results_table(tmp_path)
    assert table["folder"].tolist() == ["seed=0/B1", "seed=1"]
    assert table["state"].tolist() == ["done", "failed"]
    assert table["failure"].tolist() == ["", "cell [3]: ValueError: no"]
    assert table["d_loss"].tolist() == [7.0, 7.0]
    assert table["found d_loss"].tolist() == pytest.approx([1.5, np.nan], nan_ok=True)


def test_a_training_tells_its_own_facts_and_none_of_the_notebook_s(tmp_path: Path) -> None:
    """A notebook that trains B1 with a rate of 0.1 also trains A1, whose rate is its own."""
    write_execution(tmp_path, {"rate": 0.1, "system": "B1"})
    write_run(tmp_path / "A1", {"width": 0.125})
    assert {run.name: run.parameters for run in read_results(tmp_path)} == {
        "A1": {"width": 0.125},
        "B1": {"rate": 0.1, "system": "B1"},
    }
    table = training_table(tmp_path).set_index("run")
    assert np.isnan(table.loc["A1", "rate"])
    assert table.loc["A1", "epochs"] == 2


def test_runs_whose_games_differ_in_their_code_are_settings_of_their_own(tmp_path: Path) -> None:
    for i, loss in enumerate(("Hinge 0000aaaa", "Hinge 0000bbbb", "Hinge 0000bbbb")):
        game = {"loss": loss, "seed": str(i)}
        write_own(tmp_path, "B1", {"seed": i, "batch_size": 4}, game)
    groups = settings(read_results(tmp_path))
    assert {label: len(runs) for label, runs in groups.items()} == {
        "loss = Hinge 0000aaaa": 1,
        "loss = Hinge 0000bbbb": 2,
    }


def test_settings_are_what_was_varied_but_the_seed_in_order(tmp_path: Path) -> None:
    for rate in (1e-3, 1e-05, 0.5):
        for seed in (10, 9):
            write_execution(tmp_path / f"rate={rate},seed={seed}", {"rate": rate, "seed": seed, "same": "x"})
    groups = settings(read_results(tmp_path))
    assert list(groups) == ["rate = 1e-05", "rate = 0.001", "rate = 0.5"]
    assert [run.parameters["seed"] for run in groups["rate = 0.5"]] == [9, 10]


def test_several_runs_of_a_notebook_are_settings_of_their_own(tmp_path: Path) -> None:
    write_execution(tmp_path, {"rate": 0.1})
    write_run(tmp_path / "A1", {"rate": 0.7})
    assert list(settings(read_results(tmp_path))) == ["A1", "B1"]


def test_a_training_that_the_varied_parameters_do_not_touch_counts_once(tmp_path: Path) -> None:
    for rate in (0.1, 0.2):
        write_execution(tmp_path / f"rate={rate}", {"rate": rate})
        write_run(tmp_path / f"rate={rate}" / "A1", {"width": 1.0})
    groups = settings(read_results(tmp_path))
    assert {label: len(runs) for label, runs in groups.items()} == {
        "A1": 1,
        "B1, rate = 0.1": 1,
        "B1, rate = 0.2": 1,
    }


def test_a_student_s_own_runs_are_told_apart_by_their_recipes(tmp_path: Path) -> None:
    for rate in (0.1, 0.2):
        write_own(tmp_path, "B1", {"rate": rate})
    assert list(settings(read_results(tmp_path))) == ["rate = 0.1", "rate = 0.2"]


def write_unfinished(top: Path, state: str, failure: Failure | None = None, *, epochs: int = 2) -> None:
    """A notebook that should train 30 epochs of B1, and did not reach its end."""
    Status(state, "tiny", {"epochs": 30, "seed": 1}, failure=failure).write(top)
    write_run(top / "B1", {"rate": 0.1, "seed": 1}, epochs=epochs)


def test_what_did_not_finish_is_a_row_with_its_state_and_what_there_is(tmp_path: Path) -> None:
    write_execution(tmp_path / "a", {"seed": 0})
    write_unfinished(tmp_path / "b", "failed", Failure("FloatingPointError: a loss is not a number any more", cell=2))
    write_unfinished(tmp_path / "c", "interrupted", epochs=12)
    write_unfinished(tmp_path / "d", "failed", Failure("the kernel died", cell=2))
    write_run(tmp_path / "e" / "B1", {"rate": 0.1, "seed": 5})
    (write_run(tmp_path / "f" / "B1", {"rate": 0.1, "seed": 6}) / "epochs.csv").unlink()
    table = results_table(tmp_path)
    assert dict(zip(table["folder"], table["state"], strict=True)) == {
        "a/B1": "done",
        "b/B1": "diverged",
        "c/B1": "interrupted",
        "d/B1": "failed",
        "e/B1": "trained",
        "f/B1": "not trained",
    }
    assert table["epoch"].tolist() == pytest.approx([2, 2, 12, 2, 2, np.nan], nan_ok=True)
    assert training_table(tmp_path)["seed"].tolist() == [0, 5]
    assert left_out(tmp_path) == (
        "4 runs are not in it: b/B1 diverged, c/B1 interrupted, d/B1 failed, f/B1 not trained"
    )


def test_of_complete_runs_none_is_left_out(tmp_path: Path) -> None:
    write_execution(tmp_path, {"seed": 0})
    assert left_out(tmp_path) == ""


def test_no_table_names_a_machine_s_folders(tmp_path: Path) -> None:
    place = tmp_path / "home" / "ann"
    given = {"data_dir": str(place / "fingers"), "seed": 0}
    write_execution(place / "seed=0", {**given})
    write_execution(place / "seed=1", {**given, "seed": 1}, "failed")
    failure = Failure(f"FileNotFoundError: {place / 'seed=2' / 'B1'} is gone", cell=3)
    Status("failed", "tiny", {**given, "run_dir": str(place)}, failure=failure).write(place / "seed=2")
    (write_execution(place / "seed=3", {**given, "seed": 3}) / "status.json").write_text("{")
    for table in (results_table(place), training_table(place), training_table(place, each_epoch=True)):
        assert str(tmp_path) not in table.to_csv()
        assert "run_dir" not in table
        assert "fingers" in set(table["data_dir"])
    assert results_table(place)["picture"][0] == str(Path("seed=0", "B1", "pictures", "0002.png"))


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("/home/ann/fingers", "fingers"),
        ("C:\\Users\\ann\\fingers", "fingers"),
        ("../fingers", "../fingers"),
        ("KMNIST", "KMNIST"),
        ("", ""),
        (0.5, 0.5),
        (True, True),
    ],
)
def test_a_folder_of_a_machine_is_called_by_its_own_name(value: Scalar, kept: Scalar) -> None:
    assert placeless(value) == kept


def write_version(folder: Path, seed: int, digest: str, code: str) -> None:
    write_execution(folder, {"rate": 0.1, "seed": seed})
    status = Status.read(folder)
    assert status is not None
    replace(status, notebook_digest=digest, code=code).write(folder)


def test_runs_of_several_versions_are_settings_of_their_own(tmp_path: Path) -> None:
    for seed, (digest, code) in enumerate([("3f2a91c0", "1"), ("3f2a91c0", "1"), ("77aa00bb", "1"), ("", "1")]):
        write_version(tmp_path / f"seed={seed}", seed, digest, code)
    assert {label: len(runs) for label, runs in settings(read_results(tmp_path)).items()} == {
        "B1, notebook 3f2a91c0": 2,
        "B1, notebook 77aa00bb": 1,
        "B1, notebook not recorded": 1,
    }
    table = training_table(tmp_path)
    assert table["notebook_digest"].tolist() == ["3f2a91c0", "3f2a91c0", "77aa00bb", ""]
    assert set(table["code"]) == {"1"}


def test_the_same_training_by_another_version_is_not_the_same(tmp_path: Path) -> None:
    for place, code in (("a", "1"), ("b", "1"), ("c", "2")):
        write_version(tmp_path / place, 0, "3f2a91c0", code)
    assert {label: len(runs) for label, runs in settings(read_results(tmp_path)).items()} == {
        "B1, code 1": 1,
        "B1, code 2": 1,
    }


def test_a_table_tells_what_was_found_from_what_was_given(tmp_path: Path) -> None:
    write_execution(tmp_path, {"rate": 0.1, "batch_size": 4, "d_loss": 7.0})
    assert results_table(tmp_path).attrs["found"] == ["epoch", "seconds", "fid", "found d_loss"]


@pytest.mark.parametrize("state", ["running", "interrupted", "failed"])
def test_what_is_not_done_is_not_compared(tmp_path: Path, state: str) -> None:
    write_execution(tmp_path / "a", {"seed": 0})
    write_execution(tmp_path / "b", {"seed": 1}, state)
    assert [run.parameters["seed"] for runs in settings(read_results(tmp_path)).values() for run in runs] == [0]


def test_a_run_that_was_put_aside_does_not_count(tmp_path: Path) -> None:
    """By `--again`, which renames a notebook's folder, and by Run(..., fresh=True), which renames a run's."""
    write_execution(tmp_path / "seed=0", {"seed": 0})
    write_execution(tmp_path / "seed=0~1", {"seed": 0}, d_loss=5.0)
    write_run(tmp_path / "seed=0" / "B1~1", {"seed": 0}, d_loss=7.0)
    (run,) = read_results(tmp_path)
    assert run.folder == tmp_path / "seed=0" / "B1"
    (tmp_path / "mine~2").mkdir()
    (tmp_path / "seed=0").rename(tmp_path / "mine~2" / "seed=0")
    assert len(read_results(tmp_path / "mine~2")) == 1  # a folder that is asked for counts, whatever its name


def test_a_run_that_nobody_works_on_is_not_running(tmp_path: Path) -> None:
    folder = write_execution(tmp_path / "seed=0", {"seed": 0}, state="running")
    assert [run.state for run in read_results(tmp_path)] == ["interrupted"]
    with owned(folder):
        assert [run.state for run in read_results(tmp_path)] == ["running"]


def test_a_folder_without_runs_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"no run is kept in {tmp_path}"):
        read_results(tmp_path)


def test_a_table_of_epochs_has_the_measured_ones_and_of_the_games_what_differs(tmp_path: Path) -> None:
    for seed, loss in ((0, "plain"), (1, "smoothed")):
        run = write_execution(tmp_path / f"seed={seed}", {"seed": seed}, epochs=3) / "B1"
        recipe = json.loads((run / "recipe.json").read_text())
        (run / "recipe.json").write_text(json.dumps({**recipe, "game": {"loss": loss, "opt_G": "Adam(lr=0.1)"}}))
        epochs = pd.read_csv(run / "epochs.csv")
        epochs.assign(fid=epochs["fid"].where(epochs["epoch"] != 2)).to_csv(run / "epochs.csv", index=False)
    table = training_table(tmp_path, each_epoch=True)
    assert table[["seed", "loss", "epoch"]].values.tolist() == [
        [0, "plain", 1], [0, "plain", 3], [1, "smoothed", 1], [1, "smoothed", 3]
    ]  # fmt: skip
    assert "opt_G" not in table and "opt_G" in training_table(tmp_path)


def test_trainings_of_other_lengths_are_settings_of_their_own(tmp_path: Path) -> None:
    """A recipe has no epochs, and a mean over 2 and 6 of them is nobody's."""
    for epochs in (2, 6):
        for seed in (0, 1):
            write_execution(tmp_path / f"{epochs},{seed}", {"seed": seed}, epochs=epochs)
    assert {label: len(runs) for label, runs in settings(read_results(tmp_path)).items()} == {
        "epochs = 2": 2,
        "epochs = 6": 2,
    }


def test_two_facts_and_two_games_are_four_settings(tmp_path: Path) -> None:
    for sigma in (0.1, 0.2):
        for loss in ("Hinge", "Wasserstein"):
            write_run(tmp_path / f"B1-{sigma}-{loss}", {"sigma": sigma, "seed": 0}, game={"loss": loss})
    assert [len(runs) for runs in settings(read_results(tmp_path)).values()] == [1] * 4


def test_a_part_of_the_game_with_the_name_of_a_number_found_is_in_the_table(tmp_path: Path) -> None:
    """As the penalty is, which each round has a number of."""
    for i, penalty in enumerate(("gradient_penalty", "r1")):
        write_run(tmp_path / f"B1-0000000{i}", {"seed": i}, game={"d_loss": penalty})
    table = training_table(tmp_path)
    assert table["given d_loss"].tolist() == ["gradient_penalty", "r1"]
    assert table["d_loss"].tolist() == [1.0, 1.0]
