"""A run's folder that somebody cleaned up, opened in Excel, or filled from elsewhere: named, and nothing is lost."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from small_game import same
from test_runs import run_of, train

from gan_lab.checkpoint import Checkpoint
from gan_lab.run_folder import read_table
from gan_lab.runs import Run


@pytest.fixture(scope="module")
def never_damaged(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(tmp_path_factory.mktemp("whole"), 4)[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """That of a run after two of four epochs."""
    return train(tmp_path, 2)[1].folder


def saved_by_excel(file: Path) -> None:
    table = pd.read_csv(file).round(3)
    file.write_bytes(table.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n").encode("utf-8-sig"))


def without_the_last_line(file: Path) -> None:
    file.write_text("\n".join(file.read_text().splitlines()[:-1]) + "\n")


def doubled(file: Path) -> None:
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines + lines[1:]) + "\n")


def another_number(file: Path) -> None:
    file.write_text(file.read_text().replace("1,", "7,", 1))


def deleted(file: Path) -> None:
    shutil.rmtree(file) if file.is_dir() else file.unlink()


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-9])


def a_bit_flipped(file: Path) -> None:
    """In the middle, where the weights are: torch alone reads it as another weight."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 64
    file.write_bytes(content)


def no_text(file: Path) -> None:
    file.write_bytes(b"\xff\x00\xfe" * 9)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


TABLE = (saved_by_excel, without_the_last_line, doubled, another_number, emptied, cut, no_text, a_folder)


