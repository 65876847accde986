"""What a stranger's notebook may put on a page: attacks in every place that a notebook has, and what must stay."""

import base64
import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from gan_lab.runner.course import NOTEBOOKS
from gan_lab.runner.html import mathml, save_html
from gan_lab.runner.sanitise import sanitised

CHROMIUM = Path("/usr/bin/chromium")
ADDRESSES = ("href", "src", "srcset", "action", "formaction", "background", "poster", "data", "xlink:href")
ATTACKS = [
    "<script>document.title = 'evil'</script>",
    "<ScRiPt src='https://evil.example/x.js'></sCrIpT>",
    "<scr<script>ipt>document.title = 'evil'</script>",
    "<img src=x onerror=\"document.title = 'evil'\">",
    "<img src='https://evil.example/who-reads-this.png'>",
    '<img src="x"onerror="document.title = \'evil\'">',
    "<details open ontoggle=\"document.title = 'evil'\">x</details>",
    '<p style="background: url(https://evil.example/x)" onclick="document.title = \'evil\'">x</p>',
    "<p style='position: fixed; inset: 0; background-color: white'>over all</p>",
    "<a href=\"javascript:document.title = 'evil'\">x</a>",
    "<a href=\" java\tscript:document.title = 'evil'\">x</a>",
    "<a href=\"&#106;avascript:document.title = 'evil'\">x</a>",
    "<a href='vbscript:x'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href=' d\nata:text/html;base64,PHNjcmlwdD4='>x</a>",
    "<a href='https://ok.example' target='_top' ping='https://evil.example'>x</a>",
    "<iframe src='https://evil.example'></iframe>",
    "<iframe srcdoc='<script>parent.document.title = 1</script>'></iframe>",
    "<object data='https://evil.example'></object><embed src='https://evil.example'>",
    "<style>@import url(https://evil.example/x.css); main { display: none }</style>",
    "<link rel='stylesheet' href='https://evil.example/x.css'>",
    "<svg onload=\"document.title = 'evil'\"><circle r='9'/></svg>",
    "<svg><script>document.title = 'evil'</script></svg>",
    "<svg><a><set attributeName='href' to='javascript:alert(1)'/><text>x</text></a></svg>",
    "<svg><foreignObject><img src=x onerror='document.title = 1'></foreignObject></svg>",
    "<meta http-equiv='refresh' content='0; url=https://evil.example'>",
    "<base href='https://evil.example/'>",
    "<form action='https://evil.example'><input name='password'><button formaction='javascript:x'>x</button></form>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math href='javascript:alert(1)'><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<math><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml></math>",
    "<form><math><mtext></form><form><mglyph><svg><mtext><style><path id='</style><img onerror=alert(1) src>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>document.title = 'evil'</script></template>",
    "<video poster='https://evil.example/x' src='https://evil.example/x'></video><audio src='//evil.example'></audio>",
    "<video><source onerror=\"document.title = 'evil'\"></video>",
    "<body onload=\"document.title = 'evil'\">",
    "<marquee onstart=\"document.title = 'evil'\">x</marquee>",
    "<textarea autofocus onfocus=\"document.title = 'evil'\">x</textarea>",
    "</main></body><script>document.title = 'evil'</script>",
    "<!--><script>document.title = 'evil'</script>-->",
    "<plaintext><script>document.title = 'evil'</script>",
]
PLACES = ["markdown", "raw", "text/html", "text/markdown", "text/latex", "image/svg+xml", "image/png"]
PLACES += ["application/javascript", "stdout", "error", "around"]
OWN = {"html", "head", "meta", "title", "style", "body", "main"}  # the page's, around the cells


def cell_with(attack: str, place: str) -> NotebookNode:
    """A cell that has the attack in this place."""
    if place == "markdown":
        return new_markdown_cell(f"Some words.\n\n{attack}\n\nand *in* {attack} a line", attachments={})
    if place == "raw":
        return new_raw_cell(attack, metadata={"raw_mimetype": "text/html"})
    if place == "stdout":
        return new_code_cell(outputs=[new_output("stream", text=attack)])
    if place == "error":
        return new_code_cell(outputs=[new_output("error", ename=attack, evalue=attack, traceback=[attack])])
    if place == "around":
        return new_code_cell(attack, metadata={"tags": [attack.replace(",", "")], attack: attack})
    return new_code_cell(outputs=[new_output("display_data", {place: attack, "text/plain": attack})])


