"""An exercise from the hand-out to the grade, as a student meets it: JupyterLab in a real Chromium.

Skipped where there is no /usr/bin/chromium (Debian and Ubuntu: apt install chromium). No other machine is asked.
"""

import shutil
from pathlib import Path

import pytest
from lab import CHROMIUM, jupyterlab, page_of

from gan_lab.runner.grade import grade
from gan_lab.runner.release import release

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium")

WRONG = """\
class LeastSquares:
    def d_loss(self, real, fake, y):
        return (real - 1).square().mean() + fake.square().mean()

    def g_loss(self, fake, y):
        return (fake - 1).square().mean() / 2"""
RIGHT = WRONG.replace("mean() + fake.square().mean()", "mean() / 2 + fake.square().mean() / 2")
SHOWN = "window.jupyterapp.shell.currentWidget"


class Notebook:
    """The notebook that is open in a page, with its cells by what they hold."""

    def __init__(self, page):
        self.page = page

    def at(self, code: str) -> int:
        """Make the cell that holds this code the active one, in sight; its number."""
        holds = "w => w.model.type === 'code' && w.model.sharedModel.source.includes(code)"
        number = self.page.evaluate(f"code => {SHOWN}.content.widgets.findIndex({holds})", code)
        select = "c.activeCellIndex = n; await c.scrollToItem(n, 'center'); c.activate();"
        self.page.evaluate(f"async n => {{ const c = {SHOWN}.content; {select} }}", number)
        return number

    def write(self, code: str, instead: str) -> None:
        number = self.at(code)
        self.page.keyboard.press("Enter")
        self.page.wait_for_function(f"n => {SHOWN}.content.widgets[n].editor?.hasFocus()", arg=number)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(instead)
        self.page.keyboard.press("Escape")

    def run(self, code: str) -> str:
        """Run the cell that holds this code; what it says."""
        number = self.at(code)
        cell = f"{SHOWN}.content.widgets[{number}]"
        before = self.page.evaluate(f"{cell}.model.executionCount ?? 0")
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(f"before => ({cell}.model.executionCount ?? 0) > before", arg=before)
        return self.page.evaluate(f"{cell}.outputArea.node.innerText").strip()

    def save(self) -> None:
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function(f"() => !{SHOWN}.context.model.dirty")


def test_a_wrong_answer_gets_its_hint_and_the_right_one_a_point(tmp_path: Path) -> None:
    (handed_out,) = release(tmp_path / "lab", ["01_dcgan"])
    with (
        jupyterlab(tmp_path / "lab") as (url, token),
        page_of(url, token, "01_dcgan.ipynb", tmp_path / "profile") as page,
    ):
        notebook, answer, check = Notebook(page), "class LeastSquares", "check_least_squares"
        notebook.run("from gan_lab.lessons import exercises")
        notebook.run(answer)
        assert notebook.run(check).startswith("Not yet: d_loss is None")
        notebook.write(answer, WRONG)
        notebook.run(answer)
        assert "d_loss is 7.147, not 3.573" in notebook.run(check)
        notebook.write(answer, RIGHT)
        notebook.run(answer)
        assert notebook.run(check) == "Correct."
        notebook.save()
    submission = tmp_path / "submissions" / "ada" / handed_out.name
    submission.parent.mkdir(parents=True)
    shutil.copy(handed_out, submission)
    grades, _ = grade(tmp_path / "submissions", tmp_path / "grades")
    assert {one.exercise: one.state for one in grades} == {
        "01_dcgan-round": "not answered",
        "01_dcgan-least_squares": "correct",
    }
    assert "ada: 1 of 2 points" in (tmp_path / "grades" / "students" / "ada" / "index.html").read_text()
