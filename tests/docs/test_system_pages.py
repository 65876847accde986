"""The pages of the systems say what the reports say, and their commands are ones that the course takes."""

import shlex
from pathlib import Path

import pytest

from gan_lab.lessons.ladder import IDEAS
from gan_lab.lessons.reports import TRAININGS
from gan_lab.runner.parameters import check, read_yaml

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
A1, A5, B1 = (("18,872,319", "17,239,025"), ("3,578,624", "2,767,360"), ("2,132,865", "214,785"))
TOTALS = {  # of G and of D, as the reports print them
    **dict.fromkeys(["A1", "A2", "A3"], A1),
    "A4": ("857,205", "109,830"),
    **dict.fromkeys(["A5", "A6"], A5),
    **dict.fromkeys(["B1", "B2", "B4"], B1),
    "B3": ("2,173,441", "487,942"),
    "few": ("370,049", "167,393"),
}


def rows(table):
    return [[cell.get_text() for cell in row.select("td")] for row in table.select("tbody tr")]


def count(words):
    return int(words.replace(",", "") or 0)


@pytest.mark.parametrize("name", TOTALS)
def test_the_layers_of_a_system_add_up_to_the_report_s_numbers(pages, name):
    G, D, settings, *_ = (rows(table) for table in pages[f"systems/{name}"].select("article table"))
    for layers, total in zip((G, D), TOTALS[name], strict=True):
        *single, (said, _, weights, statistics) = layers
        assert said == f"{total} in all"
        assert sum(count(row[2]) for row in single) == count(weights)
        assert sum(count(row[3]) for row in single) == count(statistics)
        assert count(weights) + count(statistics) == count(total)
    W, H, C = dict(settings)["images"].partition(" of ")[2].partition(",")[0].split("×")
    assert G[-2][1] == f"{C}×{H}×{W}"  # what the last layer returns is an image


def test_every_system_of_the_reports_has_a_page_and_the_list_has_its_totals(pages):
    assert TRAININGS.keys() | {"few"} == TOTALS.keys()
    (table,) = pages["systems/index"].select("article table")
    links = [link["href"] for link in table.select("td:first-child a")]
    listed = zip(links, rows(table), strict=True)
    assert {link.removesuffix(".html"): (G, D) for link, (_, _, G, D, _) in listed} == TOTALS


@pytest.mark.parametrize("name", TOTALS)
def test_the_command_of_a_system_is_one_that_its_notebook_takes(pages, name):
    command, *others = (block.get_text().strip() for block in pages[f"systems/{name}"].select("div.highlight-none"))
    words = shlex.split(command)
    assert words[:4] == ["uv", "run", "gan-lab", "run"]
    notebook, rest = words[4], words[5:]
    given = read_yaml(NOTEBOOKS / "parameters" / f"{rest[rest.index('-f') + 1]}.yaml") if "-f" in rest else {}
    if "-p" in rest:
        given |= dict([rest[rest.index("-p") + 1 :]])
    assert check(NOTEBOOKS / f"{notebook}.ipynb", given)
    if name in TRAININGS:
        assert others[0] == f"uv run gan-lab reproduce {name}"
        file = NOTEBOOKS / "parameters" / f"{rest[rest.index('-f') + 1]}.yaml"
        assert name in file.read_text(encoding="utf-8").replace(",", " ").replace("(", " ").replace(")", " ").split()


def test_the_course_s_own_gan_is_named_with_all_ideas_of_notebook_6(pages):
    table = pages["systems/few"].select("article table")[-1]
    assert [shlex.split(command)[-1] for command, _ in rows(table)] == [*IDEAS]
