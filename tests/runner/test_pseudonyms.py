from pathlib import Path

import pytest

from gan_lab.runner.graded_folder import KEPT
from gan_lab.runner.pseudonyms import ANIMALS, COLOURS, GIVEN, pseudonyms


def test_each_student_has_one_and_keeps_it_when_others_come(tmp_path: Path) -> None:
    class_ = [f"student {n}" for n in range(40)]
    before = pseudonyms(class_, tmp_path)
    assert len(set(before.values())) == 40 and pseudonyms(reversed(class_), tmp_path) == before
    late = [f"late {n}" for n in range(200)]
    after = pseudonyms([*late, *class_], tmp_path)
    assert {student: after[student] for student in class_} == before and len(set(after.values())) == 240
    assert pseudonyms(late[:3], tmp_path) == {student: after[student] for student in late[:3]}


@pytest.mark.parametrize("text", ["", "{", "[1]", "[" * 100_000])
def test_a_file_of_pseudonyms_that_cannot_be_read_is_named_with_the_way_out(text: str, tmp_path: Path) -> None:
    pseudonyms(["ada"], tmp_path)
    (tmp_path / KEPT / GIVEN).write_text(text)
    with pytest.raises(ValueError, match=r"pseudonyms\.json cannot be read: delete it"):
        pseudonyms(["ada"], tmp_path)


def test_another_class_has_others_so_that_a_name_does_not_tell_a_pseudonym(tmp_path: Path) -> None:
    class_ = [f"student {n}" for n in range(20)]
    one, other = (pseudonyms(class_, tmp_path / name) for name in ("a", "b"))
    assert sum(one[student] == other[student] for student in class_) < 5


def test_there_are_enough_for_600_and_no_more(tmp_path: Path) -> None:
    assert len(set(COLOURS)) * len(set(ANIMALS)) == 600
    assert len(set(pseudonyms(map(str, range(600)), tmp_path).values())) == 600
    with pytest.raises(ValueError, match="601 students and 600 pseudonyms"):
        pseudonyms(map(str, range(601)), tmp_path)
