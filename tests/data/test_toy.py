import math

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from gan_lab.data.toy import Mixture, SwissRoll, covered, grid, ring
from gan_lab.losses import NonSaturating
from gan_lab.networks import mlp
from gan_lab.training import Game, bare, play

LAWS = [ring(), grid(), SwissRoll()]


@pytest.fixture(autouse=True)
def same_numbers_every_time():
    torch.manual_seed(0)


def small_game(D=None):
    torch.manual_seed(0)
    G, D = mlp.Generator(width=0.02), D or mlp.Critic(width=0.02)
    opt_G, opt_D = (torch.optim.Adam(player.parameters(), 1e-3) for player in (G, D))
    return Game(G, D, NonSaturating(), opt_G, opt_D, fabric=Fabric(accelerator="cpu", devices=1))


def square(n, side):
    """n x n points in the middle of the cells of a square with this side, (n * n, 2), and the area of a cell."""
    place = (torch.arange(n) + 0.5) / n * side - side / 2
    return torch.cartesian_prod(place, place), (side / n) ** 2


@pytest.mark.parametrize("law", [ring(), grid()], ids=lambda law: law.name)
def test_the_settings_give_a_mixture_variance_one_along_each_axis(law):
    """gan_toy divides by 1.414 and 2.828, the standard deviations of its centres."""
    assert law.centres.mean(0).tolist() == pytest.approx([0, 0], abs=1e-6)
    assert law.centres.square().mean(0).tolist() == pytest.approx([1, 1], rel=1e-3)


def test_the_ring_is_that_of_gan_toy():
    """Eight different numbers whose eighth power is radius^8, as eight roots of it must be."""
    c = torch.view_as_complex(ring().centres.double())
    assert torch.pdist(ring().centres).min() > 1
    assert (c**8).tolist() == pytest.approx([(2 / 1.414) ** 8] * 8, rel=1e-5)
    assert ring().sigma == 0.02 / 1.414


def test_the_grid_is_that_of_gan_toy():
    steps = [i * 2 / 2.828 for i in range(-2, 3)]
    assert grid().centres.tolist() == [pytest.approx([x, y]) for x in steps for y in steps]
    assert grid().sigma == 0.05 / 2.828


@pytest.mark.parametrize("law", [ring(), grid()], ids=lambda law: law.name)
def test_points_lie_round_the_centre_that_their_label_names(law):
    n, K = 40_000, len(law.centres)
    x, y = law.sample(n)
    away = (x - law.centres[y]) / law.sigma
    assert away.mean(0).tolist() == pytest.approx([0, 0], abs=4 / math.sqrt(n))
    assert away.square().mean(0).tolist() == pytest.approx([1, 1], abs=4 * math.sqrt(2 / n))
    assert (y.bincount(minlength=K) / n).tolist() == pytest.approx([1 / K] * K, abs=4 / math.sqrt(K * n))


def test_without_noise_the_swiss_roll_is_the_spiral_with_radius_t_at_angle_t():
    x, _ = SwissRoll(sigma=0).sample(1000)
    t = 7.5 * x.norm(dim=1)
    assert 1.5 * math.pi <= t.min() < 1.6 * math.pi
    assert 4.4 * math.pi < t.max() <= 4.5 * math.pi + 1e-4
    torch.testing.assert_close(x, torch.stack([t.cos(), t.sin()], 1) * t[:, None] / 7.5, atol=1e-4, rtol=0)


def test_along_the_swiss_roll_t_is_uniform():
    torch.manual_seed(0)
    n, (low, high) = 20_000, (1.5 * math.pi, 4.5 * math.pi)
    t = 7.5 * SwissRoll(sigma=0).sample(n)[0].norm(dim=1)
    tenths = torch.histc((t - low) / (high - low), bins=10, min=0, max=1) / n
    assert tenths.tolist() == pytest.approx([0.1] * 10, abs=4 * (0.1 * 0.9 / n) ** 0.5)


def test_the_noise_of_the_swiss_roll_is_a_quarter_before_the_scaling():
    torch.manual_seed(1)
    thick, _ = SwissRoll().sample(20_000)
    torch.manual_seed(1)
    thin, _ = SwissRoll(sigma=0).sample(20_000)
    assert (7.5 * (thick - thin)).std().item() == pytest.approx(0.25, rel=0.02)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_a_batch_is_as_long_as_its_index_and_always_of_fresh_points(law):
    index = torch.arange(100)
    (x, y), (again, _) = law.batch(index), law.batch(index)
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((100, 2), torch.float32, (100,), torch.int64)
    assert y.max() < len(law.classes)
    assert not set(map(tuple, x.tolist())) & set(map(tuple, again.tolist()))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_play_takes_a_law_and_repeats_its_epochs_bit_for_bit(law):
    games = small_game(), small_game()
    for game in games:
        torch.rand(3)  # whatever was drawn before
        assert len(list(play(game, law, batch_size=2560, seed=3, epoch=1))) == 5
    first, second = (bare(game.D).state_dict() for game in games)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_density_is_the_mixture_s():
    law = Mixture(torch.tensor([[0.0, 0.0], [1.0, 0.5], [-1.0, 2.0]]), sigma=0.7)
    one = torch.distributions.MultivariateNormal
    modes = [one(c, 0.7**2 * torch.eye(2)) for c in law.centres]
    x = 2 * torch.randn(50, 2)
    density = sum(mode.log_prob(x).exp() for mode in modes) / 3
    torch.testing.assert_close(law.log_pdf(x).exp(), density)