@pytest.mark.parametrize("name", ["rounds.csv", "epochs.csv"])
@pytest.mark.parametrize("damage", TABLE)
def test_a_table_that_was_changed_is_written_anew_and_kept(
    folder: Path, never_damaged: Run, damage: Callable[[Path], None], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(folder / name)
    before = None if damage is a_folder else (folder / name).read_bytes()
    capsys.readouterr()
    game, run = train(folder.parent, 4)
    assert same(game, never_damaged.game)
    pd.testing.assert_frame_equal(run.rounds, never_damaged.rounds, check_exact=True)
    assert list(run.measured["quality"]) == [1.0, 2.0, 3.0, 4.0]
    kept = folder / ("epochs.csv~1" if damage is a_folder else "epochs~1.csv").replace("epochs", Path(name).stem)
    assert kept.exists() and (before is None or kept.read_bytes() == before)
    said = capsys.readouterr().out
    assert f"{folder / name} is not as the run wrote it. That is written anew" in said and str(kept) in said


@pytest.mark.parametrize("lost", [["epochs.csv"], ["rounds.csv"], ["epochs.csv", "rounds.csv"]])
def test_without_its_checkpoint_a_run_is_not_begun_anew_while_anything_of_it_is_there(
    folder: Path, lost: list[str]
) -> None:
    for name in ["checkpoint.pt", *lost]:
        (folder / name).unlink()
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    with pytest.raises(FileNotFoundError, match=r"checkpoint\.pt is gone, and 2 epochs were played"):
        train(folder.parent, 4)
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    assert len(before) >= 3  # the recipe, and the pictures of two epochs


@pytest.mark.parametrize("name", ["rounds.csv", "epochs.csv"])
def test_a_table_that_was_deleted_is_written_anew(
    folder: Path, never_damaged: Run, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / name).unlink()
    game, run = train(folder.parent, 4)
    assert same(game, never_damaged.game)
    pd.testing.assert_frame_equal(run.rounds, never_damaged.rounds, check_exact=True)
    assert f"{folder / name} is gone, and is written anew" in capsys.readouterr().out
    assert len(pd.read_csv(folder / name)) == {"rounds.csv": 20, "epochs.csv": 4}[name]


def test_the_rows_of_an_epoch_without_its_checkpoint_are_no_damage(
    folder: Path, never_damaged: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed between the tables and the checkpoint, in an epoch that was measured where those before were not."""
    earlier = (folder / "checkpoint.pt").read_bytes()
    train(folder.parent, 3)
    epochs = pd.DataFrame(read_table(folder / "epochs.csv"))  # to the last bit, whatever pandas does
    epochs.assign(fid=[None, None, 1.5]).to_csv(folder / "epochs.csv", index=False)
    (folder / "checkpoint.pt").write_bytes(earlier)
    capsys.readouterr()
    assert same(train(folder.parent, 4)[0], never_damaged.game)
    assert capsys.readouterr().out == f"{folder} holds 2 of 4 epochs, going on\n"
    assert not list(folder.glob("*~1*"))


@pytest.mark.parametrize("damage", [emptied, cut, no_text, deleted])
def test_a_damaged_recipe_is_written_anew_if_the_checkpoint_is_this_run_s(
    folder: Path, never_damaged: Run, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = (folder / "recipe.json").read_text()
    damage(folder / "recipe.json")
    game, run = train(folder.parent, 4)
    assert run.folder == folder and same(game, never_damaged.game)
    assert (folder / "recipe.json").read_text() == recipe
    assert damage is deleted or f"{folder / 'recipe.json'} was damaged, and is written anew" in capsys.readouterr().out


def test_a_run_beside_one_whose_recipe_and_checkpoint_are_damaged_leaves_it_alone(folder: Path) -> None:
    emptied(folder / "recipe.json")
    emptied(folder / "checkpoint.pt")
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert train(folder.parent, 1)[1].folder.name.startswith("small-")
    assert before == {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("damage", [emptied, cut, a_bit_flipped, no_text, deleted])
def test_without_its_checkpoint_a_run_does_not_go_on_and_says_what_to_do(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder / "checkpoint.pt")
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    with pytest.raises((ValueError, FileNotFoundError)) as refused:
        train(folder.parent, 4)
    said = str(refused.value)
    assert said.startswith(f"{folder / 'checkpoint.pt'} is ") and "weights_only" not in said
    assert "put a copy of the file back, or begin anew: Run(..., fresh=True) keeps this folder" in said
    assert before == {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert next(run_of(folder.parent, fresh=True).epochs(4)) == 1
    kept = folder.with_name("small~1")
    assert {file.name for file in kept.iterdir()} >= {"recipe.json", "rounds.csv", "epochs.csv", "pictures"}


@pytest.mark.parametrize("content", [{"epoch": 3}, [1, 2], {"epoch": "3", "run": "", "tables": {}, "states": {}}])
def test_a_file_of_torch_that_is_no_checkpoint_is_named(folder: Path, content: object) -> None:
    torch.save(content, folder / "checkpoint.pt")
    with pytest.raises(ValueError, match=r"checkpoint\.pt is damaged, or no checkpoint of a run: put a copy"):
        train(folder.parent, 4)


def test_a_checkpoint_runs_no_code_of_a_stranger(folder: Path, tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return os.system, (f"touch {tmp_path / 'harm'}",)

    torch.save({"epoch": Harm()}, folder / "checkpoint.pt")
    with pytest.raises(ValueError, match="no checkpoint of a run"):
        train(folder.parent, 4)
    assert not (tmp_path / "harm").exists()


def test_the_checkpoint_of_another_seed_is_refused(folder: Path, tmp_path: Path) -> None:
    other = run_of(tmp_path / "other", seed=1)
    assert next(other.epochs(1)) == 1
    shutil.copy(other.folder / "checkpoint.pt", folder / "checkpoint.pt")
    with pytest.raises(ValueError, match=r"checkpoint\.pt is the checkpoint of another run than"):
        train(folder.parent, 4)


def test_pictures_that_are_gone_or_not_ours_keep_nothing_from_going_on(folder: Path) -> None:
    deleted(folder / "pictures")
    (folder / "pictures").mkdir()
    ours = ("0001 copy.png", "Thumbs.db", "cover.png")
    for name in ours:
        (folder / "pictures" / name).write_bytes(b"mine")
    _, run = train(folder.parent, 4)
    assert [picture.name for picture in run.pictures] == ["0003.png", "0004.png"]
    assert all((folder / "pictures" / name).read_bytes() == b"mine" for name in ours)
    deleted(folder / "pictures")
    assert [picture.name for picture in train(folder.parent, 5)[1].pictures] == ["0005.png"]


def test_a_picture_that_is_missing_costs_no_other_one(folder: Path) -> None:
    """The third epoch was drawn and not kept: of three pictures, without the first one, the third goes."""
    earlier = (folder / "checkpoint.pt").read_bytes()
    train(folder.parent, 3)
    (folder / "pictures" / "0001.png").unlink()
    (folder / "checkpoint.pt").write_bytes(earlier)
    run = run_of(folder.parent)
    next(run.epochs(4))
    assert [picture.name for picture in run.pictures] == ["0002.png"]


def test_what_cannot_be_measured_does_not_cost_the_epoch(tmp_path: Path) -> None:
    def too_few() -> dict[str, float]:
        raise ValueError("FID needs more images")

    run = run_of(tmp_path)
    for epoch in run.epochs(2):
        if epoch == 1:
            run.save(lambda: {"quality": 1.0})
        else:
            with pytest.raises(ValueError, match="FID needs more images"):
                run.save(too_few)
    assert Checkpoint.read(run.folder / "checkpoint.pt").epoch == 2
    assert run.measured["quality"].tolist()[0] == 1.0 and run.measured["epoch"].tolist() == [1, 2]
    assert list(run_of(tmp_path).epochs(2)) == []


def test_an_epoch_whose_measuring_was_interrupted_is_played_again(tmp_path: Path) -> None:
    def stopped() -> dict[str, float]:
        raise KeyboardInterrupt

    run = run_of(tmp_path)
    next(run.epochs(1))
    with pytest.raises(KeyboardInterrupt):
        run.save(stopped)
    assert next(run_of(tmp_path).epochs(1)) == 1


SECOND = "import sys; sys.path.insert(0, sys.argv[1]); from test_runs import *\n"
SECOND += "print(list(run_of(sys.argv[2], fresh='fresh' in sys.argv).epochs(1)))"


@pytest.mark.parametrize("how", ["", "fresh"])
def test_a_second_process_that_trains_into_a_folder_is_refused_by_name(tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-c", SECOND, str(Path(__file__).parent), str(tmp_path), how]
    run = run_of(tmp_path)
    epochs = run.epochs(2)
    next(epochs)
    second = subprocess.run(command, capture_output=True, text=True)
    assert f"BlockingIOError: {run.folder} is in use by process {os.getpid()} on " in second.stderr
    assert "choose another run_dir" in second.stderr
    assert run.folder.exists()
    epochs.close()
    assert subprocess.run(command, capture_output=True, text=True).stdout.endswith("[1]\n")
