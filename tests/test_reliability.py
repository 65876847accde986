"""A tenth of `python -m bench.reliability`, and that it would notice a loss."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def trials(tmp_path: Path, *arguments: str) -> pd.DataFrame:
    """In a process of its own: one whose PyTorch has started threads cannot fork."""
    command = [sys.executable, "-m", "bench.reliability", "--out", str(tmp_path), "--seed", "1", *arguments]
    subprocess.run(command, cwd=ROOT, check=True)
    return pd.read_csv(tmp_path / "reliability.csv", index_col="what")


def test_nothing_is_lost_when_a_training_is_killed_or_a_file_of_it_damaged(tmp_path: Path) -> None:
    found = trials(tmp_path, "--kills", "20", "--damages", "20")
    assert found["tried"].to_dict() == {"killed trainings": 20, "damaged files": 20}
    assert found["survived"]["killed trainings"] == 20
    assert (found["survived"] + found["refused"]).equals(found["tried"])


def test_nothing_is_lost_on_a_full_disk(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", str(place)], capture_output=True).returncode:
        pytest.skip("may not mount a disk")
    subprocess.run(["umount", str(place)], check=True)
    assert trials(tmp_path, "--disks", "6")["survived"]["full disks"] == 6


def test_nothing_is_lost_when_a_sweep_is_killed(tmp_path: Path) -> None:
    assert trials(tmp_path, "--sweeps", "5")["survived"]["killed sweeps"] == 5


LOSE = """
import random, sys, torch
torch.set_num_threads(1)
from pathlib import Path
from bench.reliability import in_a_child, outcome, verdict
from gan_lab.checkpoint import Checkpoint

folder = Path(sys.argv[1])
assert in_a_child(folder) == ""
untouched, file = outcome(folder / "B1"), folder / "B1" / "checkpoint.pt"
assert verdict(folder, untouched) == "survived"
kept = Checkpoint.read(file)
next(iter(kept.states["G"].values())).view(-1)[0] += 1e-7
kept.write(file)
print(verdict(folder, untouched))
"""


def test_another_bit_in_a_weight_is_a_loss(tmp_path: Path) -> None:
    said = subprocess.run([sys.executable, "-c", LOSE, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout == "lost: other bits\n", said.stderr


def test_the_page_shows_the_table_that_was_measured() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    measured = pd.read_csv(ROOT / "results" / "bench" / "reliability.csv")
    assert len(measured) == 4
    for row in measured.itertuples():
        assert f"| {row.what} | {row.tried} | {row.survived} | {row.refused} | {row.lost} |" in page
