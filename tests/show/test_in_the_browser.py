"""The live parts of the course as a student meets them: JupyterLab in a real Chromium, with clicks and keys.

Skipped where there is no /usr/bin/chromium (Debian and Ubuntu: apt install chromium). No other machine is asked.
"""

from pathlib import Path

import jupytext
import nbformat
import pytest
from browser import pressed_until_it_shows
from lab import CHROMIUM, jupyterlab, page_of

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium")

NOTEBOOK = """
# %%
import sys
sys.path.insert(0, TESTS)
import torch
from small_game import small_game, small_images
from gan_lab.runs import Run
from gan_lab.training import generator_of, play, sample
from gan_lab.show.drawing import inverter
from gan_lab.show.widgets import Dashboard, explorer
game, images = small_game(), small_images(400)
run = Run("live", game, images, "runs", batch_size=4)
# %%
with Dashboard(run) as board:
    for epoch in run.epochs(100_000):
        async for round in board.watch(play(game, images, batch_size=4, epoch=epoch)):
            run.log(round)
        if board.stopped:
            break
        run.picture(sample(game, torch.randn(16, 3)))
        run.save()
# %%
print("the cell after it runs:", board.stopped, epoch < 100_000)
# %%
inverter(generator_of(game), torch.zeros(3, 1, 4, 4))
# %%
explorer(game, directions=2)
# %%
from gan_lab.lessons.playground import playground
playground()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    source = NOTEBOOK.replace("TESTS", repr(str(Path(__file__).parents[1])))
    notebook = jupytext.reads(source, fmt="py:percent")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / "live.ipynb")
    with jupyterlab(folder) as (url, token), page_of(url, token, "live.ipynb", folder / "profile") as page:
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
        yield page


def test_the_view_moves_while_the_cell_trains_and_stop_ends_it_in_good_order(page):
    stop = page.get_by_role("button", name="Stop")
    stop.wait_for()
    says = page.locator(".widget-label", has_text="rounds in").first
    says.wait_for()
    for _ in range(2):  # the view changes, and changes again
        before = [says.inner_text(), page.locator("img.widget-image").first.get_attribute("src")]
        page.wait_for_function(
            "([said, drawn]) => document.querySelector('img.widget-image').src !== drawn"
            " && ![...document.querySelectorAll('.widget-label')].some(label => label.innerText === said)",
            arg=before,
        )
    stop.click()
    page.get_by_text("the cell after it runs: True True").wait_for()
    assert stop.count() == 0  # the live view has become a picture
    still = page.locator(".jp-OutputArea-output img[src^='data:image/png']").first
    assert still.evaluate("image => image.naturalWidth") == 1000


@pytest.fixture
def stopped(page):
    """The page when no cell trains any more, whichever test is the first."""
    page.get_by_text("the cell after it runs: True True").or_(page.get_by_role("button", name="Stop")).first.wait_for()
    if page.get_by_role("button", name="Stop").count():
        page.get_by_role("button", name="Stop").click()
    page.get_by_text("the cell after it runs: True True").wait_for()
    return page


def test_what_is_drawn_with_the_mouse_is_found_by_the_generator(stopped):
    page = stopped
    canvas = page.locator("canvas[aria-label='draw a digit here']")
    canvas.scroll_into_view_if_needed()
    page.get_by_text("draw a digit", exact=True).wait_for()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 200, steps=5)
    page.mouse.up()
    page.get_by_text("G's nearest image: the mean squared error of its pixels is").wait_for()
    white = canvas.evaluate("drawn => drawn.getContext('2d').getImageData(100, 130, 1, 1).data[0]")
    assert white == 255
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("draw a digit", exact=True).wait_for()


def test_a_slider_walks_through_the_latent_space(stopped):
    page = stopped
    slider = page.get_by_role("slider").first
    slider.wait_for()
    image = page.locator("img.widget-image").last
    before = image.get_attribute("src")
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    page.wait_for_function(
        "before => [...document.querySelectorAll('img.widget-image')].at(-1).src !== before", arg=before
    )


def test_a_notebook_that_was_closed_while_it_trains_goes_on_when_it_is_opened_and_run(stopped):
    """Closed before it was saved, so that nothing of the training is in the file."""
    page = stopped
    run_all = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }"
    page.evaluate(run_all)
    page.get_by_role("button", name="Stop").wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(page.url, wait_until="domcontentloaded")
    kernel = "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel"
    page.wait_for_function(f"() => ({kernel}?.status ?? 'unknown') !== 'unknown'")
    assert page.get_by_role("button", name="Stop").count() == 0
    page.evaluate(run_all)
    page.get_by_text("epochs, going on").wait_for()
    page.locator(".widget-label", has_text="rounds in").first.wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("the cell after it runs: True True").wait_for()


def rounds_of(page):
    return int(page.locator(".gan-says").inner_text().split()[1])


def test_the_game_in_the_plane_plays_pauses_steps_and_takes_points_that_are_drawn(stopped):
    page = stopped
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => +document.querySelector('.gan-says').innerText.split(/\\s+/)[1] > 100")
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(500)
    before, seen = rounds_of(page), page.locator(".gan-says").inner_text()
    pressed_until_it_shows(page, "Step of D", seen, pause=500)
    assert rounds_of(page) == before
    page.get_by_label("loss").select_option("hinge")
    page.get_by_label("data").select_option("drawn by you")
    box = page.locator(".gan-picture canvas").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 100, steps=10)
    page.mouse.up()
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "before => +document.querySelector('.gan-says').innerText.split(/\\s+/)[1] > before", arg=before
    )
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("() => document.querySelector('.gan-says').innerText.startsWith('round 0')")
