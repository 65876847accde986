from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_lab.run_folder import digest, epoch_of, epochs_played, name_of, picture, pictures, read_table, table_rows


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


def test_a_damaged_table_is_refused_with_its_name_and_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "epochs.csv").write_text("epoch,fid\n1,2.0\n2,3.")
    with pytest.raises(
        ValueError, match=r"epochs\.csv cannot be read, it ends in the middle of a row: put a whole copy"
    ):
        read_table(tmp_path / "epochs.csv")


def test_decimal_commas_are_read_as_points(tmp_path: Path) -> None:
    (tmp_path / "rounds.csv").write_bytes(b"\xef\xbb\xbfepoch;round;d_loss\r\n1;1;1,5E-05\r\n1;2;\r\n")
    assert read_table(tmp_path / "rounds.csv") == [
        {"epoch": 1, "round": 1, "d_loss": 1.5e-05},
        {"epoch": 1, "round": 2},
    ]


@given(st.lists(st.floats(allow_nan=False), min_size=1), st.data())
def test_no_table_that_is_cut_off_is_read_as_a_whole_one(values: list[float], data: st.DataObject) -> None:
    """Wherever it ends: it is refused, or what is left are its first rows."""
    table = pd.DataFrame({"epoch": range(1, len(values) + 1), "fid": values})
    text = table.to_csv(index=False, lineterminator="\n")
    whole = list(table_rows(text, "epochs.csv"))
    left = text[: data.draw(st.integers(0, len(text) - 1))]
    try:
        kept = list(table_rows(left, "epochs.csv"))
    except ValueError:
        return
    assert left.endswith("\n") and kept == whole[: len(kept)]
