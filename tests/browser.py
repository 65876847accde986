"""What the tests in a browser do: open a page of the site, press a button of the game in the plane."""

from pathlib import Path

HTML = Path(__file__).parents[1] / ".site" / "html"  # the built site


def pressed_until_it_shows(page, button, seen, pause):
    """Press a button, at most 20 times, until the numbers are not `seen`: one step may leave the digits as they are."""
    for _ in range(20):
        page.get_by_role("button", name=button).click()
        page.wait_for_timeout(pause)
        if page.locator(".gan-says").inner_text() != seen:
            break
    assert page.locator(".gan-says").inner_text() != seen


def opened(browser, path, width=1024, scheme="light"):
    """A page of the site, and the list of what goes wrong in it."""
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
