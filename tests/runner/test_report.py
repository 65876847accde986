import base64
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from PIL import Image
from run_folders import write_execution, write_run
from tiny_notebook import write_notebook

from gan_lab.owner import owned
from gan_lab.runner.report import FRAMES, embedded, short, styles, write_report
from gan_lab.runner.status import Failure, Status

CHROMIUM = Path("/usr/bin/chromium")


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
        ["rate = 0.1", "2", "0.333 0.333 – 0.333", "1.50 -4.85 – 7.85", "15.0 15.0 – 15.0"],
        ["rate = 0.2", "1", "0.333", "1.00", "15.0"],
    ]


def test_an_interval_is_drawn_no_further_than_its_column_goes(page: BeautifulSoup) -> None:
    (loss,) = page.select(".found tbody tr")[0].find_all("td")[2].find_all("b")
    assert loss["style"] == "left: 0.0%; width: 100.0%"


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


def test_what_failed_is_said_with_its_reason_at_the_page_s_head(page: BeautifulSoup) -> None:
    text = page.get_text(" ", strip=True)
    assert "rate=0.2,seed=1 failed cell [3]: ValueError: no" in text
    assert text.index("What did not finish") < text.index("What they found")
    assert "same 7" in text


def write_stopped(folder: Path, state: str, what: str = "", epochs: int = 0) -> None:
    """A notebook that should train 30 epochs of B1, and was stopped."""
    Status(state, "tiny", {"epochs": 30}, failure=Failure(what, cell=3) if what else None).write(folder)
    if epochs:
        write_run(folder / "B1", {"rate": 0.1}, epochs=epochs)


def test_the_first_words_count_what_is_missing(tmp_path: Path) -> None:
    for seed in range(3):
        write_execution(tmp_path / f"seed={seed}", {"rate": 0.1, "seed": seed}, epochs=30)
    write_stopped(tmp_path / "seed=3", "failed", "ValueError: no")
    write_stopped(tmp_path / "seed=4", "failed", "FloatingPointError: a loss is not a number any more", epochs=5)
    write_stopped(tmp_path / "seed=5", "interrupted", epochs=12)
    write_run(tmp_path / "seed=5" / "A1", {"rate": 0.1}, epochs=3)
    write_stopped(tmp_path / "seed=6", "waiting")
    write_stopped(tmp_path / "seed=7", "running", epochs=7)
    with owned(tmp_path / "seed=7"):
        page = BeautifulSoup(write_report(tmp_path).read_text(encoding="utf-8"), "html.parser")
    assert page.select_one(".lead").get_text() == (
        "1 setting, 3 runs of 30 epochs, on cpu; 1 failed, 1 diverged (a loss became infinite or NaN), "
        "1 interrupted after epoch A1: 3, B1: 12, 1 waiting, 1 running after epoch 7 of 30."
    )
    table = page.find("h2", string="What did not finish").find_next("tbody")
    rows = [[cell.get_text() for cell in row.find_all("td")] for row in table.find_all("tr")]
    assert rows == [
        ["seed=3", "failed", "", "cell [3]: ValueError: no"],
        ["seed=4", "diverged", "5 of 30", "cell [3]: FloatingPointError: a loss is not a number any more"],
        ["seed=5", "interrupted", "A1: 3, B1: 12", ""],
        ["seed=6", "waiting", "", ""],
        ["seed=7", "running", "7 of 30", ""],
    ]


def test_runs_of_several_versions_are_said_to_be_so(tmp_path: Path) -> None:
    for seed, digest in enumerate(["3f2a91c0", "3f2a91c0", "77aa00bb"]):
        folder = write_execution(tmp_path / f"seed={seed}", {"rate": 0.1, "seed": seed})
        replace(Status.read(folder), notebook_digest=digest).write(folder)
    page = BeautifulSoup(write_report(tmp_path).read_text(encoding="utf-8"), "html.parser")
    (said,) = page.select(".versions")
    assert said.get_text() == (
        "These runs were made by 2 versions of the notebook (3f2a91c0: 2 runs, 77aa00bb: 1 run), "
        "each a setting of its own."
    )
    assert [row.get_text() for row in page.select(".found tbody th")] == [
        "B1, notebook 3f2a91c0",
        "B1, notebook 77aa00bb",
    ]


def test_runs_of_one_version_need_no_word_of_it(tmp_path: Path) -> None:
    for seed in range(2):
        folder = write_execution(tmp_path / f"seed={seed}", {"rate": 0.1, "seed": seed})
        replace(Status.read(folder), notebook_digest="3f2a91c0", code="0.1.0").write(folder)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "versions of" not in page and "3f2a91c0" not in page


def test_a_parameter_is_no_finding(tmp_path: Path) -> None:
    """A notebook may log the rate that it was given, and every recipe has a batch size."""
    file = write_execution(tmp_path, {"rate": 0.1, "batch_size": 4, "fid": 3}) / "B1" / "epochs.csv"
    file.write_text("epoch,seconds,rate,batch_size,fid,kid\n1,0.5,0.1,4,9,2\n")
    page = BeautifulSoup(write_report(tmp_path).read_text(encoding="utf-8"), "html.parser")
    assert {cell.get_text() for cell in page.select(".found thead th")} == {
        "setting",
        "runs",
        "KID",
        "D’s loss",
        "seconds",
    }