def page_of(folder: Path, *cells: NotebookNode, **metadata: object) -> str:
    notebook = new_notebook(metadata={"language_info": {"name": "python"}, **metadata})
    notebook.cells = list(cells)
    (folder / "lesson.ipynb").write_text(json.dumps(notebook), encoding="utf-8")  # unchecked
    save_html(folder / "lesson.ipynb", folder / "lesson.html")
    return (folder / "lesson.html").read_text(encoding="utf-8")


def acts(html: str) -> list[str]:
    """What in a page could run, load or send something."""
    found = []
    for tag in BeautifulSoup(f"<main>{html}</main>", "html.parser").find_all():
        if tag.name in ("script", "iframe", "object", "embed", "link", "base", "form", "input", "button", "svg"):
            found.append(tag.name)
        if tag.name in ("style", "meta") and tag.parent is not None and tag.parent.name != "head":
            found.append(tag.name)
        for name, value in tag.attrs.items():
            plain = re.sub(r"[\t\r\n]", "", str(value)).strip("".join(map(chr, range(33)))).lower()  # as browsers read
            if name.startswith("on") or name in ("srcdoc", "ping", "target"):
                found.append(name)
            scheme = plain.partition(":")[0] if re.match(r"[a-z][a-z0-9+.-]*:|//", plain) else "none"
            good = ("none", "http", "https", "mailto") if tag.name == "a" and name == "href" else ("data",)
            if name in ADDRESSES and scheme not in good:
                found.append(f"{name}={plain}")
            if name == "style" and re.search(r"url|position|expression", plain):
                found.append(f"{name}={plain}")
    return found


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_acts_stays(attack: str) -> None:
    assert acts(attack) or "evil" in attack or "alert" in attack
    assert acts(sanitised(attack)) == []
    assert sanitised(sanitised(attack)) == sanitised(attack)


@pytest.mark.parametrize("place", PLACES)
def test_no_place_in_a_notebook_brings_it_in(tmp_path: Path, place: str) -> None:
    html = page_of(tmp_path, *(cell_with(attack, place) for attack in ATTACKS))
    assert acts(html) == []


def test_a_title_an_attachment_and_the_metadata_bring_nothing_in(tmp_path: Path) -> None:
    for attack in ATTACKS:
        attached = {f"{attack}.png": {attack: attack}, "x.png": {"image/png": f'"><{attack}'}}
        cells = [new_markdown_cell(f"# {attack}\n\n![x](attachment:x.png)", attachments=attached)]
        html = page_of(tmp_path, *cells, title=attack, authors=[{"name": attack}], widgets={attack: attack})
        assert acts(html) == []
        assert len(BeautifulSoup(html, "html.parser").find_all("title")) == 1


def test_the_browser_itself_runs_no_script(tmp_path: Path) -> None:
    """Should anything slip through, now or in a later version of what cleans."""
    policy = BeautifulSoup(page_of(tmp_path, new_markdown_cell("x")), "html.parser").find("meta", {"http-equiv": True})
    assert "script-src" not in policy["content"] and policy["content"].startswith("default-src 'none';")


@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium")
def test_in_a_browser_the_attacks_do_nothing(tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    page_of(
        tmp_path, *(cell_with(attack, place) for place in PLACES for attack in ATTACKS), new_markdown_cell("# Calm")
    )
    html = (tmp_path / "lesson.html").read_text(encoding="utf-8")
    lax = tmp_path / "lax.html"  # without the policy, so that it is the cleaning that is tested
    lax.write_text(re.sub(r'<meta [^>]*http-equiv="Content-Security-Policy"[^>]*>', "", html), encoding="utf-8")
    assert "http-equiv" not in lax.read_text(encoding="utf-8").lower().partition("</head>")[0]
    asked: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: asked.append(dialog.message))
        page.goto(lax.as_uri())
        page.wait_for_load_state("networkidle")
        title, own = page.title(), page.evaluate("document.querySelectorAll('script').length")
        browser.close()
    assert [address for address in asked if not address.startswith("data:image/")] == [lax.as_uri()]
    assert own == 0 and title != "evil"


