"""What stands in a file of samples is read as numbers, and what is no such file is told."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_lab.lessons.judged import MOST, entry, read

SHAPE = (1, 4, 4)


class Bright:
    """Judges samples by how bright they are."""

    n, shape = 3, SHAPE

    def __call__(self, samples):
        return {"kernel_distance": samples.mean().item(), "copies": ""}


def written(file: Path, x: object, **how: bool) -> Path:
    with file.open("wb") as out:
        np.save(out, x, **how)
    return file


def test_the_first_samples_are_read_as_they_are(tmp_path: Path) -> None:
    x = np.linspace(-1, 1, 5 * 16, dtype=np.float32).reshape(5, *SHAPE)
    assert torch.equal(read(written(tmp_path / "x.npy", x), 3, SHAPE), torch.from_numpy(x[:3]))
    found = entry(tmp_path / "x.npy", Bright())
    assert found["kernel_distance"] == pytest.approx(x[:3].mean()) and found["picture"].startswith("data:image/png")


class Trap:
    """What would leave a file behind, if it were unpickled."""

    def __reduce__(self):
        return open, ("sprung", "w")


def bytes_of(x: object, **how: bool) -> bytes:
    held = io.BytesIO()
    np.save(held, x, **how)
    return held.getvalue()


GOOD = bytes_of(np.zeros((3, *SHAPE), np.float32))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "x.npy is no array of numbers"),
        (b"\x80\x04K\x01.", "x.npy is no array of numbers"),
        (GOOD[:-4], "x.npy ends before its last sample"),
        (bytes_of(np.array([Trap()], dtype=object)), "x.npy holds object"),
        (bytes_of(np.zeros((3, *SHAPE))), "x.npy holds float64"),
        (bytes_of(np.zeros((3, 1, 8, 8), np.float32)), r"each sample has shape \(1, 8, 8\)"),
        (bytes_of(np.zeros((2, *SHAPE), np.float32)), "2 samples are too few: the board compares 3"),
        (bytes_of(np.full((3, *SHAPE), np.nan, np.float32)), "48 of 48 values are NaN or infinite"),
        (bytes(MOST + 1), "x.npy has 64 MB, and 64 are the most"),
    ],
)
def test_what_is_no_file_of_samples_is_told_and_runs_nothing(
    content: bytes, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(ValueError, match=why):
        read(tmp_path / "x.npy", 3, SHAPE)
    assert entry(tmp_path / "x.npy", Bright()).keys() == {"why"}
    assert not (tmp_path / "sprung").exists()


def test_a_link_a_folder_and_a_file_that_is_gone_are_told(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.npy").write_bytes(GOOD)
    (tmp_path / "link.npy").symlink_to(tmp_path / "elsewhere.npy")
    (tmp_path / "folder.npy").mkdir()
    for name in ("link.npy", "folder.npy", "gone.npy"):
        assert "is no file of its own" in entry(tmp_path / name, Bright())["why"]
