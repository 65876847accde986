"""What is trained in the reports' name is what the reports have."""

import pytest
import torch
from torch import nn
from torch.optim import Adam, RMSprop

from gan_lab.data.images import load_images
from gan_lab.lessons.reports import TRAININGS, full_batches, real_then_fake
from gan_lab.losses import NonSaturating, Wasserstein
from gan_lab.noise import Noisy, NoisyImages
from gan_lab.training import Game, bare, play

# G and D with all that they keep, as the reports print it.
SIZES = {
    "A1": (18_872_319, 17_239_025),
    "A2": (18_872_319, 17_239_025),
    "A3": (18_872_319, 17_239_025),
    "A4": (857_205, 109_830),
    "A5": (3_576_704 + 1_920, 2_765_568 + 1_792),
    "A6": (3_576_704 + 1_920, 2_765_568 + 1_792),
    "B1": (2_132_865, 214_785),
    "B2": (2_132_865, 214_785),
    "B3": (2_173_441, 487_942),
    "B4": (2_132_865, 214_785),
}


def size(player: nn.Module) -> int:
    statistics = [b for name, b in player.named_buffers() if name.endswith(("running_mean", "running_var"))]
    return sum(part.numel() for part in [*player.parameters(), *statistics])


@pytest.mark.parametrize("name", TRAININGS)
def test_a_quarter_of_the_width_leaves_between_a_sixteenth_and_a_quarter_of_the_weights(name: str) -> None:
    images = load_images(**TRAININGS[name].images)
    whole, narrow = (TRAININGS[name].game(images, width=width) for width in (1, 0.25))
    for player, narrower in ((whole.G, narrow.G), (whole.D, narrow.D)):
        assert 1 / 16.5 < size(narrower) / size(player) < 1 / 3.5


@pytest.mark.parametrize("name", TRAININGS)
def test_the_players_are_the_report_s_and_play_with_its_images(name: str) -> None:
    training = TRAININGS[name]
    images = load_images(**training.images)
    assert len(images) == 1005
    torch.manual_seed(0)
    game = training.game(images)
    assert (size(game.G), size(game.D)) == SIZES[name]
    few = images.part(torch.arange(0, 1005, 50))
    seen = few if name == "B3" else training.seen(few)
    played = next(play(game, seen, batch_size=2, round=training.round))
    assert played.d_loss.isfinite() and played.g_loss.isfinite()


@pytest.mark.parametrize(
    ("name", "lr", "betas", "epochs", "rounds"),
    [
        ("A1", 2e-4, (0.5, 0.999), 200, 15),
        ("A4", 2e-4, (0.5, 0.999), 16, 125),
        ("A6", 1e-4, (0.0, 0.9), 80, 3),
        ("B1", 1e-4, (0.9, 0.999), 500, 3),
        ("B3", 1e-4, (0.9, 0.999), 1000, 3),
        ("B4", 1e-4, (0.9, 0.999), 500, 3),
    ],
)
def test_the_steps_and_their_number(name: str, lr: float, betas: tuple[float, float], epochs: int, rounds: int) -> None:
    training = TRAININGS[name]
    images = load_images(**training.images)
    game = training.game(images)
    for optimizer in (game.opt_G, game.opt_D):
        assert isinstance(optimizer.optimizer, Adam)
        assert [(group["lr"], group["betas"]) for group in optimizer.param_groups] == [(lr, betas)]
    assert training.epochs == epochs
    assert len(training.seen(images)) // (training.batch_size * game.n_critic) == rounds


def test_a_wgan_is_the_paper_s_and_report_b_s_is_not() -> None:
    games = {name: TRAININGS[name].game(load_images(**TRAININGS[name].images)) for name in ("A5", "A6", "B4")}
    a5, a6, b4 = games.values()
    assert isinstance(a5.opt_D.optimizer, RMSprop) and a5.opt_D.param_groups[0]["lr"] == 5e-5
    assert a5.project is not None and a5.n_critic == 5
    assert a6.project is None and a6.penalty.__name__ == "gradient_penalty" and a6.n_critic == 5
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in a6.D.modules())  # the report's mistake
    assert b4.penalty.__name__ == "report_b" and b4.n_critic == 1
    assert all(isinstance(game.loss, Wasserstein) for game in games.values())


def test_smoothing_and_noise_are_the_report_s() -> None:
    a2, a3, b2 = (TRAININGS[name] for name in ("A2", "A3", "B2"))
    targets = [
        (loss.real_target, loss.fake_target, loss.generator_target)
        for loss in (training.game(load_images(**training.images)).loss for training in (a2, a3, b2))
    ]
    assert targets == [(0.9, 0.0, 1.0), (1.0, 0.0, 1.0), (0.85, 0.15, 0.85)]
    D = bare(a3.game(load_images(**a3.images)).D)
    assert isinstance(D, Noisy) and D.sigma == 0.1
    seen = b2.seen(load_images(**b2.images))
    assert isinstance(seen, NoisyImages) and (seen.least, seen.most) == (0.0, 0.1)


def test_images_that_fill_no_batch_are_lost_and_with_them_a_class() -> None:
    images = load_images()
    kept = full_batches(images)
    assert len(kept) == 768
    assert sorted(set(range(5)) - set(kept.labels.tolist())) == [4]
    assert len(full_batches(images.part(slice(200)))) == 200


class Scale(nn.Module):
    """G: an image of one number, w."""

    z_dim = 1

    def __init__(self, w: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.w.expand(len(z), 1, 1, 1)


class Score(Scale):
    """D: the score w x."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.w * x.flatten()


def test_d_steps_on_real_images_and_then_on_fake_ones_with_what_it_has_learnt() -> None:
    G, D = Scale(-2.0), Score(0.5)
    sgd = [torch.optim.SGD(player.parameters(), lr=0.1) for player in (G, D)]
    game = Game(G, D, NonSaturating(), *sgd)
    x, y = torch.ones(3, 1, 1, 1), torch.zeros(3, dtype=torch.int64)
    played = real_then_fake(game, [(x, y)])

    w = torch.tensor(0.5)
    w = w + 0.1 * torch.sigmoid(-w)  # down on -log D(x)
    assert played.fake.tolist() == pytest.approx([-2 * w.item()] * 3)
    w = w + 0.1 * 2 * torch.sigmoid(-2 * w)  # down on -log(1 - D(-2))
    assert D.w.item() == pytest.approx(w.item())
    assert G.w.item() == pytest.approx(-2 + 0.1 * (w * torch.sigmoid(2 * w)).item())
