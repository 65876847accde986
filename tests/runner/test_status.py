import json
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


def test_a_status_of_another_version_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    kept = {"state": "failed", "notebook": "tiny", "parameters": {"rate": 0.5, "n": 1}}
    older = {**kept, "failure": {"what": "no"}}
    newer = {**older, "mood": "good", "failure": {"what": "no", "colour": "red"}, "notebook_digest": "3f2a91c0"}
    for status, digest in ((older, ""), (newer, "3f2a91c0")):
        (tmp_path / "status.json").write_text(json.dumps(status))
        read = Status.read(tmp_path)
        assert read == Status(**kept, failure=Failure("no"), notebook_digest=digest)
        assert [type(value) for value in read.parameters.values()] == [float, int]


def test_a_damaged_status_is_refused_with_its_name_and_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"state": "do')
    with pytest.raises(
        ValueError, match=r"status\.json cannot be read, it is cut off, .*: delete it, and start the same"
    ):
        Status.read(tmp_path)
    with pytest.raises(ValueError, match=r"status\.json cannot be read"):
        Status.kept(tmp_path)


def test_a_loss_that_became_infinite_is_called_diverged() -> None:
    failure = Failure("FloatingPointError: a loss is not a number any more", cell=3)
    assert Status("failed", "tiny", {}, failure=failure).outcome == "diverged"
    assert Status("failed", "tiny", {}, failure=Failure("ValueError: no")).outcome == "failed"
    assert Status("done", "tiny", {}).outcome == "done"
