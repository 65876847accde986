import pytest
import torch
from small_game import Discriminator, equal, small_game, small_images
from torch import nn

from gan_lab.losses import Verdict
from gan_lab.noise import Noisy, NoisyImages
from gan_lab.training import play


class Mean(nn.Module):
    """D(x) = the sum of x: as noise has mean 0, so has what it does to this score."""

    def forward(self, x, y=None):
        return x.flatten(1).sum(1)


def test_the_score_of_a_linear_d_keeps_its_mean_and_gets_the_deviation_of_the_noise():
    """Over 16 pixels the deviation is sigma sqrt(16)."""
    torch.manual_seed(0)
    score = Noisy(Mean(), sigma=0.5)(torch.full((100_000, 1, 4, 4), 0.25))
    assert score.mean().item() == pytest.approx(4, abs=0.03)
    assert score.std().item() == pytest.approx(0.5 * 4, rel=0.01)


def test_every_image_gets_noise_of_its_own_and_every_call_new_noise():
    D, x = Noisy(Mean(), sigma=1.0), torch.zeros(50, 1, 4, 4)
    first, second = D(x), D(x)
    assert len(first.unique()) == 50
    assert not (first == second).any()


def test_in_evaluation_mode_and_at_sigma_0_there_is_no_noise():
    x = torch.rand(5, 1, 4, 4)
    D = Noisy(Mean(), sigma=1.0)
    assert torch.equal(D.eval()(x), Mean()(x))
    D.train().sigma = 0.0
    assert torch.equal(D(x), Mean()(x))


def test_a_verdict_passes_through():
    class TwoHeads(nn.Module):
        def forward(self, x, y=None):
            return Verdict(x.flatten(1).sum(1), y)

    y = torch.arange(3)
    assert Noisy(TwoHeads(), 0.1)(torch.zeros(3, 1, 4, 4), y).classes is y


def test_the_gradient_of_g_passes_through():
    x = torch.zeros(2, 1, 4, 4, requires_grad=True)
    (slope,) = torch.autograd.grad(Noisy(Mean(), 3.0)(x).sum(), x)
    assert torch.equal(slope, torch.ones_like(x))


def test_sigma_0_plays_the_game_without_noise():
    """The noise layer has no weights, and without noise it draws no random numbers."""
    plain, noisy = small_game(), small_game(D=Noisy(Discriminator(), 0.0))
    noisy.D.module.D.load_state_dict(plain.D.module.state_dict())
    noisy.G.load_state_dict(plain.G.state_dict())
    for game in (plain, noisy):
        for _ in play(game, small_images(), batch_size=5, epoch=1):
            pass
    assert equal(plain.G.state_dict(), noisy.G.state_dict())
    assert equal(plain.D.module.state_dict(), noisy.D.module.D.state_dict())


def test_noise_on_the_real_images_has_one_sigma_a_batch_between_the_bounds():
    images = small_images(200)
    x, y = images.batch(slice(None))
    torch.manual_seed(0)
    sigmas = []
    for _ in range(200):
        noisy, labels = NoisyImages(images, 0.1, 0.3).batch(slice(None))
        sigmas.append((noisy - x).std().item())
        assert torch.equal(labels, y)
    assert 0.09 < min(sigmas) < 0.12 and 0.28 < max(sigmas) < 0.31
    assert sum(sigmas) / 200 == pytest.approx(0.2, abs=0.01)


def test_noisy_images_are_played_with():
    rounds = list(play(small_game(), NoisyImages(small_images(), 0.0, 0.1), batch_size=5))
    assert len(rounds) == 4
    with pytest.raises(ValueError, match="small with noise has 20"):
        play(small_game(), NoisyImages(small_images(), 0.0, 0.1), batch_size=21)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (lambda: Noisy(Mean(), -0.1), "at least 0"),
        (lambda: NoisyImages(small_images(), 0.3, 0.1), "in order"),
        (lambda: NoisyImages(small_images(), -0.1, 0.1), "in order"),
    ],
)
def test_what_is_no_noise_is_refused(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        wrong()


def test_other_images_or_other_noise_are_another_set_however_long_its_numbers():
    images, others = small_images(), small_images(21)
    sets = [(images, 0.123456, 0.123456), (others, 0.123456, 0.123456), (images, 0.123456, 0.1234561)]
    assert len({NoisyImages(*one).fingerprint[:16] for one in sets}) == 3
