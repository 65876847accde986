"""The site, built here and now, and a browser that looks at it.

What needs the browser is skipped where there is no /usr/bin/chromium.
"""

import functools
import http.server
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from browser import HTML
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="module")
def browser(pages):
    """Chromium, and the address of the site. One a module: a second one would not start beside it."""
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
