"""The Makefile, wherever a user's programs lie."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CLONE = Path(__file__).parents[1]


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_uv_may_lie_in_a_folder_with_a_space_in_its_name(tmp_path: Path) -> None:
    uv = tmp_path / "my tools" / "uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    path = f"{uv.parent}{os.pathsep}{outside['PATH']}"
    told = subprocess.run(
        ["make", "-n", "run"], cwd=CLONE, env={**outside, "PATH": path}, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout == "uv run --frozen gan-lab run notebooks/01_dcgan.ipynb\n"
