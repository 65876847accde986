"""Each rung of notebook 6's ladder is the change that it names, and no other."""

import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from gan_lab.augmentation import Adaptive, Augmented
from gan_lab.data.images import ImageSet
from gan_lab.lessons import ladder
from gan_lab.lessons.ladder import IDEAS, rules
from gan_lab.losses import Hinge, NonSaturating, Relativistic
from gan_lab.measure import seeds
from gan_lab.training import bare, play, relativistic_round, sample


def few_images(n=40):
    pixels = torch.randint(0, 256, (n, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(7))
    return ImageSet(pixels, torch.arange(n) % 5, ("a", "b", "c", "d", "e"), "noise")


def facts(idea):
    """What can differ between two rungs."""
    game = IDEAS[idea](few_images())
    D = bare(game.D)
    inside = D.D if isinstance(D, Augmented) else D
    return {
        "players": type(inside).__module__,
        "batch norm": any(isinstance(layer, nn.BatchNorm2d) for layer in inside.modules()),
        "spectral norm": any(is_parametrized(layer) for layer in inside.modules()),
        "moved": isinstance(D, Augmented),
        "p": "found" if isinstance(getattr(D, "p", 0), Adaptive) else getattr(D, "p", 0),
        "loss": type(game.loss),
        "penalty": game.penalty is not None,
        "rules": rules(idea).__name__,
    }


@pytest.mark.parametrize(
    ("idea", "beside", "changed"),
    [
        ("augmentation", "DCGAN", {"moved": True, "p": 0.4}),
        ("adaptive", "augmentation", {"p": "found", "rules": "adaptive_round"}),
        ("spectral norm", "augmentation", {"batch norm": False, "spectral norm": True}),
        ("hinge", "spectral norm", {"loss": Hinge}),
        ("R1", "augmentation", {"batch norm": False, "penalty": True}),
        ("R3GAN", "R1", {"loss": Relativistic, "rules": "relativistic_round"}),
        ("labels", "augmentation", {"players": "gan_lab.networks.projection32"}),
    ],
)
def test_a_rung_is_one_change(idea, beside, changed):
    assert ladder.BELOW[idea] == beside
    before, after = facts(beside), facts(idea)

    assert {name: after[name] for name in after if after[name] != before[name]} == changed


def test_the_lowest_rung_is_the_dcgan_by_its_guidelines():
    assert facts("DCGAN") == {
        "players": "gan_lab.networks.dcgan",
        "batch norm": True,
        "spectral norm": False,
        "moved": False,
        "p": 0,
        "loss": NonSaturating,
        "penalty": False,
        "rules": "one_round",
    }


@pytest.mark.parametrize("idea", IDEAS)
def test_every_rung_plays_with_the_same_steps_and_draws_with_an_average(idea):
    torch.manual_seed(0)
    game = IDEAS[idea](few_images())
    for optimizer in (game.opt_G, game.opt_D):
        assert [(group["lr"], group["betas"]) for group in optimizer.param_groups] == [(1e-3, (0.5, 0.999))]
    before = [w.clone() for w in game.G.parameters()]
    for played in play(game, few_images(), batch_size=ladder.BATCH, round=rules(idea)):
        assert played.d_loss.isfinite()
    assert all((w != b).any() for w, b in zip(game.G.parameters(), before, strict=True))
    x = sample(game, torch.randn(3, game.z_dim), torch.tensor([0, 1, 4]))
    assert x.shape == (3, 1, 32, 32)
    moved, still = (torch.cat([w.flatten() for w in weights]) for weights in (game.G.parameters(), before))
    average = torch.cat([w.flatten() for w in game.average.module.parameters()])
    assert 0 < (average - still).norm() < (moved - still).norm()


def test_the_adaptive_round_moves_p_by_d_s_scores_of_the_real_images():
    torch.manual_seed(0)
    game = IDEAS["adaptive"](few_images())
    D = bare(game.D)
    with torch.no_grad():
        D.D.layers[-2].bias.fill_(100.0)  # D takes all images for real: r_t = 1
    list(play(game, few_images(80), batch_size=16, round=rules("adaptive")))

    assert D.p.p.item() == pytest.approx(4 * 16 / 100_000)


def test_channels_and_classes_are_those_of_the_images():
    pixels = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    images = ImageSet(pixels, torch.arange(8) % 2, ("cat", "dog"), "colour")
    for idea in IDEAS:
        game = IDEAS[idea](images)
        next(play(game, images, batch_size=8, round=rules(idea)))
        assert sample(game, torch.randn(2, 100), torch.tensor([0, 1])).shape == (2, 3, 32, 32)


@pytest.mark.parametrize("idea", ["R1", "R3GAN"])
def test_without_a_norm_d_starts_with_scores_that_differ(idea):
    torch.manual_seed(0)
    D = bare(IDEAS[idea](few_images()).D)
    x, _ = few_images().batch(slice(None))

    assert D(x).std() > 0.05


def test_pairs_are_played_by_their_own_rules():
    assert rules("R3GAN") is relativistic_round
    with pytest.raises(ValueError, match="relativistic_round"):
        next(play(IDEAS["R3GAN"](few_images()), few_images(), batch_size=16))


def test_each_idea_is_compared_with_the_one_below_it_seed_by_seed():
    quality = {"DCGAN, no average": 1.0, "DCGAN": 0.5, "augmentation": 0.2, "adaptive": 0.3, "labels": 0.1}
    table = pd.DataFrame(
        {
            "idea": idea,
            "seed": seed,
            "kernel_distance": value + 0.01 * seed + 0.001 * value * seed**2,
            "coverage": value,
        }
        for idea, value in quality.items()
        for seed in range(4)
    )
    found = ladder.climbed(table, ["kernel_distance", "coverage"])

    assert found["idea"].tolist() == ["DCGAN", "augmentation", "adaptive", "labels"] * 2
    assert found["measure"].tolist() == ["kernel_distance"] * 4 + ["coverage"] * 4
    assert found["seeds"].tolist() == [4] * 8
    assert found["difference"].tolist()[4:] == pytest.approx([-0.5, -0.3, 0.1, -0.1])
    assert found["p_holm"].tolist() == pytest.approx(seeds.holm(found["p"]).tolist())
