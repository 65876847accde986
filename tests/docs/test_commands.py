"""Every `gan-lab` command of the documents is one that is understood, with parameters that the notebook has."""

import itertools
import re
import shlex
from pathlib import Path

import pytest
import typer

from gan_lab.lessons.reports import TRAININGS
from gan_lab.runner.cli import app, given
from gan_lab.runner.parameters import check
from gan_lab.runner.points import grids

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "results" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINE = re.compile(r"^(?:uv run (?:--no-sync )?)?gan-lab (.+)$", re.MULTILINE)
COMMANDS = [
    (page.name, " ".join(line.partition(" #")[0].split()))
    for page in PAGES
    for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for line in LINE.findall(block.replace("\\\n", " "))
]


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[f"{page}: {line}" for page, line in COMMANDS])
def test_a_command_of_the_documents_is_understood(page, line, monkeypatch):
    monkeypatch.chdir(ROOT)
    words = shlex.split(line.partition("; ")[0], comments=True)
    group = typer.main.get_command(app)
    command = group.commands[words[0]]
    asked = command.make_context(words[0], words[1:]).params
    if words[0] in ("run", "sweep"):
        values = given(asked["parameter"], asked["file"])
        swept = {name: values[0] for name, values in grids(asked.get("grid", [])).items()}
        values = {name: value for name, value in (values | swept).items() if name != "data_dir"}
        notebook = ROOT / "notebooks" / Path(asked["notebook"]).name
        assert check(notebook.with_suffix(".ipynb"), values)
    if words[0] == "reproduce":
        names = itertools.takewhile(lambda word: not word.startswith("-"), words[1:])
        assert set(names) <= set(TRAININGS)


def test_the_documents_have_commands():
    assert len(COMMANDS) > 25