@pytest.mark.parametrize("law", [ring(), grid()], ids=lambda law: law.name)
def test_the_density_sums_to_one_over_the_plane(law):
    x, area = square(400, 4)
    assert (law.log_pdf(x).exp().sum() * area).item() == pytest.approx(1, abs=1e-3)


def test_far_from_a_thin_law_the_best_score_is_still_right():
    """Two Gaussians: log p - log q = (|x - b|^2 - |x - a|^2) / (2 sigma^2), where p and q themselves round to 0."""
    p, q = (Mixture(torch.tensor([[a, 0.0]]), sigma=0.01) for a in (-1, 1))
    x = torch.tensor([[0.5, 0.3]])
    assert p.log_pdf(x).exp() == q.log_pdf(x).exp() == 0
    assert (p.log_pdf(x) - q.log_pdf(x)).item() == pytest.approx((0.5**2 - 1.5**2) / (2 * 0.01**2))


def test_a_blurred_law_is_the_law_seen_through_noise():
    """Its density is the mean of p(x - s e) over the noise e, here by Gauss and Hermite."""
    law, s = Mixture(torch.tensor([[0.0, 0.0], [1.0, 0.5]]), sigma=0.6), 0.8
    node, weight = (torch.tensor(values) for values in np.polynomial.hermite_e.hermegauss(30))
    e, w = torch.cartesian_prod(node, node).float(), torch.cartesian_prod(weight, weight).prod(1)
    x = torch.tensor([0.4, -0.9])
    mean = (law.log_pdf(x - s * e).exp() * w).sum() / w.sum()
    assert law.blurred(s).log_pdf(x[None]).exp().item() == pytest.approx(mean.item(), rel=1e-4)


@pytest.mark.parametrize("law", [ring(), grid()], ids=lambda law: law.name)
@pytest.mark.parametrize("within", [1.0, 2.0, 3.0])
def test_the_law_s_own_points_cover_it_and_as_many_are_good_as_gaussians_hold(law, within):
    n, K = 40_000, len(law.centres)
    share = 1 - math.exp(-(within**2) / 2)
    modes, high_quality, counts = covered(law.sample(n)[0], law, within=within)
    assert modes == K
    assert high_quality == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / n))
    assert (counts / n).tolist() == pytest.approx([share / K] * K, abs=4 / math.sqrt(K * n))
    assert counts.sum() == round(high_quality * n)


def test_a_collapsed_generator_covers_one_mode_and_may_be_good():
    law = ring()
    assert covered(law.centres[3].expand(500, 2), law)[:2] == (1, 1.0)
    assert covered(torch.zeros(500, 2), law)[:2] == (0, 0.0)


def test_good_ends_at_three_standard_deviations():
    law = Mixture(torch.tensor([[0.0, 0.0], [5.0, 0.0]]), sigma=0.1)
    x = torch.tensor([[0.299, 0.0], [0.301, 0.0], [5.0, -0.299], [5.0, 0.301]])
    assert covered(x, law).counts.tolist() == [1, 1]
    assert covered(x, law, within=3.02).counts.tolist() == [2, 2]


@pytest.mark.parametrize(("share", "modes"), [(0.0, 2), (0.1, 1), (1.0, 1)])
def test_a_mode_needs_its_share_of_what_it_is_due_and_one_point_at_least(share, modes):
    """Of 100 points each of three modes is due 33. One has 97, one has 3, and one has none and is never covered."""
    law = Mixture(torch.tensor([[0.0, 0.0], [5.0, 0.0], [9.0, 9.0]]), sigma=0.1)
    x = law.centres[[0] * 97 + [1] * 3]
    assert covered(x, law, share=share)[:2] == (modes, 1.0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: Mixture(torch.zeros(8, 3), 0.1), r"centres has shape \(8, 3\)"),
        (lambda: Mixture(torch.zeros(0, 2), 0.1), r"centres has shape \(0, 2\)"),
        (lambda: ring(sigma=0), "sigma is the standard deviation of a mode: above 0, not 0"),
        (lambda: Mixture(torch.zeros(1, 2), 0.1, points=0), "points counts what an epoch has: at least 1, not 0"),
        (lambda: SwissRoll(sigma=-1), "at least 0, not -1"),
        (lambda: SwissRoll(points=0), "points counts"),
        (lambda: covered(torch.zeros(5, 3), ring()), r"x has shape \(5, 3\)"),
        (lambda: covered(torch.zeros(0, 2), ring()), "one at least"),
        (lambda: covered(torch.full((5, 2), torch.nan), ring()), "NaN or infinite"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        wrong()


@pytest.mark.gpu
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_a_law_draws_where_it_is_told_to(law):
    x, y = law.to("cuda").sample(5)
    assert x.is_cuda
    assert y.is_cuda
