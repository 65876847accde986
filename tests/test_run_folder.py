from pathlib import Path

import pandas as pd
import pytest

from gan_lab.run_folder import digest, epoch_of, epochs_played, name_of, picture, pictures, read_table


def test_another_recipe_is_another_folder_and_the_order_of_its_lines_makes_none() -> None:
    names = {f"B1-{digest(recipe)}" for recipe in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 2, "b": 2})}
    assert len(names) == 2
    assert {name_of(Path("runs", name)) for name in names} == {"B1"} == {name_of(Path("runs", "B1"))}


def test_pictures_are_in_the_order_of_their_epochs(tmp_path: Path) -> None:
    assert pictures(tmp_path) == []
    (tmp_path / "pictures").mkdir()
    for epoch in (10_000, 9_999, 7):
        picture(tmp_path, epoch).touch()
    (tmp_path / "pictures" / "0007 copy.png").touch()
    (tmp_path / "pictures" / ".part-0008.png").touch()
    assert [epoch_of(file) for file in pictures(tmp_path)] == [7, 9_999, 10_000]


def test_a_table_is_read_to_the_last_bit_without_its_empty_fields(tmp_path: Path) -> None:
    measured = [{"epoch": 1, "fid": 0.1 + 0.2, "kid": 1e22 / 3}, {"epoch": 2, "fid": 5e-324}]
    pd.DataFrame(measured).to_csv(tmp_path / "epochs.csv", index=False)
    assert read_table(tmp_path / "epochs.csv") == measured


def test_a_table_that_was_not_written_has_no_rows(tmp_path: Path) -> None:
    pd.DataFrame().to_csv(tmp_path / "rounds.csv", index=False)  # a run that logged nothing
    assert read_table(tmp_path / "rounds.csv") == read_table(tmp_path / "none.csv") == []


def test_rounds_stand_at_the_share_of_their_epoch_that_is_played() -> None:
    rounds = pd.DataFrame({"epoch": [1, 1, 1, 2], "round": [1, 2, 3, 1]})  # the second epoch is in play
    assert epochs_played(rounds).tolist() == pytest.approx([1 / 3, 2 / 3, 1, 4 / 3])
    assert epochs_played(pd.DataFrame({"epoch": [1, 2]})).tolist() == [1.0, 2.0]
