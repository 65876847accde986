"""The table of all claims in results/README.md."""

import ast
from pathlib import Path

import jupytext
import pandas as pd
import pytest

from gan_lab.lessons import claims
from gan_lab.lessons.claims import Claim, claim
from gan_lab.measure import seeds
from gan_lab.runner.claims_table import record, section
from gan_lab.runner.refresh import refresh_notebook
from gan_lab.runner.sentences import claims_of

ROOT = Path(__file__).parents[2]
LESSON = """\
# %% [markdown]
# It is $|x| > 2$. **More than one**, too.

# %% tags=["parameters"]
x: float = 3.0  # grams

# %% tags=["claims"]
from gan_lab.lessons.claims import claim
from gan_lab.measure.seeds import against_truth

claim("It is $|x| > 2$.", abs(x) > 2)
claim("More than one, too.", x > 1, against_truth([x, x + 1, x - 1], 0))
"""


def test_a_claim_keeps_the_numbers_that_it_rests_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "made", made := [])
    table = pd.DataFrame({"setting": ["plain", "new"] * 3, "seed": [1, 1, 2, 2, 3, 3], "w1": [4, 1, 5, 2.5, 6, 3]})
    row = seeds.paired(table, "w1").set_index("setting").loc["new"]
    truth = seeds.against_truth([1.0, 2.0, 3.0], 2)
    claim("So it is.", True, row, truth)
    (made_of_row, made_of_truth) = made[0].numbers
    assert made_of_row == (3, pytest.approx(-17 / 6), row["low"], row["high"], "lower*")
    assert made_of_truth == (3, 2, truth.low, truth.high, "no difference found")


def test_a_refresh_writes_the_claims_into_their_section_and_leaves_the_others(tmp_path: Path) -> None:
    source = tmp_path / "notebooks" / "source" / "lesson.py"
    source.parent.mkdir(parents=True)
    source.write_text(LESSON)
    readme = tmp_path / "results" / "README.md"
    readme.parent.mkdir()
    readme.write_text("# Results\n\n### lesson\n\nold\n\n### lesson_2\n\nkept\n\n## bench\n\nkept too\n")
    refresh_notebook(source)
    low, high = seeds.interval([2.0, 3.0, 4.0])
    assert readme.read_text() == (
        "# Results\n\n### lesson\n\n"
        "| sentence | n | value [95 % interval] | verdict |\n|---|---|---|---|\n"
        "| It is $\\vert{}x\\vert{} > 2$. | - | - | - |\n"
        f"| More than one, too. | 3 | 3 [{low:.3g}, {high:.3g}] | higher |\n"
        "\n### lesson_2\n\nkept\n\n## bench\n\nkept too\n"
    )


def test_a_file_without_a_section_for_the_notebook_stays_as_it_is(tmp_path: Path) -> None:
    (readme := tmp_path / "README.md").write_text("# Results\n")
    record(readme, "lesson", [Claim("It is.", True, [])])
    assert readme.read_text() == "# Results\n"


@pytest.mark.parametrize("source", sorted(ROOT.glob("notebooks/source/*.py")), ids=lambda path: path.stem)
def test_the_table_lists_every_claim_of_the_course(source: Path) -> None:
    calls = [
        call for cell in jupytext.read(source).cells if cell.cell_type == "code" for call in claims_of(cell.source)
    ]
    sentences = [sentence_of(call) for call in calls]
    rows = section_of(source.stem)
    assert sentences and sorted(row.split(" | ")[0].removeprefix("| ") for row in rows) == sorted(sentences)


def section_of(notebook: str) -> list[str]:
    """The rows of a notebook's table in results/README.md."""
    text = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    after = text.split(f"### {notebook}\n", 1)[1].split("\n#", 1)[0]
    return after.strip().splitlines()[2:]


def sentence_of(call: ast.Call) -> str:
    """The sentence of a call of `claim`, as the table writes it."""
    said = " ".join(call.args[0].value.split())
    return section("", [Claim(said, True, [])]).splitlines()[4].split(" | ")[0].removeprefix("| ")
