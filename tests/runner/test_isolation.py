import json
import socket
import subprocess
import sys
import tempfile
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
def test_a_process_reaches_no_socket_of_another_program(tmp_path: Path) -> None:
    """Of a socket in a folder that is only to be read, too: it could be written to."""
    if Path("/tmp").resolve() not in isolation.shared():
        pytest.skip("Python or this project lies in /tmp")
    (tmp_path / "own").mkdir()
    with socket.socket(socket.AF_UNIX) as listening, tempfile.TemporaryDirectory(dir="/tmp") as folder:
        listening.bind(f"{folder}/s")
        listening.listen()
        ask = f"import socket; socket.socket(socket.AF_UNIX).connect('{folder}/s')"
        command = [sys.executable, "-c", ask]
        assert subprocess.run(command, check=False).returncode == 0
        cut = [*isolation.cut_off(tmp_path / "own", []), *command]
        assert "No such file" in subprocess.run(cut, capture_output=True, text=True, check=False).stderr


def test_what_python_needs_is_not_hidden_with_what_programs_share(monkeypatch: pytest.MonkeyPatch) -> None:
    for needed, kept in (("/tmp/venv", "/tmp"), ("/run/python", "/run")):  # whether or not these are there
        monkeypatch.setattr(sys, "prefix", needed)
        assert Path(kept).resolve() not in isolation.shared()


@pytest.mark.skipif(not isolation.namespaces(), reason="this machine allows no user namespaces")
def test_outside_of_its_own_folder_a_process_writes_nothing(tmp_path: Path) -> None:
    """So an answer cannot change the package, which grades the next student."""
    (tmp_path / "own").mkdir()
    package, home, beside = Path(isolation.__file__).parent, Path.home(), tmp_path / "with a space"
    beside.mkdir()
    write = 'for place; do touch "$place/written by a test" || echo no; done; touch here; echo > /dev/null && echo ok'
    command = [*isolation.cut_off(tmp_path / "own", []), "sh", "-c", write, "sh", *map(str, (package, home, beside))]
    seen = subprocess.run(command, capture_output=True, text=True, check=False)
    assert seen.stdout == "no\nno\nno\nok\n" and seen.stderr.count("cannot touch") == 3
    assert [file.name for file in (tmp_path / "own").iterdir()] == ["here"] and list(beside.iterdir()) == []


def test_of_the_environment_a_process_gets_what_python_needs_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "look.py").write_text("import json, os\nprint(json.dumps(dict(os.environ)))")
    monkeypatch.syspath_prepend(tmp_path)
    for name, value in {"PYTHONPATH": str(tmp_path), "LC_TIME": "C", "A_TOKEN": "secret", "PATHS": "/"}.items():
        monkeypatch.setenv(name, value)
    with isolation.isolated("look", tmp_path / "own", [], stdout=subprocess.PIPE) as child:
        seen = json.loads(child.communicate()[0])
    assert seen["LC_TIME"] == "C" and seen["PATH"] and seen["HOME"] == seen["TMPDIR"] == str(tmp_path / "own")
    assert not {"A_TOKEN", "PATHS"} & set(seen) and "secret" not in seen.values()
