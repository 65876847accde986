import errno
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gan_lab import owner
from gan_lab.owner import is_free, owned

HOLD = "import sys; from pathlib import Path; from gan_lab.owner import owned\n"
HOLD += "with owned(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.read()"


@contextmanager
def another_process(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """One that has the folder until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "mine\n"
        yield process
        process.kill()


def test_a_folder_of_another_process_is_refused_and_the_process_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "B1"
    with another_process(folder) as process, pytest.raises(BlockingIOError) as refused, owned(folder):
        pass
    assert str(refused.value).startswith(f"{folder} is in use by process {process.pid} on ")
    assert "choose another folder" in str(refused.value)


def test_a_process_that_is_killed_keeps_nobody_out(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with owned(tmp_path):
            pass


def test_a_folder_is_free_again_after_the_block_and_keeps_no_name(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), owned(tmp_path):
        raise KeyboardInterrupt
    assert [file.name for file in tmp_path.iterdir()] == [owner.LOCK]
    with another_process(tmp_path):
        pass


def test_a_folder_that_another_user_keeps_to_themselves_is_not_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with owned(tmp_path):
        pass
    assert is_free(tmp_path)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / owner.LOCK))

    monkeypatch.setattr("filelock.BaseFileLock.acquire", refused)  # who is root is refused nothing
    assert not is_free(tmp_path)


def test_in_one_process_the_latest_has_it_whatever_becomes_of_the_former(tmp_path: Path) -> None:
    """As when a cell is run again: the generator that the interrupt left behind is thrown away at some time."""

    def training() -> Iterator[int]:
        with owned(tmp_path):
            yield 1

    former, latest = training(), training()
    next(former)
    next(latest)
    del former
    gc.collect()
    check = [sys.executable, "-c", HOLD, str(tmp_path)]
    refused = subprocess.run(check, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert f"in use by process {os.getpid()} on " in refused.stderr
    latest.close()
    assert subprocess.run(check, stdin=subprocess.DEVNULL, capture_output=True, text=True).returncode == 0


def test_on_a_medium_that_nobody_can_write_nobody_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with owned(tmp_path):
        pass

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(tmp_path / owner.LOCK))

    monkeypatch.setattr("filelock.BaseFileLock.acquire", refused)
    assert is_free(tmp_path)