def test_what_was_not_finite_is_shown_as_such(tmp_path: Path) -> None:
    for seed, fid in enumerate(("1.0", "inf", "2.0")):
        file = write_execution(tmp_path / f"seed={seed}", {"seed": seed}) / "B1" / "epochs.csv"
        file.write_text(f"epoch,seconds,fid\n1,0.5,3.0\n2,0.5,{fid}\n")
    page = BeautifulSoup(write_report(tmp_path).read_text(encoding="utf-8"), "html.parser")
    cell = page.select(".found tbody td")[1]
    assert cell.select_one(".mean").get_text() == "inf"
    assert [dot["style"] for dot in cell.find_all("i")] == ["left: 0.0%", "left: 100.0%"]


HOSTILE = "<b>$x^$</b><script>&"


def test_names_parameters_and_failures_are_words_and_no_html(tmp_path: Path) -> None:
    top = tmp_path / "<b>top<b>"
    for seed in (0, 1):
        given = {"<i>name": HOSTILE + str(seed), "<i>same": HOSTILE}
        folder = write_execution(top / f"<b>{seed}", given)
        file = folder / "B1" / "epochs.csv"
        file.write_text(file.read_text().replace("fid", "<u>$metric^$"))
    write_execution(top / "<b>failed", {"x": HOSTILE}, "failed")
    Status("failed", "tiny", {}, failure=Failure(HOSTILE, 3, HOSTILE, HOSTILE)).write(top / "<b>failed")
    (write_run(top / "<b>damaged" / HOSTILE.replace("/", ""), {"x": 1}) / "epochs.csv").write_text("")
    replace(Status.read(top / "<b>0"), notebook_digest="<b>digest").write(top / "<b>0")
    write_notebook(top / "<b>0" / "tiny.ipynb")
    notebook = top / "<b>0" / "tiny.ipynb"
    notebook.write_text(notebook.read_text().replace("A tiny notebook", "<b>Tiny<script>"))
    page = BeautifulSoup(write_report(top).read_text(encoding="utf-8"), "html.parser")
    ours = page.select("td b, .dots b, .dots i")
    assert [tag for tag in page.find_all(["b", "i", "u"]) if tag not in ours] == []
    assert len(page.find_all("script")) == 1  # our own
    text = page.get_text()
    for said in ("<i>name", HOSTILE, "<u>$metric^$", "<b>failed", "<b>digest", "<b>Tiny<script>", "<b>damaged"):
        assert said in text


@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium")
def test_in_a_browser_no_part_is_wider_than_the_page(tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    long, wide = "one-sided and annealed and with noise " * 4, "w" * 200
    for seed, setting in enumerate(("plain", long, wide)):
        folder = write_execution(tmp_path / f"seed={seed}", {"setting": setting, "seed": seed, "same": wide})
        names = ",".join(f"a_measure_{i}" for i in range(12))
        numbers = ",".join(str(10.0 ** (i + seed)) for i in range(12))
        (folder / "B1" / "epochs.csv").write_text(f"epoch,seconds,{names}\n1,0.5,{numbers}\n")
        replace(Status.read(folder), notebook_digest=f"{seed}").write(folder)
    for i in range(2):
        write_stopped(tmp_path / f"{i}{wide}", "failed", f"ValueError: {wide} {long}")
    (write_run(tmp_path / wide / "B1", {"rate": 1}) / "recipe.json").write_text("")
    page = write_report(tmp_path)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for width in (390, 1024, 1440):
            tab = browser.new_page(viewport={"width": width, "height": 900})
            tab.goto(page.as_uri())
            tab.evaluate("document.querySelector('details').open = true")
            assert tab.evaluate("document.documentElement.scrollWidth") == width
            beyond = tab.evaluate(
                "[...document.querySelectorAll('main *')].filter(part => !part.closest('.wide, svg')"
                " && part.getBoundingClientRect().right > innerWidth).map(part => part.outerHTML.slice(0, 80))"
            )
            assert beyond == []
        browser.close()


def test_a_page_bears_the_notebooks_title(tmp_path: Path) -> None:
    write_execution(tmp_path / "sweep", {"seed": 0})
    assert ">sweep</h1>" in write_report(tmp_path / "sweep", tmp_path / "a.html").read_text()
    write_notebook(tmp_path / "sweep" / "tiny.ipynb")
    assert ">A tiny notebook</h1>" in write_report(tmp_path / "sweep", tmp_path / "b.html").read_text()


def test_without_a_complete_run_the_page_says_so(tmp_path: Path) -> None:
    write_execution(tmp_path / "a", {"name": "<b>"}, "failed")
    page = write_report(tmp_path).read_text()
    assert "There is no complete training to compare; 1 failed." in page
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
