from pathlib import Path

import pytest

from gan_lab.runner.points import grids, read_points


def test_a_grid_is_a_name_and_its_values() -> None:
    assert grids(["seed=0,1", "data_dir=a, b"]) == {"seed": ["0", "1"], "data_dir": ["a", "b"]}
    for wrong in (["seed"], ["seed="], ["seed=0", "seed=1"]):
        with pytest.raises(ValueError, match="write a name and its values, once"):
            grids(wrong)


def test_a_range_has_both_its_ends() -> None:
    assert grids(["seed=0..3"]) == {"seed": ["0", "1", "2", "3"]}
    assert grids(["seed=-1..1, 7, 9..9"]) == {"seed": ["-1", "0", "1", "7", "9"]}


def test_a_folder_and_a_number_are_no_ranges() -> None:
    values = ["..", "../images", "../../a", "images/../b", "0.5", "1e-4", "a..b"]
    assert grids([f"x={','.join(values)}"]) == {"x": values}


@pytest.mark.parametrize("wrong", ["9..0", "0..", "..9", "0.5..2", "0..2..4", "0..1e3", "0..99999999999"])
def test_a_range_that_is_none_is_named(wrong: str) -> None:
    with pytest.raises(ValueError) as refused:
        grids([f"seed={wrong}"])
    assert str(refused.value).startswith(f"--grid seed={wrong}: {wrong} ")


def test_a_table_has_a_run_a_line(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes('\ufeffseed, setting\r\n0,plain\r\n\r\n1,"one, two"\r\n'.encode())
    assert read_points(file) == {
        f"{file}, line 2": {"seed": "0", "setting": "plain"},
        f"{file}, line 4": {"seed": "1", "setting": "one, two"},
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "line 1 should name each parameter once"),
        (b"seed,\n0,1\n", "line 1 should name each parameter once"),
        (b"seed,seed\n0,1\n", "line 1 should name each parameter once"),
        (b"seed,rate\n0,1\n2\n", "line 3 has 1 values, and line 1 has 2 names"),
        (b"seed\n0\n1,2\n", "line 3 has 2 values, and line 1 has 1 names"),
        (b"seed\n", "has no run"),
        (b"seed\n\xff\n", "is no table that can be read"),
        (b'seed\n"0\n', "is no table that can be read"),
    ],
)
def test_a_table_that_is_none_is_named_with_its_line(tmp_path: Path, text: bytes, why: str) -> None:
    (tmp_path / "a.csv").write_bytes(text)
    with pytest.raises(ValueError, match=rf"a\.csv.*{why}"):
        read_points(tmp_path / "a.csv")
    with pytest.raises(FileNotFoundError, match="there is no table of runs"):
        read_points(tmp_path / "b.csv")
