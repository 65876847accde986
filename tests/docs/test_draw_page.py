"""The generator in the page is the course's: the same noise gives the same image; and its controls do what they say.

Skipped where there is no /usr/bin/chromium, in which the page's code runs.
"""

import json
from pathlib import Path

import pytest
import torch
from browser import HTML, opened

from docs.generator_weights import DIRECTIONS, GENERATORS, directions
from gan_lab.latent import slerp

DRAW = """async ({ code, told, z, shares }) => {
  const m = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const G = new m.Generator(told);
  const [a, b] = [z[0], z[1]].map((one) => Float64Array.from(one));
  const along = G.directions[0];
  return {
    images: z.map((one, i) => [...G.draw(one, shares[i])]),
    between: [...m.slerp(a, b, 0.3)],
    moved: m.dot(m.moved(a, along, 2.5), along),
    noise: [...m.noise(20000)],
  };
}"""
ROOT = Path(__file__).parents[2]
SEEN = "() => document.querySelector('.draw-picture canvas').toDataURL()"


@pytest.fixture(scope="module")
def page(browser):
    page, _ = opened(browser, "glossary.html")
    return page


@pytest.mark.parametrize("name", GENERATORS)
def test_the_page_draws_what_pytorch_draws(page, name):
    """Both read the same 16 bits of each weight; what is left is the rounding of 32-bit arithmetic, 1e-6."""
    code = (ROOT / "docs" / "_static" / "generator.js").read_text(encoding="utf-8")
    told = (HTML / "_static" / f"{name}_weights.js").read_text(encoding="utf-8")
    told = json.loads(told.removeprefix(f"WEIGHTS.{name} = ").rstrip(";\n"))
    torch.manual_seed(0)
    z, shares = torch.randn(8, 100), torch.randn(8, told["classes"]).mul(3).softmax(1)
    found = page.evaluate(DRAW, {"code": code, "told": told, "z": z.tolist(), "shares": shares.tolist()})
    G = GENERATORS[name]()
    x = G(z, shares) if told["classes"] else G(z)
    assert torch.allclose(torch.tensor(found["images"]).view_as(x), x, atol=1e-5, rtol=0)
    assert torch.allclose(torch.tensor(found["between"]), slerp(z[:1], z[1:2], torch.tensor([0.3]))[0], atol=1e-5)
    assert found["moved"] == pytest.approx(2.5, abs=1e-3)
    sample = torch.tensor(found["noise"])
    assert abs(sample.mean()) < 0.03 and abs(sample.std() - 1) < 0.03  # four standard errors


@pytest.mark.parametrize("name", GENERATORS)
def test_the_sliders_move_what_changes_the_image_more_than_chance(name):
    torch.manual_seed(0)
    G = GENERATORS[name]()
    z, y = torch.randn(64, 100), torch.arange(64) % 5
    by_chance = torch.nn.functional.normalize(torch.randn(DIRECTIONS, 100), dim=1)

    def change(d):
        ends = [z + (end - z @ d)[:, None] * d for end in (-3.5, 3.5)]
        low, high = (G(end, y) for end in ends)
        return (high - low).square().mean()

    found, chance = ([change(d) for d in some] for some in (directions(G), by_chance))
    assert directions(G).norm(dim=1).allclose(torch.ones(DIRECTIONS))
    assert min(found) > max(chance)


def test_a_digit_is_chosen_by_keys_and_new_ones_are_drawn(browser):
    page, wrong = opened(browser, "draw.html", 390)
    page.get_by_role("radio", name="3").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("img", name="a drawn 4").wait_for()
    seen = {page.evaluate(SEEN)}
    for _ in range(5):
        page.get_by_role("button", name="New digit").press("Enter")
        page.wait_for_function(f"(seen) => !seen.includes(({SEEN})())", arg=list(seen))
        seen.add(page.evaluate(SEEN))
        assert page.get_by_role("img", name="a drawn 4").count() == 1
    assert wrong == []


def test_a_slider_changes_the_picture_and_any_digit_needs_no_class(browser):
    page, wrong = opened(browser, "draw.html")
    page.get_by_role("img", name="a drawn 3").wait_for()
    seen = page.evaluate(SEEN)
    slider = page.get_by_role("slider", name="direction 1")
    slider.press("End")
    page.wait_for_function(f"(seen) => ({SEEN})() !== seen", arg=seen)
    assert float(slider.input_value()) == 3.5
    page.get_by_role("radio", name="any").check()
    page.get_by_role("img", name="a drawn digit").wait_for()
    assert wrong == []


def test_a_walk_moves_on_its_own_and_stops(browser):
    page, wrong = opened(browser, "index.html", 390)
    way = page.get_by_role("slider", name="the way from one digit to the next")
    page.get_by_role("button", name="Walk").click()
    page.wait_for_function("() => +document.querySelector('.draw-way input').value > 0.2")
    page.get_by_role("button", name="Stop").click()
    page.evaluate("() => new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)))")
    stopped = way.input_value()  # after the frame that was already asked for
    page.wait_for_timeout(300)
    assert way.input_value() == stopped
    assert wrong == []


@pytest.mark.parametrize(("name", "picture"), [("draw", ".draw-picture canvas"), ("playground", ".gan-picture canvas")])
def test_a_page_plays_from_a_folder_too(browser, name, picture):
    started, _ = browser
    page = started.new_page()
    page.goto((HTML / f"{name}.html").as_uri())
    page.locator(picture).wait_for()
    pixels = "document.querySelector(picture).getContext('2d').getImageData(0, 0, 32, 32).data"
    page.wait_for_function(f"(picture) => new Set({pixels}).size > 9", arg=picture)
