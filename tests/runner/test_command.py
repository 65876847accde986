import importlib.util
import subprocess
import sys

import pytest

from gan_lab.runner import command


def test_without_the_extra_it_says_in_a_sentence_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"papermill", "typer"}
    monkeypatch.setattr(command, "find_spec", lambda name: None if name in gone else importlib.util.find_spec(name))
    with pytest.raises(SystemExit, match=r'^gan-lab needs its extra \[course\] \(papermill, typer\): pip install "'):
        command.main()


def test_with_it_the_command_line_answers() -> None:
    program = "import sys; sys.argv[1:] = ['--help']; from gan_lab.runner.command import main; main()"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "sweep" in answer.stdout
