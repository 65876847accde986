"""The course as a site: it builds without a warning, asks no other machine, and fits a phone.

The part in a browser is skipped where there is no /usr/bin/chromium.
"""

import copy
import re
from importlib import import_module
from pathlib import Path
from runpy import run_path

import nbformat
import pytest
import yaml
from browser import HTML, opened, pressed_until_it_shows

from gan_lab.runner.alt_text import undescribed

ROOT = Path(__file__).parents[2]
WIDTHS = (390, 1024, 1440)
WALKED = (
    *("index", "draw", "playground", "course/01_dcgan", "course/05_wasserstein_distance", "results"),
    *("glossary", "persian", "systems/index", "systems/A1"),
)


def test_every_notebook_and_document_is_a_page(pages):
    notebooks = {f"course/{file.stem}" for file in (ROOT / "notebooks").glob("*.ipynb")}
    documents = {file.stem for file in (ROOT / "docs").glob("*.md")}
    rooms = {"api/game", "api/networks", "api/measure", "api/lessons", "start", "results", "data_card", "changelog"}
    assert notebooks | documents | rooms <= pages.keys()


def test_no_page_takes_anything_from_another_machine(pages):
    for name, page in pages.items():
        parts = [(tag, tag.get("src")) for tag in page.find_all(src=True)]
        parts += [(tag, tag["href"]) for tag in page.find_all("link", href=True) if tag.get("rel") != ["canonical"]]
        for tag, address in parts:
            assert not re.match(r"(https?:)?//", address or ""), f"{name}: {tag}"


def test_no_formula_and_no_link_is_broken(pages):
    for name, page in ((name, copy.copy(page)) for name, page in pages.items()):
        for gone in page.select("pre, code, script, style"):
            gone.decompose()
        assert not re.search(r"\$\$|\$[^$\n]*\$|\\[a-z]{2}", (page.article or page).get_text()), name
        for link in page.select("article a[href]"):
            target = link["href"].partition("#")[0]
            if target and not re.match(r"[a-z]+:", target):
                assert (HTML / name).parent.joinpath(target).resolve().exists(), f"{name}: {link}"


def test_each_picture_has_its_words(pages):
    assert not [name for name, notebook in notebooks().items() if any(map(undescribed, notebook.cells))]
    pictures = [(name, picture) for name, page in pages.items() for picture in page.select("article img:not(.toggler)")]
    assert len(pictures) > 80
    for name, picture in pictures:
        words = picture.get("alt", "")
        assert len(words.split()) > 3 and "_images" not in words, f"{name}: {picture['src']}: {words!r}"


def test_no_page_shows_the_code_of_a_claim(pages):
    assert all(page.select("div.cell") for name, page in pages.items() if name in notebooks())
    for name in notebooks():
        assert not re.search(r"^claim\(|^#\|", pages[name].get_text(), re.MULTILINE), name


def notebooks():
    """The notebooks, by the names of their pages."""
    return {f"course/{file.stem}": nbformat.read(file, 4) for file in sorted((ROOT / "notebooks").glob("*.ipynb"))}


def test_a_notebook_can_be_downloaded_and_without_a_repository_there_is_no_other_link(pages):
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        (links,) = pages[f"course/{file.stem}"].select("p.run-links")
        assert [link.get_text() for link in links.select("a")] == ["Download this notebook"]
        assert (HTML / "course" / links.a["href"]).resolve().read_bytes() == file.read_bytes()


def test_the_site_has_of_the_notebooks_folder_the_course_alone(tmp_path, monkeypatch):
    mine = ("01_dcgan.ipynb", "parameters/smoke.yaml", "Untitled.ipynb", "runs/B1/recipe.json", "source/01_dcgan.py")
    for name in mine:
        (tmp_path / "notebooks" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "notebooks" / name).touch()
    monkeypatch.syspath_prepend(ROOT / "docs")
    import_module("build_site").copy_notebooks(tmp_path / "notebooks", tmp_path / "site")
    copies = {
        file.relative_to(tmp_path / "site").as_posix() for file in (tmp_path / "site").rglob("*") if file.is_file()
    }
    assert copies == {"01_dcgan.ipynb", "parameters/smoke.yaml"}


