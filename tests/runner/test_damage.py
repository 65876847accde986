"""Files of a run that are damaged: each is named, with why and the way out, and stops its own run only."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from run_folders import write_execution
from tiny_notebook import write_notebook

from gan_lab.runner.report import write_report
from gan_lab.runner.results import left_out, read_results, results_table, training_table


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])


def directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def change(old: str, new: str) -> Callable[[Path], None]:
    def changed(file: Path) -> None:
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    return changed


def put(content: str | bytes) -> Callable[[Path], None]:
    return lambda file: file.write_bytes(content if isinstance(content, bytes) else content.encode()) and None


def saved_with_points_and_commas(file: Path) -> None:
    file.write_text(file.read_text().replace(",", ";").replace("0.5", "0,5"))


# What is done to a file of the run seed=1, and what is said of it. One more row is one more kind of damage.
DAMAGE = [
    ("B1/recipe.json", put(""), "it is cut off, or no JSON at all"),
    ("B1/recipe.json", cut, "it is cut off, or no JSON at all"),
    ("B1/recipe.json", put(b"\xff\xfe{}"), "it is cut off, or no JSON at all"),
    ("B1/recipe.json", put("[1, 2]"), "it is no JSON object"),
    ("B1/recipe.json", put("{}"), "it names no parameters"),
    ("B1/recipe.json", put('{"parameters": [1]}'), "its parameters is of the wrong kind"),
    ("B1/recipe.json", put('{"parameters": {"rate": null}}'), "its parameters.rate is of the wrong kind"),
    ("B1/recipe.json", put('{"parameters": {"rate": 1}, "game": 3}'), "its game is of the wrong kind"),
    ("B1/recipe.json", put("[" * 100_000), "it is cut off, or no JSON at all"),
    ("B1/recipe.json", directory, "it cannot be opened"),
    ("B1/recipe.json", Path.unlink, "it is missing, and its tables are there"),
    ("status.json", put(""), "it is cut off, or no JSON at all"),
    ("status.json", cut, "it is cut off, or no JSON at all"),
    ("status.json", put(b"\xff"), "it is cut off, or no JSON at all"),
    ("status.json", put("[]"), "it is no JSON object"),
    ("status.json", put("{}"), "its state is missing"),
    ("status.json", change('"done"', "7"), "its state is of the wrong kind"),
    ("status.json", change('"failure": null', '"failure": {"cell": 3}'), "its failure.what is missing"),
    ("status.json", directory, "it cannot be opened"),
    ("B1/epochs.csv", put(""), "it is empty"),
    ("B1/epochs.csv", cut, "it ends in the middle of a row"),
    ("B1/epochs.csv", put(b"epoch,seconds\n1,\xff\n"), "it is no text in UTF-8"),
    ("B1/epochs.csv", put("epoch,seconds,fid\n"), "it has a header and no rows"),
    ("B1/epochs.csv", put("epoch,seconds,fid\n1,0.5\n"), "line 2 has 2 fields and not 3"),
    ("B1/epochs.csv", put("epoch,seconds\n1,0.5,2\n"), "line 2 has 3 fields and not 2"),
    ("B1/epochs.csv", put("epoch,fid\n1,2\n1,2\n"), "line 3 repeats epoch 1 or goes back to it"),
    ("B1/epochs.csv", put("epoch,fid\n2,2\n1,2\n"), "line 3 repeats epoch 1 or goes back to it"),
    ("B1/epochs.csv", put("seconds,fid\n1,2\n"), "it has no column epoch"),
    ("B1/epochs.csv", put("1,0.5,10.0\n2,0.5,5.0\n"), "it has no column epoch"),
    ("B1/epochs.csv", put("epoch,fid,fid\n1,2,3\n"), "its columns have not each a name of their own"),
    ("B1/epochs.csv", put("epoch,fid\n1,many\n"), "line 2 has 'many' as its fid"),
    ("B1/epochs.csv", put("epoch,fid\n1,01. Mai\n"), "line 2 has '01. Mai' as its fid"),
    ("B1/epochs.csv", put("epoch,fid\n,2\n"), "line 2 has '' as its epoch"),
    ("B1/epochs.csv", put('epoch,fid\n1,"2\n3\n'), "unexpected end of data"),
    (
        "B1/epochs.csv",
        saved_with_points_and_commas,
        "a spreadsheet saved it with both commas and points in its numbers",
    ),
    ("B1/epochs.csv", directory, "it cannot be opened"),
    ("B1/rounds.csv", cut, "it ends in the middle of a row"),
    ("B1/rounds.csv", change("round,", "rund,"), "it has no column round"),
    (
        "B1/rounds.csv",
        change("1,2,0.0\n", "1,2,0.0\n1,2,0.0\n"),
        "line 4 repeats epoch and round 1 and 2 or goes back to it",
    ),
    ("B1/rounds.csv", directory, "it cannot be opened"),
]


def unread(page: BeautifulSoup) -> list[str]:
    """The cells of the table under "What could not be read"."""
    table = page.find("h2", string="What could not be read").find_next("table")
    return [cell.get_text() for cell in table.find_all("td")]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A sweep of two runs, seed=0 and seed=1."""
    for seed in (0, 1):
        write_execution(tmp_path / f"seed={seed}", {"rate": 0.1, "seed": seed})
    return tmp_path


