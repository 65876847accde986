"""What the tests in a browser do to the game in the plane."""


def pressed_until_it_shows(page, button, seen, pause):
    """Press a button, at most 20 times, until the numbers are not `seen`: one step may leave the digits as they are."""
    for _ in range(20):
        page.get_by_role("button", name=button).click()
        page.wait_for_timeout(pause)
        if page.locator(".gan-says").inner_text() != seen:
            break
    assert page.locator(".gan-says").inner_text() != seen