def test_with_a_repository_a_notebook_runs_on_colab_and_on_binder():
    links = run_path(ROOT / "docs" / "conf.py")["run_links"]("01_dcgan", "https://github.com/someone/course/")
    assert links["Colab"] == (
        ' href="https://colab.research.google.com/github/someone/course/blob/HEAD/notebooks/01_dcgan.ipynb"'
    )
    assert links["Binder"] == (
        ' href="https://mybinder.org/v2/gh/someone/course/HEAD?urlpath=lab/tree/notebooks/01_dcgan.ipynb"'
    )


def test_the_example_for_a_host_puts_there_what_make_builds_and_is_off():
    example = yaml.safe_load((ROOT / "docs" / "pages-action.example.yml").read_text())
    steps = example["jobs"]["site"]["steps"]
    (made,) = (step["run"].split() for step in steps if "run" in step)
    assert made[0] == "make" and all(f"\n{target}:" in (ROOT / "Makefile").read_text() for target in made[1:])
    assert [ROOT / step["with"]["path"] for step in steps if "with" in step] == [HTML]
    assert not (ROOT / ".github").exists()


def test_an_equation_of_a_docstring_keeps_its_lines(pages):
    text = pages["api/game"].get_text()
    assert re.search(r"d_loss = E_z\[ D\(G\(z\)\) \] - E_x\[ D\(x\) \] +\(1\)\n *g_loss = -E_z", text)


@pytest.mark.parametrize("name", WALKED)
def test_a_page_fits_a_phone_and_a_screen_and_nothing_goes_wrong(browser, name):
    for width in WIDTHS:
        page, wrong = opened(browser, f"{name}.html", width, "dark" if width == 1024 else "light")
        assert wrong == []
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{name} at {width}"
        page.close()


def test_the_search_finds_gradient_penalty(browser):
    page, wrong = opened(browser, "search.html?q=gradient+penalty")
    page.locator("ul.search li a").first.wait_for()
    found = page.locator("ul.search li a").all_inner_texts()
    assert wrong == [] and any("WGAN" in title for title in found)


def test_the_playground_plays_by_keys_and_by_mouse(browser):
    page, wrong = opened(browser, "playground.html", 390)
    play = page.get_by_role("button", name="Play")
    play.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => +document.querySelector('.gan-says').innerText.split(/\\s+/)[1] > 600", timeout=60_000
    )
    page.get_by_role("button", name="Pause").click()
    seen = page.locator(".gan-says").inner_text()
    pressed_until_it_shows(page, "Step of G", seen, pause=200)
    assert wrong == []


def test_data_are_drawn_in_several_strokes_and_cleared(browser):
    page, wrong = opened(browser, "playground.html")
    canvas = page.locator(".gan-picture canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    strokes = [(0.25, 0.25), (0.75, 0.75)]  # as shares of the picture
    for x, y in strokes:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + (x + 0.05) * box["width"], box["y"] + y * box["height"], steps=20)
        page.mouse.up()

    def blue(x, y):
        colour = "([x, y]) => { const c = document.querySelector('.gan-picture canvas'); return [...c.getContext('2d')"
        colour += ".getImageData(x * c.width, y * c.height, 1, 1).data] }"
        red, _, b, _ = page.evaluate(colour, [x + 0.025, y])
        return b - red > 60

    assert page.get_by_label("data").input_value() == "drawn by you"
    assert [blue(x, y) for x, y in strokes] == [True, True]
    page.get_by_role("button", name="Clear").click()
    assert [blue(x, y) for x, y in strokes] == [False, False]
    assert wrong == []
