import json
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


@pytest.mark.skipif(not isolation.namespaces(), reason="this machine allows no user namespaces")
def test_outside_of_its_own_folder_a_process_writes_nothing(tmp_path: Path) -> None:
    """So an answer cannot change the package, which grades the next student."""
    (tmp_path / "own").mkdir()
    package, home, beside = Path(isolation.__file__).parent, Path.home(), tmp_path / "with a space"
    beside.mkdir()
    write = 'for place; do touch "$place/written by a test" || echo no; done; touch here; echo > /dev/null && echo ok'
    command = [*isolation.cut_off(tmp_path / "own", []), "sh", "-c", write, "sh", *map(str, (package, home, beside))]
    seen = subprocess.run(command, capture_output=True, text=True, check=False)
    assert seen.stdout == "no\nno\nno\nok\n" and seen.stderr.count("Read-only file system") == 3
    assert [file.name for file in (tmp_path / "own").iterdir()] == ["here"] and list(beside.iterdir()) == []


def test_of_the_environment_a_process_gets_what_python_needs_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "look.py").write_text("import json, os\nprint(json.dumps(dict(os.environ)))")
    for name, value in {"PYTHONPATH": str(tmp_path), "LC_TIME": "C", "A_TOKEN": "secret", "PATHS": "/"}.items():
        monkeypatch.setenv(name, value)
    with isolation.isolated("look", tmp_path / "own", [], stdout=subprocess.PIPE) as child:
        seen = json.loads(child.communicate()[0])
    assert seen["LC_TIME"] == "C" and seen["PATH"] and seen["HOME"] == seen["TMPDIR"] == str(tmp_path / "own")
    assert not {"A_TOKEN", "PATHS"} & set(seen) and "secret" not in seen.values()
