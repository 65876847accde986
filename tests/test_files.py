import os
from pathlib import Path

import pytest

from gan_lab import files
from gan_lab.files import whole


def write(file: Path, text: str) -> None:
    with whole(file) as part:
        part.write_text(text)


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    write(file, "first")
    with pytest.raises(OSError, match="full"), whole(file) as part:
        part.write_text("half of the sec")
        raise OSError("the disk is full")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.txt", "first")]
    write(file, "second")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.txt", "second")]


@pytest.mark.parametrize(("refusals", "holds"), [(3, "second"), (1000, "first")])
def test_a_file_that_another_program_reads_is_waited_for_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusals: int, holds: str
) -> None:
    """As Windows does it: nothing takes the name of a file that is open."""
    file, replace, tried = tmp_path / "a.txt", os.replace, []
    write(file, "first")

    def refuse(part: Path, file: Path) -> None:
        tried.append(part)
        if len(tried) <= refusals:
            raise PermissionError(13, "Access is denied", str(file))
        replace(part, file)

    monkeypatch.setattr(files, "PATIENCE", 0)
    monkeypatch.setattr(os, "replace", refuse)
    if holds == "first":
        with pytest.raises(PermissionError, match=r"a\.txt"):
            write(file, "second")
    else:
        write(file, "second")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.txt", holds)]
