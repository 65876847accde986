"""The class's board: who has which place, what a class sees, and what it does not."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from bs4 import BeautifulSoup
from typer.testing import CliRunner

from gan_lab import pretrained
from gan_lab.data.hold_out import load_with_held_out
from gan_lab.runner.board import board, judged, placed
from gan_lab.runner.cli import app
from gan_lab.runner.graded_folder import NO_SAMPLES, SAMPLES, place
from gan_lab.runner.pseudonyms import pseudonyms


def row(name: str, low: float, high: float, state: str = "ranked") -> dict[str, object]:
    return {"shown_as": name, "state": state, "kernel_distance": (low + high) / 2, "low": low, "high": high}


def places(*rows: dict[str, object]) -> dict[str, int | None]:
    return {one["shown_as"]: one["place"] for one in placed(rows)}


def test_entries_whose_intervals_overlap_share_a_place_and_the_next_one_counts_them_all() -> None:
    assert places(row("c", 0.5, 0.6), row("a", 0.0, 0.2), row("b", 0.1, 0.3)) == {"a": 1, "b": 1, "c": 3}


def test_an_entry_stands_behind_those_that_are_certainly_better_and_no_others() -> None:
    assert places(row("a", 0.0, 0.2), row("b", 0.1, 0.4), row("c", 0.3, 0.5)) == {"a": 1, "b": 1, "c": 2}


def test_copies_come_last_however_good_they_look() -> None:
    found = places(row("copied", -0.1, 0.0, "copies"), row("noise", 7, 8), {"shown_as": "none", "state": "no samples"})
    assert list(found.items()) == [("noise", 1), ("copied", 2), ("none", None)]


def drawn(seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    G = pretrained.digits_by_class()
    return G(torch.randn(745, G.z_dim), torch.arange(745) % 5)


def hand_in(graded: Path, student: str, samples: torch.Tensor | None = None, why: str = "") -> None:
    place(graded, student).mkdir(parents=True)
    if samples is not None:
        np.save(place(graded, student) / SAMPLES, samples.numpy())
    if why:
        (place(graded, student) / NO_SAMPLES).write_text(why)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    graded = tmp_path_factory.mktemp("grades")
    images, _ = load_with_held_out()
    torch.manual_seed(0)
    hand_in(graded, "ada", drawn(1))
    hand_in(graded, "bob", drawn(2))
    hand_in(graded, "copier", images.batch(torch.randperm(len(images))[:745])[0])
    hand_in(graded, "noise", 2 * torch.rand(745, 1, 32, 32) - 1)
    hand_in(graded, "<b>eve", torch.full((745, 1, 32, 32), torch.nan))
    hand_in(graded, "few", drawn(3)[:9])
    hand_in(graded, "crashed", why="it ended its process")
    hand_in(graded, "nothing")
    hand_in(graded, "a link")
    (place(graded, "a link") / SAMPLES).symlink_to(place(graded, "ada") / SAMPLES)
    students = [one.name for one in (graded / "students").iterdir()]
    rows = [(student, "01_dcgan", f"01_dcgan-{n}", n) for student in students for n in (0, 1)]
    pd.DataFrame(rows, columns=["student", "notebook", "exercise", "points"]).to_csv(graded / "grades.csv", index=False)
    (graded / "named.csv").write_text("student,name\nbob,Bob & Co\n")
    board(graded, names=graded / "named.csv")
    return graded


@pytest.fixture(scope="module")
def table(graded: Path) -> pd.DataFrame:
    return pd.read_csv(graded / "board.csv", keep_default_na=False).set_index("student")


def test_two_entries_of_the_same_generator_share_a_place(table: pd.DataFrame) -> None:
    assert table.loc[["ada", "bob"], "place"].tolist() == ["1", "1"] and table.loc["noise", "place"] == "3"


def test_a_copied_training_set_is_ranked_last_and_says_why(table: pd.DataFrame) -> None:
    copier = table.loc["copier"]
    assert copier["state"] == "copies" and copier["place"] == "4"
    assert copier["reason"] == "100% of the samples are nearly equal to training images"
    assert float(copier["kernel_distance"]) < float(table.loc["ada", "kernel_distance"])  # and would have won


def test_each_bad_entry_has_a_row_with_its_reason_and_stops_no_other(table: pd.DataFrame) -> None:
    assert len(table) == 9
    bad = {
        "<b>eve": "NaN or infinite",
        "few": "9 samples are too few: the board compares 745",
        "crashed": "it ended its process",
        "nothing": "no notebook has a cell # board",
        "a link": "is no file of its own",
    }
    for student, why in bad.items():
        assert table.loc[student, "state"] == "no samples" and why in table.loc[student, "reason"]
        assert table.loc[student, "place"] == ""


def test_points_are_summed_from_the_grades(table: pd.DataFrame) -> None:
    assert (table["points"] == 1).all() and (table["of"] == 2).all()


def test_the_page_asks_no_network_and_names_only_who_wants_it(graded: Path, table: pd.DataFrame) -> None:
    text = (graded / "board.html").read_text()
    page = BeautifulSoup(text, "html.parser")
    assert "http" not in text and not page.find_all(["script", "link", "iframe"])
    pictures = [picture["src"] for picture in page.find_all("img")]
    assert len(pictures) == 4 and all(address.startswith("data:image/") for address in pictures)
    shown = [who.find(string=True) for who in page.select(".who")]
    given = pseudonyms(table.index, graded) | {"bob": "Bob & Co"}
    assert shown == [given[student] for student in table.index] == table["shown_as"].tolist()
    assert not any(name in page.text for name in ("copier", "<b>eve", "crashed"))


def test_a_judge_that_does_not_come_to_its_end_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(OSError, match="judging did not come to its end"):
        judged({})


def test_the_command_writes_the_page_it_is_given_and_counts_the_entries(
    graded: Path, table: pd.DataFrame, tmp_path: Path
) -> None:
    words = ["board", str(graded), "--out", str(tmp_path / "class.html"), "--names", str(graded / "named.csv")]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0
    assert " ".join(said.output.split()) == (
        f"{tmp_path}/class.html: 5 no samples, 3 ranked, 1 copies; {tmp_path}/class.csv has the students' names"
    )
    assert "Bob &amp; Co" in (tmp_path / "class.html").read_text()
    assert pd.read_csv(tmp_path / "class.csv")["student"].tolist() == table.index.tolist()


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["board", str(tmp_path)])
    assert said.exit_code == 2 and "first gan-lab grade SUBMISSIONS --out" in " ".join(said.output.split())


@pytest.mark.parametrize(
    ("names", "why"),
    [("student,name\nzoe,Zoe\n", "names zoe, who handed in nothing"), ("ada;Ada\n", "no table with the two columns")],
)
def test_a_file_of_names_that_fits_nobody_is_refused(graded: Path, tmp_path: Path, names: str, why: str) -> None:
    (tmp_path / "names.csv").write_text(names)
    with pytest.raises(ValueError, match=why):
        board(graded, tmp_path / "board.html", tmp_path / "names.csv")
    with pytest.raises(ValueError, match=r"ends in \.html"):
        board(graded, tmp_path / "board.csv")


def test_a_board_replaces_nothing_but_a_board(graded: Path, tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("student,name\nbob,Bob\n")
    (tmp_path / "index.html").write_text("<title>Grades</title>")
    before = {file: file.read_bytes() for file in (*tmp_path.iterdir(), graded / "grades.csv")}
    for page, mine in (
        (tmp_path / "names.html", tmp_path / "names.csv"),
        (tmp_path / "index.html", tmp_path / "index.html"),
        (graded / "grades.html", graded / "grades.csv"),
    ):
        said = CliRunner().invoke(
            app, ["board", str(graded), "--out", str(page), "--names", str(tmp_path / "names.csv")]
        )
        words = "".join(said.output.split())
        assert said.exit_code == 2 and f"{mine}istherealready" in words and "chooseanothername" in words
    assert {file: file.read_bytes() for file in before} == before and not (graded / "grades.html").exists()