KEPT = [
    '<details open=""><summary>Hint</summary><p>look <em>there</em></p></details>',
    '<table border="1" class="dataframe"><thead><tr style="text-align:right"><th scope="col">a</th></tr></thead>'
    '<tbody><tr><td colspan="2">1</td></tr></tbody></table>',
    '<p style="color:red">red</p>',
    '<a href="#3.-Here">there</a>',
    '<a href="02_stabilization.ipynb">next</a>',
    '<a href="https://arxiv.org/abs/1406.2661">the paper</a>',
    '<img src="data:image/png;base64,iVBORw0=" alt="a &lt;dot&gt;" width="9">',
    '<video src="data:video/mp4;base64,AAAA" controls="" loop=""></video>',
    '<pre><code class="language-python"><span class="kn">import</span> gan_lab</code></pre>',
]


@pytest.mark.parametrize("html", KEPT)
def test_what_a_lesson_is_made_of_stays(html: str) -> None:
    assert sanitised(html) == html


@pytest.mark.parametrize(
    "latex",
    [
        r"\min_G \max_D \mathbb{E}_{x}\left[\log D(x)\right] \tag{1}",
        r"\begin{align} a &= \hat{b} \\ c &= \underbrace{\sqrt[3]{d}}_{e} \end{align}",
        r"\begin{cases} 1 & x > 0 \\ \text{else} & \lVert y \rVert_2^2 \end{cases}",
        r"\color{red} \boxed{x} \overset{!}{=} \phantom{y} \hspace{1cm} \mathcal{L}",
    ],
)
def test_a_formula_stays_whole(latex: str) -> None:
    kept, written = (
        BeautifulSoup(text, "html.parser")
        for text in (sanitised(mathml(latex, display=True)), mathml(latex, display=True))
    )

    def flat(formula: BeautifulSoup) -> list[tuple[str, list[str], str]]:
        return [(tag.name, sorted(tag.attrs), tag.get_text()) for tag in formula.find_all()]

    assert flat(kept) == flat(written)


def test_a_cell_that_leaves_a_tag_open_does_not_swallow_the_next(tmp_path: Path) -> None:
    html = page_of(tmp_path, new_markdown_cell("<details><summary>x</summary>"), new_markdown_cell("*after*"))
    page = BeautifulSoup(html, "html.parser")
    assert page.find("em").find_parent("details") is None


def test_a_drawing_is_shown_as_a_picture(tmp_path: Path) -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>'
    html = page_of(tmp_path, new_code_cell(outputs=[new_output("display_data", {"image/svg+xml": svg})]))
    address = BeautifulSoup(html, "html.parser").find("img")["src"]
    assert base64.b64decode(address.removeprefix("data:image/svg+xml;base64,")).decode() == svg


def told(tag: Tag) -> tuple[str, dict[str, object]]:
    """A tag and its attributes, a style without its spaces."""
    style = {"style": re.sub(r"\s|;$", "", str(tag["style"]))} if "style" in tag.attrs else {}
    return tag.name, tag.attrs | style


@pytest.mark.parametrize("notebook", sorted(NOTEBOOKS.glob("0[1-7]*.ipynb")), ids=lambda notebook: notebook.stem)
def test_a_lesson_loses_nothing(tmp_path: Path, notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its page has the same words, folds, tables, pictures, formulas and links as one that is not cleaned."""
    pages = []
    for clean in (sanitised, lambda html: html):
        monkeypatch.setattr("gan_lab.runner.html.sanitised", clean)
        save_html(notebook, tmp_path / "page.html")
        pages.append(BeautifulSoup((tmp_path / "page.html").read_text(encoding="utf-8"), "html.parser").main)
    cleaned, whole = pages
    assert cleaned.get_text().split() == whole.get_text().split()
    for names in (
        "details",
        "summary",
        "table",
        "td",
        "img",
        "math",
        "a",
        "pre",
        "li",
        re.compile("^h[1-6]$"),
        re.compile("^m"),
    ):
        mine, theirs = (list(map(told, page.find_all(names))) for page in (cleaned, whole))
        assert mine == theirs
