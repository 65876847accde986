"""The widget does what the picture asks for and sends what is to be seen; a film stands in where nobody asks."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from small_game import weights

from gan_lab.lessons import playground as ours
from gan_lab.lessons.plane import DATA, FAKE, LOSSES, REAL, SIDE, Plane
from gan_lab.lessons.playground import Playground, film_of, ground
from gan_lab.show import widgets


@pytest.fixture
def widget(monkeypatch):
    made = Playground(Plane(), {})
    made.sent = []
    monkeypatch.setattr(made, "send", lambda content, buffers=(): made.sent.append((content, buffers)))
    return made


def ask(widget, **message):
    widget.asked(widget, message, [])
    return widget.sent[-1]


def test_a_frame_is_points_arrows_and_landscape_in_32_bits(widget):
    content, buffers = ask(widget, do="play", rounds=3)
    assert content["rounds"] == 3 and set(content) == {"rounds", "d_loss", "g_loss"}
    assert [len(part) for part in buffers] == [8 * REAL, 8 * FAKE, 8 * FAKE, 4 * SIDE**2]
    fake = np.frombuffer(buffers[1], "<f4").reshape(FAKE, 2)
    assert np.allclose(fake, widget.plane.seen().fake)


def test_before_the_first_step_there_is_no_loss_to_send_and_what_is_sent_is_json(widget):
    content, _ = ask(widget, do="look")
    assert content == {"rounds": 0}
    json.dumps(ask(widget, do="play", rounds=1)[0], allow_nan=False)


@pytest.mark.parametrize(("button", "moves", "stays", "told"), [("D", "D", "G", "d_loss"), ("G", "G", "D", "g_loss")])
def test_a_step_of_one_player_moves_that_one_and_tells_its_loss(widget, button, moves, stays, told):
    game = widget.plane.game
    before = {name: weights(player) for name, player in (("D", game.D), ("G", game.G))}
    content, _ = ask(widget, do=button)
    assert set(content) == {"rounds", told} and content["rounds"] == 0
    assert not torch.equal(weights(getattr(game, moves)), before[moves])
    assert torch.equal(weights(getattr(game, stays)), before[stays])


def test_what_is_chosen_is_what_is_played_and_nothing_is_forgotten(widget):
    ask(widget, do="play", rounds=2)
    before = weights(widget.plane.game.G)
    for name, data in DATA.items():
        ask(widget, do="choose", data=name)
        assert widget.plane.data is data
    for name, loss in LOSSES.items():
        ask(widget, do="choose", loss=name)
        assert widget.plane.game.loss is loss and (widget.plane.game.penalty is not None) == (name == "Wasserstein")
    _, (real, *_) = ask(widget, do="choose", points=[0.5, 1.0, -1.0, 0.0])
    assert widget.plane.data.centres.tolist() == [[0.5, 1.0], [-1.0, 0.0]]
    seen = np.frombuffer(real, "<f4").reshape(REAL, 1, 2)
    assert np.linalg.norm(seen - [[0.5, 1.0], [-1.0, 0.0]], axis=2).min(1).max() < 6 * 0.05
    assert torch.equal(weights(widget.plane.game.G), before)


def test_the_pace_is_that_of_both_optimisers(widget):
    ask(widget, do="pace", lr_D=0.01, lr_G=0.02, momentum=0.25)
    steps = [player.param_groups[0] for player in (widget.plane.game.opt_D, widget.plane.game.opt_G)]
    assert [(one["lr"], one["betas"][0]) for one in steps] == [(0.01, 0.25), (0.02, 0.25)]


def test_reset_begins_anew_with_the_weights_of_the_start(widget):
    start = weights(widget.plane.game.G)
    assert ask(widget, do="play", rounds=3)[0]["rounds"] == 3
    assert not torch.equal(weights(widget.plane.game.G), start)
    assert ask(widget, do="reset")[0] == {"rounds": 0}
    assert torch.equal(weights(widget.plane.game.G), start)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"do": "dance"}, "nobody knows how to do"),
        ({"do": "choose", "points": []}, "give each mode a point"),
        ({"do": "pace", "momentum": 2}, "momentum is the share"),
    ],
)
def test_what_cannot_be_done_is_said_and_the_game_goes_on(widget, message, why):
    content, _ = ask(widget, **message)
    assert why in content["failed"]
    assert "failed" not in ask(widget, do="play", rounds=1)[0]


def test_a_film_stands_in_where_there_is_no_kernel(monkeypatch):
    shown = []
    monkeypatch.setattr(widgets, "display", lambda data, raw: shown.append(data))
    monkeypatch.setattr(ours, "FRAMES", 2)
    monkeypatch.setattr(ours, "film_of", lambda plane: film_of(plane, 3, 2))
    ours.playground(data="line", loss="hinge")
    (data,) = shown
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "image/gif", "text/plain"}
    film = Image.open(io.BytesIO(data["image/gif"]))
    assert film.n_frames == 3 and film.width > 200


def test_the_ground_is_orange_where_d_says_fake_white_where_it_cannot_tell_and_blue_where_it_says_real():
    orange, white, blue = (ground(np.array([[value]]))[0, 0] for value in (0.0, 0.5, 1.0))
    assert orange[0] > orange[2] and blue[2] > blue[0] and white.tolist() == [1, 1, 1]


def test_the_page_knows_every_choice():
    about = Playground(Plane(), {"data": "ring", "loss": "hinge"}).about
    assert about["data"] == list(DATA) and about["losses"] == list(LOSSES) and about["start"]["loss"] == "hinge"
    assert torch.tensor(about["limit"]) > 0