@pytest.mark.parametrize(("name", "damage", "why"), DAMAGE)
def test_a_damaged_file_stops_its_own_run_only_and_is_named(
    two: Path, name: str, damage: Callable[[Path], None], why: str
) -> None:
    damage(two / "seed=1" / name)
    good, bad = read_results(two)
    assert (good.state, bad.state, bad.complete) == ("done", "damaged", False)
    (said,) = bad.damaged
    assert said.file == two / "seed=1" / name
    assert said.why.startswith(why)

    table = results_table(two).set_index("state")
    assert table.loc["done", "d_loss"] == 1.0
    assert table.loc["damaged", "failure"].startswith(f"seed=1/{name} cannot be read, {said.why}: ")
    assert training_table(two)["seed"].tolist() == [0]
    assert left_out(two) == f"1 run is not in it: {table.loc['damaged', 'folder']} damaged"

    page = BeautifulSoup(write_report(two).read_text(encoding="utf-8"), "html.parser")
    assert page.select_one(".lead").get_text() == "1 setting, 1 run of 2 epochs, on cpu; 1 damaged."
    headings = [heading.get_text() for heading in page.find_all("h2")]
    assert headings.index("What could not be read") < headings.index("What they found")
    assert unread(page) == [f"seed=1/{name}", said.why, said.way_out]


@pytest.mark.parametrize(
    "damage", [put(b""), put(b"no picture"), cut, directory], ids=["empty", "text", "cut", "directory"]
)
def test_a_run_is_shown_without_its_damaged_picture(two: Path, damage: Callable[[Path], None]) -> None:
    picture = two / "seed=1" / "B1" / "pictures" / "0002.png"
    damage(picture)
    page = BeautifulSoup(write_report(two).read_text(encoding="utf-8"), "html.parser")
    assert page.select_one(".lead").get_text() == "1 setting, 2 runs of 2 epochs, on cpu."
    assert [caption.get_text() for caption in page.find_all("figcaption")] == ["seed 0, epoch 2", "seed 1, epoch 1"]
    assert unread(page)[0] == "seed=1/B1/pictures/0002.png"


@pytest.mark.parametrize(
    "name",
    ["0001 copy.png", "²³.png", "٣.png", "1.png", "00002.png", "Thumbs.db", "-1.png", ".part-0003.png", "0003.PNG"],
)
def test_a_stray_file_among_the_pictures_is_none(two: Path, name: str) -> None:
    (two / "seed=1" / "B1" / "pictures" / name).write_bytes(b"whatever")
    assert [picture.name for picture in read_results(two)[1].pictures] == ["0001.png", "0002.png"]
    assert "What could not be read" not in write_report(two).read_text(encoding="utf-8")


def test_a_file_in_the_place_of_the_pictures_is_a_run_without_any(two: Path) -> None:
    shutil.rmtree(two / "seed=1" / "B1" / "pictures")
    (two / "seed=1" / "B1" / "pictures").write_text("")
    assert read_results(two)[1].pictures == []
    assert write_report(two).exists()


@pytest.mark.parametrize("damage", [put(b""), put(b"[]"), put(b"\xff"), cut, directory])
def test_a_damaged_notebook_is_named_and_its_training_is_shown(two: Path, damage: Callable[[Path], None]) -> None:
    for seed in (0, 1):
        write_notebook(two / f"seed={seed}" / "tiny.ipynb")
    damage(two / "seed=1" / "tiny.ipynb")
    page = BeautifulSoup(write_report(two).read_text(encoding="utf-8"), "html.parser")
    assert page.h1.get_text() == "A tiny notebook"
    assert unread(page)[0] == "seed=1/tiny.ipynb"
    assert "2 runs" in page.select_one(".lead").get_text()


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("BOM", lambda text: "\ufeff" + text),
        ("CRLF", lambda text: text.replace("\n", "\r\n")),
        ("semicolons and points", lambda text: text.replace(",", ";")),
        ("Excel in German", lambda text: "\ufeff" + text.replace(",", ";").replace(".", ",").replace("\n", "\r\n")),
    ],
)
def test_a_table_that_a_spreadsheet_saved_is_read_where_it_says_one_thing(
    two: Path, name: str, saved: Callable[[str], str]
) -> None:
    before = training_table(two)
    for table in ("rounds.csv", "epochs.csv"):
        file = two / "seed=1" / "B1" / table
        file.write_bytes(saved(file.read_text()).encode())
    assert training_table(two).equals(before)


def test_a_training_without_a_status_counts_as_one_made_in_jupyter(two: Path) -> None:
    (two / "seed=1" / "status.json").unlink()
    assert [run.state for run in read_results(two)] == ["done", "trained"]
    assert training_table(two)["seed"].tolist() == [0, 1]


def test_all_that_is_damaged_in_a_run_is_named(two: Path) -> None:
    for name in ("status.json", "B1/recipe.json", "B1/rounds.csv", "B1/epochs.csv"):
        (two / "seed=1" / name).write_text("")
    assert [one.file.name for one in read_results(two)[1].damaged] == [
        *("status.json", "recipe.json", "rounds.csv", "epochs.csv")
    ]


def test_where_nothing_can_be_read_there_is_a_page_all_the_same_and_no_table(two: Path) -> None:
    for seed in (0, 1):
        (two / f"seed={seed}" / "status.json").write_text("")
    assert "There is no complete training to compare; 2 damaged." in write_report(two).read_text(encoding="utf-8")
    assert results_table(two)["state"].tolist() == ["damaged", "damaged"]
    with pytest.raises(
        FileNotFoundError, match=r"is complete: .* \(2 runs are not in it: seed=0/B1 damaged, seed=1/B1"
    ):
        training_table(two)
