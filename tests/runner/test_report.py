import base64
import io
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from PIL import Image
from run_folders import write_execution
from tiny_notebook import write_notebook

from gan_lab.runner.report import FRAMES, embedded, short, styles, write_report


@pytest.fixture
def page(tmp_path: Path) -> BeautifulSoup:
    """Two settings: one of two runs, one of a run and a failure."""
    for rate, seed, state in ((0.1, 0, "done"), (0.1, 1, "done"), (0.2, 0, "done"), (0.2, 1, "failed")):
        folder = tmp_path / f"rate={rate},seed={seed}"
        write_execution(folder, {"rate": rate, "seed": seed, "same": 7}, state, d_loss=1.0 + seed, epochs=30)
    return BeautifulSoup(write_report(tmp_path).read_text(encoding="utf-8"), "html.parser")


def test_a_page_asks_the_network_for_nothing(page: BeautifulSoup) -> None:
    assert page.find_all(["link", "iframe"]) == []
    assert page.select("script[src]") == []
    assert {image["src"].split(",")[0] for image in page.find_all("img")} == {"data:image/webp;base64"}
    assert re.findall(r"url\(|@import", page.style.string) == []


def test_a_row_a_setting_with_its_mean_and_interval(page: BeautifulSoup) -> None:
    rows = [[cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])] for row in page.select(".found tr")]
    assert rows == [
        ["setting", "runs", "FID", "D’s loss", "seconds"],
        ["rate = 0.1", "2", "0.333 0.333 – 0.333", "1.50 1.00 – 2.00", "15.0 15.0 – 15.0"],
        ["rate = 0.2", "1", "0.333", "1.00", "15.0"],
    ]


def test_a_single_run_is_said_to_have_no_interval(page: BeautifulSoup) -> None:
    assert "A single run has no interval" in page.get_text()


def test_dots_share_a_scale(page: BeautifulSoup) -> None:
    rows = page.select(".found tbody tr")
    places = [[dot["style"] for dot in row.find_all("td")[2].find_all("i")] for row in rows]
    assert places == [["left: 0.0%", "left: 100.0%"], ["left: 0.0%"]]


def test_samples_go_through_the_training_to_its_end(page: BeautifulSoup) -> None:
    assert [caption.get_text() for caption in page.find_all("figcaption")] == [
        "seed 0, epoch 30",
        "seed 1, epoch 30",
        "seed 0, epoch 30",
    ]
    assert page.select_one("input")["max"] == str(FRAMES - 1)
    epochs = [int(epoch) for epoch in re.findall(r'"epoch": (\d+)', page.script.string)]
    assert epochs[:FRAMES] == sorted(set(epochs)) and {1, 30} <= set(epochs)


def test_a_setting_that_did_not_measure_what_another_did_has_a_dash(tmp_path: Path) -> None:
    write_execution(tmp_path / "a", {"rate": 0.1})
    table = write_execution(tmp_path / "b", {"rate": 0.2}) / "B1" / "epochs.csv"
    table.write_text(table.read_text().replace("fid", "kid"))
    page = BeautifulSoup(write_report(tmp_path).read_text(), "html.parser")
    assert [cell.get_text() for cell in page.select(".found thead th")][2:] == ["FID", "D’s loss", "KID", "seconds"]
    cells = [[cell.get_text(strip=True) for cell in row.find_all("td")] for row in page.select(".found tbody tr")]
    assert [row[1] for row in cells] == ["5.00", "–"]
    assert [row[3] for row in cells] == ["–", "5.00"]


def test_each_quantity_has_a_figure(page: BeautifulSoup) -> None:
    titles = {text.get_text() for text in page.select(".curves svg text")}
    assert len(page.select(".curves svg")) == 2
    assert {"D’s loss", "FID", "epochs played"} <= titles


def test_what_failed_is_said_with_its_reason(page: BeautifulSoup) -> None:
    text = page.get_text(" ", strip=True)
    assert "rate=0.2,seed=1 failed cell [3]: ValueError: no" in text
    assert "same 7" in text


def test_a_page_bears_the_notebooks_title(tmp_path: Path) -> None:
    write_execution(tmp_path / "sweep", {"seed": 0})
    assert ">sweep</h1>" in write_report(tmp_path / "sweep", tmp_path / "a.html").read_text()
    write_notebook(tmp_path / "sweep" / "tiny.ipynb")
    assert ">A tiny notebook</h1>" in write_report(tmp_path / "sweep", tmp_path / "b.html").read_text()


def test_without_a_complete_run_the_page_says_so(tmp_path: Path) -> None:
    write_execution(tmp_path / "a", {"name": "<b>"}, "failed")
    page = write_report(tmp_path).read_text()
    assert "There is no complete training to compare." in page
    assert "&lt;b&gt;" in page


def test_an_embedded_picture_is_the_picture(tmp_path: Path) -> None:
    Image.new("RGB", (2000, 1000), (10, 200, 30)).save(tmp_path / "wide.png")
    picture = Image.open(io.BytesIO(base64.b64decode(embedded(tmp_path / "wide.png").split(",")[1])))
    assert picture.size == (640, 320)
    assert picture.getpixel((5, 5)) == pytest.approx((10, 200, 30), abs=4)


def test_settings_never_look_the_same() -> None:
    for number in (1, 5, 6, 20):
        assert len({(look["color"], look["dashes"]) for look in styles(number)}) == number


@pytest.mark.parametrize(("value", "text"), [(0.012345, "0.0123"), (1.0, "1.00"), (12345.6, "12346"), (-0.5, "-0.500")])
def test_numbers_have_three_digits_that_matter(value: float, text: str) -> None:
    assert short(value) == text
