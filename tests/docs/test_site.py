"""The course as a site: it builds without a warning, asks no other machine, and fits a phone.

The part in a browser is skipped where there is no /usr/bin/chromium.
"""

import copy
import functools
import http.server
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from browser import pressed_until_it_shows
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]
HTML = ROOT / ".site" / "html"
CHROMIUM = Path("/usr/bin/chromium")
WIDTHS = (390, 1024, 1440)
WALKED = ("index", "playground", "course/01_dcgan", "course/05_wasserstein_distance", "results", "glossary", "persian")


@pytest.fixture(scope="module")
def pages():
    """Every page of a site that is built here and now, by its name."""
    build = [sys.executable, str(ROOT / "docs" / "build_site.py")]
    ended = subprocess.run(build, capture_output=True, text=True, cwd=ROOT, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    files = sorted(HTML.rglob("*.html"))
    return {
        file.relative_to(HTML).with_suffix("").as_posix(): BeautifulSoup(file.read_text(), "html.parser")
        for file in files
    }


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
        assert not re.search(r"\$\$|\\frac|\\mathbb", page.get_text()), name
        for link in page.select("article a[href]"):
            target = link["href"].partition("#")[0]
            if target and not re.match(r"[a-z]+:", target):
                assert (HTML / name).parent.joinpath(target).resolve().exists(), f"{name}: {link}"


def test_an_equation_of_a_docstring_keeps_its_lines(pages):
    text = pages["api/game"].get_text()
    assert re.search(r"d_loss = E_z\[ D\(G\(z\)\) \] - E_x\[ D\(x\) \] +\(1\)\n *g_loss = -E_z", text)


@pytest.fixture(scope="module")
def browser(pages):
    if not CHROMIUM.exists():
        pytest.skip("needs /usr/bin/chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=HTML)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_api.sync_playwright() as playwright:
            started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            yield started, f"http://127.0.0.1:{server.server_port}"
            started.close()
        server.shutdown()


def opened(browser, path, width=1024, scheme="light"):
    """A page of the site, and whatever went wrong while it was opened."""
    started, address = browser
    page = started.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    wrong = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda response: wrong.append(response.url) if response.status >= 400 else None)
    page.on(
        "request",
        lambda request: None if request.url.startswith((address, "data:", "blob:")) else wrong.append(request.url),
    )
    page.goto(f"{address}/{path}")
    page.wait_for_load_state("networkidle")
    return page, wrong


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
