import asyncio
import io

import numpy as np
import pytest
import torch
from PIL import Image
from small_game import small_game, small_images
from torch import nn

from gan_lab.data.framed import framed
from gan_lab.losses import NonSaturating, Wasserstein
from gan_lab.networks.labels import shares
from gan_lab.runs import Run
from gan_lab.show import drawing, widgets
from gan_lab.show.widgets import Dashboard
from gan_lab.training import generator_of, play, sample


class LinearGenerator(nn.Module):
    """x = z A, whose leading directions are known: A's singular vectors."""

    z_dim = 4

    def __init__(self):
        super().__init__()
        self.A = nn.Parameter(torch.diag(torch.tensor([0.1, 3.0, 1.0, 0.3])) @ torch.eye(4, 16))

    def forward(self, z, y=None):
        return (z @ self.A).view(-1, 1, 4, 4)


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, in place of a front end."""
    outputs = []

    class Handle:
        def update(self, data, **how):
            outputs.append(data)

    def display(data, **how):
        outputs.append(data)
        return Handle()

    monkeypatch.setattr(widgets, "display", display)
    return outputs


def watch(board, rounds, seen):
    async def cell():
        async for round in board.watch(rounds):
            seen(round)

    asyncio.run(cell())


@pytest.fixture
def run(tmp_path):
    return Run("small", small_game(), small_images(), tmp_path, batch_size=4)


def test_watching_hands_on_every_round_in_turn(shown, run):
    rounds = list(play(small_game(), small_images(), batch_size=4))
    seen = []
    with Dashboard(run) as board:
        watch(board, iter(rounds), seen.append)
    assert seen == rounds
    assert not board.stopped


def test_stop_ends_the_epoch_after_the_round_in_play_and_says_how_to_go_on(shown, run, capsys):
    seen = []

    def click_stop(round):
        seen.append(round)
        if len(seen) == 2:
            board._button.click()

    with Dashboard(run) as board:
        watch(board, play(small_game(), small_images(), batch_size=4), click_stop)
    assert len(seen) == 2
    assert board.stopped
    assert capsys.readouterr().out == (
        "stopped; no epoch is played to its end. Run this cell again to go on, and then the cells below it.\n"
    )


def test_the_kernel_s_interrupt_is_a_stop(shown, run):
    def interrupted():
        yield from list(play(small_game(), small_images(), batch_size=4))[:3]
        raise KeyboardInterrupt

    seen = []
    with Dashboard(run) as board:
        watch(board, interrupted(), seen.append)
    assert len(seen) == 3
    assert board.stopped


def test_an_error_in_training_is_not_swallowed(shown, run):
    def broken():
        raise ArithmeticError("in the loss")
        yield

    with pytest.raises(ArithmeticError, match="in the loss"), Dashboard(run) as board:
        watch(board, broken(), print)


def test_the_live_view_becomes_a_picture_at_the_end(shown, run):
    with Dashboard(run):
        pass
    assert "application/vnd.jupyter.widget-view+json" not in shown[-1]
    assert Image.open(io.BytesIO(shown[-1]["image/png"])).size == (1000, 440)


def drawn(folder, loss):
    """The axes of the live view after two epochs of a game with this loss."""
    game, figures = small_game(loss), []
    run = Run("small", game, small_images(), folder, batch_size=4)
    for epoch in run.epochs(2):
        for round in play(game, small_images(), batch_size=4, epoch=epoch):
            run.log(round)
        run.picture(sample(game, torch.randn(4, 3)))
        run.save()
    widgets.png(lambda figure: (widgets.curves_and_samples(figure, run), figures.append(figure)), (8, 4))
    return run, figures[0].axes


def test_the_picture_of_a_gan_has_losses_accuracies_and_the_newest_samples(tmp_path):
    run, (losses, samples, accuracies) = drawn(tmp_path, NonSaturating())
    assert samples.get_title(loc="left") == f"{run.name}: samples after epoch 2"
    assert list(losses.lines[1].get_ydata()) == list(run.rounds["d_loss"])
    assert accuracies.get_ylim() == (-0.02, 1.3) and list(accuracies.get_yticks()) == [0, 0.5, 1]  # the legend is above
    assert list(accuracies.lines[3].get_ydata()) == list(run.rounds["acc_fake"])


def test_the_picture_of_a_critic_has_mean_scores_and_no_accuracies(tmp_path):
    run, (scores, samples) = drawn(tmp_path, Wasserstein())
    assert samples.get_title(loc="left") == f"{run.name}: samples after epoch 2"
    assert list(scores.lines[3].get_ydata()) == list(run.rounds["mean_fake"])
    assert not {"acc_real", "acc_fake"} & set(run.rounds)


def test_the_picture_of_a_loss_that_keeps_nothing_has_its_losses(tmp_path):
    class Plain:
        def d_loss(self, real, fake, y):
            return (real - 1).square().mean() + fake.square().mean()

        def g_loss(self, fake, y):
            return (fake - 1).square().mean()

    run, (losses, _) = drawn(tmp_path, Plain())
    assert list(losses.lines[3].get_ydata()) == list(run.rounds["g_loss"])


def test_the_leading_directions_of_a_linear_generator_are_its_singular_vectors():
    directions = widgets.leading_directions(LinearGenerator())
    torch.testing.assert_close(directions.abs(), torch.eye(4)[[1, 2, 3, 0]], atol=1e-4, rtol=0)


def same_picture(one, other):
    """Whether two PNGs show the same, but for one step of gray: the last bits of singular vectors are rounding."""
    a, b = (np.asarray(Image.open(io.BytesIO(png)), dtype=int) for png in (one, other))
    return a.shape == b.shape and abs(a - b).max() <= 1


def live(view_id):
    """The widget of that id. ipywidgets 8 keeps them in its module, 7 (as on Colab) with the class."""
    module = widgets.ipywidgets.widgets.widget
    return (module._instances if hasattr(module, "_instances") else module.Widget.widgets)[view_id]


def test_a_slider_moves_the_image_to_what_g_makes_there(shown):
    game = small_game(G=LinearGenerator())
    widgets.explorer(game, directions=2, seed=3)
    view_id = shown[-1]["application/vnd.jupyter.widget-view+json"]["model_id"]
    sliders, view = live(view_id).children
    before = view.value
    sliders.children[0].value = 2.0
    z = torch.randn(1, 4, generator=torch.Generator().manual_seed(3)) + 2 * widgets.leading_directions(game.G)[:1]
    assert same_picture(view.value, widgets.image_png(sample(game, z), 256, (-1.0, 1.0)))
    assert view.value != before


class LinearConditional(LinearGenerator):
    """x = z A + y B: class k moves every image by row k of B."""

    def __init__(self):
        super().__init__()
        self.B = nn.Parameter(torch.eye(3, 16))

    def forward(self, z, y=None):
        return super().forward(z) + (shares(y, z, 3) @ self.B).view(-1, 1, 4, 4)


def test_the_way_between_two_classes_starts_at_one_and_ends_at_the_other():
    ways = widgets.between(2, 0, torch.tensor([0.0, 0.25, 1.0]), 3)
    assert ways.tolist() == [[0, 0, 1], [0.25, 0, 0.75], [1, 0, 0]]


def test_the_class_explorer_draws_the_chosen_class_with_the_chosen_z_on_its_way_to_another(shown):
    game = small_game(G=LinearConditional())
    widgets.class_explorer(game, ["one", "two", "three"], directions=2, seed=3)
    assert Image.open(io.BytesIO(shown[-1]["image/png"])).size[0] == 1100
    view_id = shown[-1]["application/vnd.jupyter.widget-view+json"]["model_id"]
    controls, view = live(view_id).children
    this, other, way, first, _ = controls.children
    start = torch.randn(1, 4, generator=torch.Generator().manual_seed(3))

    def drawn(z, y):
        return widgets.image_png(sample(game, z, y), 256, (-1.0, 1.0))

    assert same_picture(view.value, drawn(start, torch.tensor([0])))
    this.value, other.value = 2, 1
    assert same_picture(view.value, drawn(start, torch.tensor([2])))
    way.value = 0.5
    assert same_picture(view.value, drawn(start, torch.tensor([[0, 0.5, 0.5]])))
    first.value = -1.5
    moved = start - 1.5 * widgets.leading_directions(game.G, torch.tensor([2]))[:1]
    assert same_picture(view.value, drawn(moved, torch.tensor([[0, 0.5, 0.5]])))
    way.value = 1.0
    assert same_picture(view.value, drawn(moved, torch.tensor([1])))


def test_an_explorer_walks_through_a_generator_by_itself_as_through_its_game(shown):
    game = small_game(G=LinearGenerator())
    widgets.explorer(game)
    widgets.explorer(LinearGenerator().eval())
    one, other = (live(each["application/vnd.jupyter.widget-view+json"]["model_id"]).children[1] for each in shown)
    assert same_picture(one.value, other.value)
    with pytest.raises(ValueError, match=r"call G.eval\(\)"):
        widgets.explorer(LinearGenerator())


def test_what_is_drawn_is_found_after_each_stroke_and_images_stand_in_where_no_widget_lives(shown):
    G, x = generator_of(small_game()), torch.rand(3, 1, 4, 4) * 2 - 1
    drawing.inverter(G, x)
    assert Image.open(io.BytesIO(shown[-1]["image/png"])).size == (270, 200)
    (canvas, view), says = live_drawing(shown)
    blank = view.value
    stroke = bytearray(64 * 64)
    stroke[20 * 64 + 10 : 20 * 64 + 30] = bytes([255] * 20)
    canvas.pixels = memoryview(stroke)  # as a front end sends them
    assert canvas.image[0, 0, 20, 9:31].tolist() == [-1] + 20 * [1] + [-1]
    nearest, error = drawing.reproduced(G, framed(canvas.image, 4), 100)
    assert same_picture(view.value, widgets.image_png(nearest, 256, (-1.0, 1.0)))
    assert says.value.endswith(f"{error.item():.3f}")
    canvas.pixels = bytes(64 * 64)
    assert view.value == blank
    assert says.value == "draw a digit"


def live_drawing(shown):
    box, says = live(shown[-1]["application/vnd.jupyter.widget-view+json"]["model_id"]).children
    return box.children, says


def test_an_image_s_bytes_are_its_pixels_as_blocks():
    image = torch.tensor([[[[-1.0, 1.0], [0.0, 5.0]]]])
    blocks = Image.open(io.BytesIO(widgets.image_png(image, 4, (-1.0, 1.0))))
    assert [blocks.getpixel(at) for at in [(0, 0), (3, 0), (1, 2), (3, 3)]] == [0, 255, 127, 255]
