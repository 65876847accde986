"""The game in the plane: what is played is the course's round, and what is seen is what is played."""

import math

import pytest
import torch
from lightning_fabric import Fabric
from small_game import weights

from gan_lab.data.toy import covered
from gan_lab.lessons.plane import BATCH, DATA, LIMIT, LONGEST, LOSSES, SIDE, Plane, how_real, pull
from gan_lab.lipschitz import gradient_penalty
from gan_lab.losses import NonSaturating, Saturating, Wasserstein
from gan_lab.networks import mlp
from gan_lab.training import Game, bare, one_round


@pytest.mark.parametrize("loss", LOSSES)
def test_a_round_is_the_course_s_own(loss):
    plane = Plane(loss=loss, lr_D=3e-3, lr_G=1e-3, momentum=0.3, seed=4)
    torch.manual_seed(4)
    G, D = mlp.Generator(width=0.125), mlp.Critic(width=0.125)
    opt_G, opt_D = (
        torch.optim.Adam(player.parameters(), lr=lr, betas=(0.3, 0.99)) for player, lr in ((G, 1e-3), (D, 3e-3))
    )
    penalty = gradient_penalty if loss == "Wasserstein" else None
    game = Game(G, D, LOSSES[loss], opt_G, opt_D, penalty=penalty, fabric=Fabric(accelerator="cpu", devices=1))
    torch.manual_seed(9)
    plane.play(3)
    torch.manual_seed(9)
    for _ in range(3):
        x, y = plane.data.sample(BATCH)
        played = one_round(game, [(x, torch.zeros_like(y))])

    assert torch.allclose(weights(plane.game.G), weights(game.G), atol=1e-5)
    assert torch.allclose(weights(plane.game.D), weights(game.D), atol=1e-5)
    assert plane.seen().rounds == 3 and plane.seen().d_loss == pytest.approx(played.d_loss.item(), abs=1e-4)


def test_a_step_of_one_player_leaves_the_other():
    plane = Plane()
    before = weights(plane.game.G), weights(plane.game.D)
    plane.step_of_D()
    assert torch.equal(weights(plane.game.G), before[0]) and not torch.equal(weights(plane.game.D), before[1])
    assert math.isfinite(plane.d_loss) and math.isnan(plane.g_loss)
    before = weights(plane.game.D)
    plane.step_of_G()
    assert torch.equal(weights(plane.game.D), before) and math.isfinite(plane.g_loss)
    assert plane.rounds == 0


def test_to_look_changes_nothing():
    one, other = Plane(), Plane()
    torch.manual_seed(0)
    one.play(2)
    torch.manual_seed(0)
    other.seen()
    other.play(1)
    other.seen()
    other.play(1)
    assert torch.equal(weights(one.game.G), weights(other.game.G))


def test_to_look_restarts_no_random_numbers_of_a_gpu(monkeypatch):
    plane, restarted = Plane(), []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", restarted.append)
    torch.manual_seed(1)
    assert restarted == [1]  # as PyTorch does, also for the GPUs
    plane.seen()
    assert restarted == [1]


def test_what_is_seen_is_d_s_answer_at_each_place_and_minus_the_slope_of_g_s_loss_at_each_point():
    plane = Plane()
    plane.play(20)
    seen = plane.seen()
    D = bare(plane.game.D)
    place = torch.linspace(-LIMIT, LIMIT, SIDE)
    with torch.no_grad():
        assert seen.landscape[3, 7].item() == pytest.approx(
            D(torch.tensor([[place[7], place[3]]])).sigmoid().item(), abs=1e-5
        )
    x = seen.fake[:1].clone().requires_grad_()
    (slope,) = torch.autograd.grad(NonSaturating().g_loss(D(x)), x)
    arrow = -LONGEST * slope / max(1.0, slope.norm().item())
    assert seen.arrows[0].tolist() == pytest.approx(arrow[0].tolist(), abs=1e-5)
    assert seen.arrows.norm(dim=1).max() <= LONGEST + 1e-6


def test_a_saturated_loss_pulls_hardly_at_a_sure_fake_and_the_other_does():
    class Sure(torch.nn.Module):
        def forward(self, x):
            return -12 + x[:, 0]

    fake = torch.zeros(5, 2)
    assert pull(Sure(), Saturating(), fake).norm() < 1e-4
    assert pull(Sure(), NonSaturating(), fake)[:, 0].tolist() == pytest.approx([LONGEST] * 5, rel=1e-3)


def test_how_real_a_score_is():
    score = torch.tensor([-3.0, -1.0, 0.0, 1.0])
    assert how_real(score, "non-saturating").tolist() == pytest.approx(score.sigmoid().tolist())
    assert how_real(score, "hinge").tolist() == [0, 0, 0.5, 1]
    assert how_real(score, "Wasserstein").tolist() == [0, 0.5, 0.75, 1]


def test_the_first_thing_a_reader_plays_finds_most_of_the_ring_within_500_rounds():
    torch.manual_seed(0)
    plane = Plane()
    plane.play(500)
    with torch.no_grad():
        x = bare(plane.game.G)(torch.randn(2000, 2))
    assert covered(x, plane.data).modes >= 6


def test_other_data_another_loss_and_other_steps_are_taken_in_the_middle_of_the_game():
    plane = Plane()
    plane.play(2)
    before = weights(plane.game.G)
    plane.choose(data="two heaps", loss="Wasserstein")
    plane.pace(lr_D=0.0, lr_G=0.5, momentum=0.0)
    assert torch.equal(weights(plane.game.G), before)
    assert isinstance(plane.game.loss, Wasserstein) and plane.game.penalty is gradient_penalty
    D = weights(plane.game.D)
    plane.play(1)
    assert torch.equal(weights(plane.game.D), D)
    assert (weights(plane.game.G) - before).abs().max() > 0.3
    plane.choose(loss="hinge")
    assert plane.game.penalty is None


def test_reset_makes_the_same_players_anew_and_keeps_the_choices():
    plane = Plane(data="grid", loss="hinge", lr_G=5e-3)
    first = weights(plane.game.G)
    plane.play(3)
    plane.reset()
    assert torch.equal(weights(plane.game.G), first) and plane.rounds == 0
    assert plane.game.opt_G.param_groups[0]["lr"] == 5e-3 and plane.data is DATA["grid"] and plane.loss == "hinge"


def test_points_of_one_s_own_are_data():
    plane = Plane(data=torch.tensor([[1.0, 1.0], [-1.0, 0.5]]))
    assert (torch.cdist(plane.seen().real, plane.data.centres).min(1).values < 0.3).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"data": "rings"}, "no data 'rings': choose one of ring, grid"),
        ({"loss": "best"}, "no loss 'best'"),
        ({"lr_D": -1.0}, "lr_D is the size of a step"),
        ({"lr_G": float("nan")}, "lr_G is the size of a step"),
        ({"momentum": 1.0}, "below 1, not 1.0"),
        ({"data": torch.zeros(0, 2)}, "give each mode a point"),
    ],
)
def test_what_cannot_be_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        Plane(**wrong)


def test_players_that_run_off_say_so():
    plane = Plane(lr_D=1e30, lr_G=1e30)
    with pytest.raises(FloatingPointError, match="press Reset"):
        plane.play(20)
