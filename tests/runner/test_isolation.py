import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gan_lab.runner import isolation
from gan_lab.runner.cli import app


def test_windows_is_told_to_grade_in_wsl_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    for trusted in (False, True):
        with pytest.raises(ValueError, match=r"Windows cannot grade: .* in WSL"):
            isolation.refuse_to_grade_here(trusted=trusted)


@pytest.mark.parametrize(("there", "why"), [(None, "no command unshare"), ("/bin/unshare", "no user namespaces")])
def test_where_nothing_can_be_cut_off_only_whom_one_trusts_is_graded(
    there: str | None, why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(isolation, "namespaces", lambda: False)
    monkeypatch.setattr(isolation.shutil, "which", lambda name: there)
    said = CliRunner().invoke(app, ["grade", str(tmp_path)])
    words = " ".join(said.output.split())
    assert said.exit_code == 2 and why in words and "--trusted" in words and "util-linux" in words
    said = CliRunner().invoke(app, ["grade", str(tmp_path), "--trusted"])
    assert "has no notebooks" in " ".join(said.output.split())  # it went on


@pytest.mark.skipif(not isolation.namespaces(), reason="this machine allows no user namespaces")
def test_of_the_folders_beside_its_own_a_process_sees_none(tmp_path: Path) -> None:
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "answer.txt").write_text(f"of {name}")
    look = f"cat answer.txt; pwd; ls {tmp_path}; echo kept > left.txt; cat {tmp_path}/other/answer.txt"
    command = [*isolation.cut_off(tmp_path / "own", [tmp_path]), "sh", "-c", look]
    seen = subprocess.run(command, capture_output=True, text=True, check=False)
    assert seen.stdout == f"of own{tmp_path / 'own'}\nown\n" and "No such file" in seen.stderr
    assert (tmp_path / "own" / "left.txt").read_text() == "kept\n" and (tmp_path / "other" / "answer.txt").exists()
