from pathlib import Path

import pytest

from gan_lab.runner.status import Failure, Status


def test_a_status_is_read_as_it_was_written(tmp_path: Path) -> None:
    status = Status(
        "failed", "tiny", {"rate": 0.1, "quick": True, "name": "ä"}, 2, 1.5, Failure("it died", 3, "x", "y")
    )
    status.write(tmp_path / "new" / "folder")
    assert Status.read(tmp_path / "new" / "folder") == status
    Status("done", "tiny", {}).write(tmp_path)
    assert Status.read(tmp_path) == Status("done", "tiny", {})


def test_a_folder_without_a_status_has_none(tmp_path: Path) -> None:
    assert Status.read(tmp_path) is None


def test_a_folder_that_was_deleted_meanwhile_is_named_with_the_way_out(tmp_path: Path) -> None:
    Status("running", "tiny", {}).write(tmp_path / "run")
    assert Status.kept(tmp_path / "run") == Status("running", "tiny", {})
    (tmp_path / "run" / "status.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"run/status\.json is gone: .* Start it again"):
        Status.kept(tmp_path / "run")


def test_a_failure_names_its_cell_if_there_was_one() -> None:
    assert str(Failure("ValueError: no", cell=3)) == "cell [3]: ValueError: no"
    assert str(Failure("its process ended")) == "its process ended"
