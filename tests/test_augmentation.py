from functools import partial

import pytest
import torch
import torch.nn.functional as F
from small_game import Discriminator, equal, same, small_game, small_images
from torch import nn

from gan_lab.augmentation import Adaptive, Augmented, leaks, r_v, refuse_leaks, spectrum
from gan_lab.described import described
from gan_lab.identity import identity
from gan_lab.lipschitz import gradient_norms, gradient_penalty
from gan_lab.losses import Verdict
from gan_lab.moves import affine, brightness, contrast, cutout, safe_below_1, translate
from gan_lab.runs import Run
from gan_lab.training import play, step_D, step_G

MOVES = [translate, cutout, brightness, contrast, affine]
EACH_MOVE = pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)


def some_images(n=8, channels=1, size=16, margin=2, dtype=torch.float32):
    """Random images in [-1, 1] on black."""
    x = torch.full((n, channels, size, size), -1.0, dtype=dtype)
    inside = slice(margin, size - margin)
    x[:, :, inside, inside] = 2 * torch.rand(n, channels, size - 2 * margin, size - 2 * margin, dtype=dtype) - 1
    return x


def one_image(n, *shape):
    """The same random image n times."""
    torch.manual_seed(0)
    return (2 * torch.rand(1, *shape) - 1).expand(n, *shape)


def flip(x):
    return x.flip(3)


def negative(x):
    return -x


@safe_below_1
def a_quarter_turn(x):
    """One of four, each as likely."""
    turns = torch.stack([x.rot90(g, (2, 3)) for g in range(4)])
    return turns[torch.randint(4, (len(x),)), torch.arange(len(x))]


class Seen(nn.Module):
    """A D that keeps what it was given, and gives the mean of each image for a score."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(()))
        self.x = []

    def forward(self, x, y=None):
        self.x.append(x.detach())
        return self.w * x.mean((1, 2, 3))


# In front of D


@pytest.mark.parametrize("p", [0.1, 0.3])
def test_each_move_moves_each_image_with_probability_p_and_independently(p):
    """Of images of ones, a mirror of the sign and one of the size tell by the value which of the two were applied."""
    torch.manual_seed(0)
    n, D = 100_000, Augmented(Seen(), [negative, lambda x: x / 2], p)
    scores = D(torch.ones(n, 1, 1, 1)).detach()
    for score, share in ((1, (1 - p) ** 2), (-1, p * (1 - p)), (0.5, (1 - p) * p), (-0.5, p * p)):
        error = (share * (1 - share) / n) ** 0.5
        assert (scores == score).double().mean().item() == pytest.approx(share, abs=4 * error)


def test_p_0_is_the_identity_bit_for_bit_and_draws_nothing():
    x, D = some_images(), Augmented(Seen(), MOVES, 0.0)
    before = torch.get_rng_state()
    assert D.moved(x) is x
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(Augmented(Seen(), MOVES, Adaptive()).moved(x), x)


def test_p_1_moves_every_image():
    D = Augmented(Seen(), [negative], 1.0, allow_leaks=True)
    assert (D(torch.ones(10_000, 1, 1, 1)) == -1).all()


def test_points_of_the_plane_are_moved_as_images_are():
    x = torch.randn(2000, 2).clamp(-3, 3)
    D = Augmented(Seen(), [lambda x: -x], p=0.25, value_range=(-3.0, 3.0), allow_leaks=True)
    moved = D.moved(x)
    assert moved.shape == x.shape
    assert 0.2 < (moved == -x).all(1).double().mean() < 0.3
    assert ((moved == x).all(1) | (moved == -x).all(1)).all()


def test_in_evaluation_mode_nothing_is_moved():
    x, D = some_images(), Augmented(Seen(), MOVES, 1.0, allow_leaks=True).eval()
    D(x)
    assert torch.equal(D.D.x[0], x)
    D.train()(x)
    assert not torch.equal(D.D.x[1], x)


def test_p_0_plays_the_game_without_augmentation():
    plain, augmented = small_game(), small_game(D=Augmented(Discriminator(), MOVES, 0.0))
    augmented.D.module.D.load_state_dict(plain.D.module.state_dict())
    augmented.G.load_state_dict(plain.G.state_dict())
    for game in (plain, augmented):
        list(play(game, small_images(), batch_size=5, epoch=1))
    assert equal(plain.G.state_dict(), augmented.G.state_dict())
    assert equal(plain.D.module.state_dict(), augmented.D.module.D.state_dict())


def test_real_and_fake_images_are_moved_in_d_s_step_in_g_s_and_in_the_penalty():
    """All images are white, in the end a half of them black: had D seen one batch unmoved, all of it would be white."""
    game = small_game(D=Augmented(Seen(), [negative], 0.49), penalty=gradient_penalty)
    white, y = torch.ones(64, 1, 4, 4), torch.zeros(64, dtype=torch.int64)
    torch.manual_seed(0)
    step_D(game, white, white, y)
    step_G(game, (white * torch.ones((), requires_grad=True)), y)
    seen = game.D.module.D.x
    assert len(seen) == 4  # real, fake, the points of the penalty, and G's
    for x in seen:
        assert 0.25 < (x == -1).float().mean() < 0.75
    assert not any(torch.equal(a, b) for i, a in enumerate(seen) for b in seen[:i])


def test_the_gradient_that_reaches_g_passes_through_the_moves():
    """Where an image is moved as where it is not, it is that of finite differences."""
    x = some_images(6, size=4, margin=0, dtype=torch.float64).requires_grad_()
    D = Augmented(Seen(), MOVES, 0.3)

    def scores(x):
        torch.manual_seed(4)
        return D.moved(x).square().flatten(1).sum(1)

    torch.manual_seed(4)
    moved = (D.moved(x) != x).flatten(1).any(1)
    assert moved.any() and not moved.all()
    assert torch.autograd.gradcheck(scores, x)


def test_labels_and_a_verdict_pass_through():
    class TwoHeads(nn.Module):
        def forward(self, x, y=None):
            return Verdict(x.flatten(1).sum(1), y)

    y = torch.arange(3)
    assert Augmented(TwoHeads(), MOVES, 0.4)(some_images(3), y).classes is y


def test_a_d_without_labels_is_augmented():
    D = nn.Sequential(nn.Flatten(), nn.Linear(16, 1), nn.Flatten(0))
    assert len(list(play(small_game(D=Augmented(D, MOVES, 0.4)), small_images(), batch_size=5))) == 4


# The moves


@EACH_MOVE
def test_each_image_has_a_draw_of_its_own_and_every_call_new_ones(move):
    x = one_image(16, 1, 32, 32)
    first, second = move(x), move(x)
    assert len(first.flatten(1).unique(dim=0)) > 12  # a few of the 81 shifts come twice
    assert not torch.equal(first, second)


@EACH_MOVE
def test_no_image_has_a_part_in_the_move_of_another(move):
    def moved(x):
        torch.manual_seed(5)
        return move(x)

    x = some_images()
    other = x.clone()
    other[2] = -other[2]
    assert (moved(x) != moved(other)).flatten(1).any(1).tolist() == [i == 2 for i in range(8)]


@EACH_MOVE
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 64, 64)])
def test_shape_and_range_stay(move, shape):
    x = one_image(200, *shape).clone()
    x[:, :, ::2] = x[:, :, ::2].sign()  # black and white, where a value leaves the range first
    moved = move(x)
    assert moved.shape == x.shape and moved.dtype == x.dtype
    assert moved.min() >= -1 - 1e-5 and moved.max() <= 1 + 1e-5


@EACH_MOVE
@pytest.mark.parametrize("low", [0.0, -1.0])
def test_a_black_image_stays_black(move, low):
    black = torch.full((50, 1, 8, 8), low)
    black_is = {} if move is contrast else {"low": low}
    torch.testing.assert_close(move(black, **black_is), black)


@EACH_MOVE
def test_the_gradient_is_that_of_finite_differences_twice(move):
    """The moves are linear in x up to a constant, so the square makes a second derivative that is not 0."""
    x = some_images(2, 2, size=5, margin=0, dtype=torch.float64).requires_grad_()

    def moved(x):
        torch.manual_seed(1)
        return move(x).square()

    assert torch.autograd.gradcheck(moved, x)
    assert torch.autograd.gradgradcheck(moved, x)


@EACH_MOVE
def test_a_gradient_penalty_differentiates_through_it(move):
    """Of a D that is linear with the weights w, the penalty's gradient in w is that of finite differences."""
    x = some_images(3, size=4, margin=0, dtype=torch.float64)
    w = torch.randn(16, dtype=torch.float64, requires_grad=True)

    def norms(w):
        torch.manual_seed(2)
        D = Augmented(nn.Module(), [move], 1.0, allow_leaks=True)
        return gradient_norms(lambda x: torch.tanh(D.moved(x).flatten(1) @ w), x)

    assert torch.autograd.gradcheck(norms, w)


def test_translate_shifts_by_whole_pixels_as_often_as_two_draws_differ():
    """With share 1/4 of 8 pixels, dy = a - b is -2, ..., 2 with the shares 1, 2, 3, 2, 1 of 9, and so is dx."""
    x = torch.full((90_000, 1, 8, 8), -1.0)
    x[:, :, 3, 4] = 1
    torch.manual_seed(0)
    where = (translate(x, share=0.25) == 1).flatten(1).float()
    assert (where.sum(1) == 1).all()
    share = where.mean(0).view(8, 8)
    ninths = torch.tensor([1, 2, 3, 2, 1]) / 9
    expected = torch.zeros(8, 8)
    expected[1:6, 2:7] = ninths[:, None] * ninths
    torch.testing.assert_close(share, expected, atol=0.004, rtol=0)


def test_translate_brings_in_black_and_does_not_wrap_around():
    x = torch.ones(500, 1, 8, 8)
    moved = translate(x, share=0.25)
    dark = (moved == -1).any(3).sum((1, 2))  # rows with black in them
    assert ((moved == 1) | (moved == -1)).all()
    assert dark.max() == 8 and dark.min() == 0
    assert moved[:, :, 3:5, 3:5].min() == 1  # no shift by more than 2 reaches the middle


def test_cutout_makes_each_pixel_black_as_often_as_a_rectangle_covers_it():
    """Half of 8 pixels: rows r_0 - 2 to r_0 + 1, so row r for the r_0 from r - 1 to r + 2; and so the columns."""
    torch.manual_seed(0)
    moved = cutout(torch.ones(50_000, 2, 8, 8))
    assert torch.equal(moved[:, 0], moved[:, 1])
    assert (moved[:, 0] == -1).sum((1, 2)).max() == 4 * 4
    rows = torch.tensor([3, 4, 4, 4, 4, 4, 3, 2]) / 8
    torch.testing.assert_close((moved[:, 0] == -1).float().mean(0), rows[:, None] * rows, atol=0.01, rtol=0)


@pytest.mark.parametrize("fade", [partial(brightness, low=0.0), contrast], ids=["brightness", "contrast"])
def test_the_fading_is_a_power_of_a_uniform_number(fade):
    """c = u^s: E[c] = 1 / (1 + s), and c^(1 / s) is uniform."""
    x = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2).expand(50_000, 1, 1, 2)
    torch.manual_seed(0)
    moved = fade(x, strength=0.5).view(-1, 2)
    c = moved[:, 1] - moved[:, 0]
    assert c.mean().item() == pytest.approx(1 / 1.5, abs=0.005)
    deciles = torch.histc(c**2, bins=10, min=0, max=1) / len(c)
    assert (deciles - 0.1).abs().max().item() < 0.01
    kept = moved.mean(1) if fade is contrast else moved[:, 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 0.5 if fade is contrast else 0.0))


def test_affine_without_turn_scale_and_slant_changes_nothing():
    x = some_images()
    torch.testing.assert_close(affine(x, degrees=0, scale=0, shear=0), x, atol=1e-5, rtol=0)


def test_affine_is_pytorch_s_affine_grid():
    x, matrices = some_images(4, 2), []
    torch.manual_seed(1)
    t_1, t_2, t_3 = torch.rand(3, 4) - torch.rand(3, 4)
    for a, s, k in zip(torch.deg2rad(30 * t_1), 1.2**t_2, 0.4 * t_3, strict=True):
        turn = s * torch.tensor([[a.cos(), -a.sin()], [a.sin(), a.cos()]])
        matrices.append(turn @ torch.tensor([[1, k], [0, 1]]))
    A = torch.cat([torch.stack(matrices), torch.zeros(4, 2, 1)], 2)
    grid = F.affine_grid(A, [4, 2, 16, 16], align_corners=False)
    torch.manual_seed(1)
    moved = affine(x, degrees=30, scale=0.2, shear=0.4)
    torch.testing.assert_close(moved, F.grid_sample(x + 1, grid, align_corners=False) - 1, atol=1e-5, rtol=0)


def moments(x):
    """Of images of a single bright blob: the mean square of its places, [[yy, yx], [xy, xx]] (N, 2, 2)."""
    weight = (x[:, 0] + 1) / (x[:, 0] + 1).sum((1, 2), keepdim=True)  # (N, H, W)
    place = torch.arange(x.shape[-1]) - (x.shape[-1] - 1) / 2
    grid = torch.stack(torch.meshgrid(place, place, indexing="ij"), -1)  # (H, W, 2)
    return torch.einsum("nhw,hwa,hwb->nab", weight, grid, grid)


def blob(n, wide, high, size=64):
    place = torch.arange(size) - (size - 1) / 2
    bright = torch.exp(-(place[:, None] ** 2) / (2 * high**2) - place**2 / (2 * wide**2))
    return (2 * bright - 1).expand(n, 1, size, size)


def test_affine_turns_by_angles_of_a_triangle():
    """The turn of a long blob is that of its axis: |a| <= 20 degrees, and the mean square is 20^2 / 6."""
    torch.manual_seed(0)
    M = moments(affine(blob(3000, 8.0, 2.0), degrees=20, scale=0, shear=0))
    angle = torch.rad2deg(torch.atan2(2 * M[:, 0, 1], M[:, 1, 1] - M[:, 0, 0]) / 2)
    assert 15 < angle.abs().max() < 20.1
    assert angle.mean().item() == pytest.approx(0, abs=0.6)
    assert angle.square().mean().item() == pytest.approx(400 / 6, rel=0.08)


def test_affine_scales_by_as_much_up_as_down():
    torch.manual_seed(0)
    M = moments(affine(blob(3000, 5.0, 5.0), degrees=0, scale=0.25, shear=0))
    torch.testing.assert_close(M[:, 0, 0], M[:, 1, 1], rtol=0.01, atol=0.01)
    log_s = (M[:, 0, 0] / 25).log() / 2
    assert 0.18 < log_s.abs().max() < 0.23  # log 1.25 = 0.223
    assert log_s.mean().item() == pytest.approx(0, abs=0.01)
    assert log_s.square().mean().item() == pytest.approx(0.2231**2 / 6, rel=0.1)


def test_affine_slants_rows_against_each_other():
    """x'(u) = x(S u): a blob whose rows had no slant has E[x y] = -k E[y y]."""
    torch.manual_seed(0)
    M = moments(affine(blob(3000, 5.0, 5.0), degrees=0, scale=0, shear=0.5))
    k = -M[:, 0, 1] / M[:, 0, 0]
    torch.testing.assert_close(M[:, 0, 0], torch.full((3000,), 25.0), rtol=0.02, atol=0)
    assert 0.4 < k.abs().max() < 0.51
    assert k.square().mean().item() == pytest.approx(0.25 / 6, rel=0.1)


# What leaks


def matrix(act, n, drawn, p):
    """(1), where the n elements act(g) of a group move one image to the n that it can become."""
    torch.manual_seed(0)
    image = torch.rand(2, 2)
    orbit = [act(image, g) for g in range(n)]

    def number(x):
        return next(i for i, other in enumerate(orbit) if torch.equal(x, other))

    T = (1 - p) * torch.eye(n, dtype=torch.float64)
    for g in range(n):
        for i, x in enumerate(orbit):
            T[number(act(x, g)), i] += p * drawn[g]
    return T


def quarter_turns(x, g):
    return x.rot90(g)


def mirror(x, g):
    return x.flip(0) if g else x


def test_of_shifts_in_two_directions_the_spectrum_is_that_of_all_pairs():
    """T as a matrix on 3 x 4 pixels, of shifts by (a, b) with wrap-around, that are as likely as `drawn` says."""
    torch.manual_seed(0)
    (n, m), p = (3, 4), 0.8
    drawn = torch.rand(n, m, dtype=torch.float64)
    drawn /= drawn.sum()
    T = (1 - p) * torch.eye(n * m, dtype=torch.float64)
    for a in range(n):
        for b in range(m):
            T += p * drawn[a, b] * torch.kron(torch.eye(n).roll(a, 0), torch.eye(m).roll(b, 0))
    found = spectrum(drawn, p)
    distance = (found.flatten()[:, None] - torch.linalg.eigvals(T)).abs()
    assert found.shape == (n, m)
    assert distance.amin(0).max() < 1e-7 and distance.amin(1).max() < 1e-7


UNIFORM, OFTEN_NOT, MIRROR = torch.full((4,), 0.25), torch.tensor([0.7, 0.1, 0.1, 0.1]), torch.tensor([0.0, 1.0])
ALWAYS_ONE = torch.tensor([0.0, 1.0, 0.0, 0.0])


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(
    ("act", "drawn"),
    [(quarter_turns, UNIFORM), (quarter_turns, OFTEN_NOT), (quarter_turns, ALWAYS_ONE), (mirror, MIRROR)],
    ids=["uniform", "often not", "always one", "mirror"],
)
def test_the_spectrum_is_that_of_the_matrix_of_the_moves(act, drawn, p):
    T = matrix(act, len(drawn), drawn, p)
    found, true = spectrum(drawn, p), torch.linalg.eigvals(T)
    distance = (found[:, None] - true).abs()
    assert distance.amin(0).max() < 1e-7 and distance.amin(1).max() < 1e-7
    assert leaks(drawn, p) == (torch.linalg.matrix_rank(T, atol=1e-6) < len(drawn)).item()


def test_quarter_turns_leak_at_p_1_and_a_mirror_at_p_one_half():
    """Uniform turns make all distributions over the four the same; below p = 1 the inverse finds each of them again."""
    upright, mixed = torch.eye(4, dtype=torch.float64)[:2]
    T = matrix(quarter_turns, 4, UNIFORM, 1.0)
    torch.testing.assert_close(T @ upright, T @ mixed)
    T = matrix(quarter_turns, 4, UNIFORM, 0.9)
    torch.testing.assert_close(torch.linalg.solve(T, T @ mixed), mixed)
    assert [p for p in (0.0, 0.25, 0.5, 0.75, 0.99, 1.0) if leaks(UNIFORM, p)] == [1.0]
    assert [p for p in (0.0, 0.25, 0.49, 0.5, 0.51, 1.0) if leaks(MIRROR, p)] == [0.5]
    T = matrix(mirror, 2, MIRROR, 0.5)
    torch.testing.assert_close(T @ T, T)  # whatever it was: both, as likely


def test_below_one_half_no_move_leaks():
    torch.manual_seed(0)
    for drawn in torch.rand(100, 6).pow(8):
        assert spectrum(drawn / drawn.sum(), 0.49).abs().min() >= 1 - 2 * 0.49 - 1e-9


def frequencies(x, moved):
    """How often each of the images in x (n, ...) became each of them: (n, n), from moved (many, n, ...)."""
    same = (moved[:, :, None] == x).flatten(3).all(3)  # (many, n before, n after)
    return same.double().mean(0).T


@pytest.mark.parametrize("p", [0.5, 0.75, 0.95])
def test_a_shift_that_is_the_difference_of_two_draws_keeps_every_eigenvalue_above_1_minus_p(p):
    """A uniform shift by one pixel leaks at p = 3/4, where 1 - p + p (1 + 2 cos pi) / 3 = 0."""
    torch.manual_seed(0)
    x = torch.full((40_000, 1, 1, 12), -1.0)
    x[:, :, :, 6] = 1
    drawn = (translate(x, share=0.2) == 1).double().mean(0).flatten()
    assert spectrum(drawn.roll(-6), p).abs().min() > 1 - p - 0.02
    one_pixel = torch.zeros(12)
    one_pixel[[-1, 0, 1]] = 1 / 3
    assert leaks(one_pixel, p) == (p == 0.75)


def test_cutout_has_the_eigenvalues_of_the_pixels_that_are_spared():
    """Over the 8 images of 3 pixels, of which one is cut out: 1 - |S| / 3 for each set S of pixels."""
    x = torch.tensor([[i, j, k] for i in (-1.0, 1.0) for j in (-1.0, 1.0) for k in (-1.0, 1.0)]).view(8, 1, 1, 3)
    torch.manual_seed(0)
    moved = cutout(x.repeat(20_000, 1, 1, 1), share=1 / 3).view(20_000, 8, 1, 1, 3)
    eigenvalues = torch.linalg.eigvals(frequencies(x, moved)).real.sort().values
    expected = torch.tensor([0, 1, 1, 1, 2, 2, 2, 3], dtype=torch.float64) / 3
    torch.testing.assert_close(eigenvalues, expected, atol=0.02, rtol=0)


@pytest.mark.parametrize("fade", [partial(brightness, low=0.0), contrast], ids=["brightness", "contrast"])
def test_the_fading_keeps_every_eigenvalue_above_1_minus_p(fade):
    """They are 1 - p + p phi(t), phi the characteristic function of log c: E[c^(i t)] = 1 / (1 + i s t)."""
    x = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2).expand(200_000, 1, 1, 2)
    torch.manual_seed(0)
    moved = fade(x, strength=0.25).view(-1, 2)
    log_c = (moved[:, 1] - moved[:, 0]).log()
    t = torch.linspace(-60, 60, 121)
    phi = torch.stack([torch.exp(1j * s * log_c).mean() for s in t])
    torch.testing.assert_close(phi, 1 / (1 + 0.25j * t), atol=0.01, rtol=0)
    for p in (0.5, 0.8, 0.95):
        assert (1 - p + p * phi).abs().min() > 1 - p


@pytest.mark.parametrize(
    ("moves", "p", "complaint"),
    [
        ([translate, flip], 0.5, r"flip may leak at p = 0\.5.* p < 0\.5, or Adaptive.*allow_leaks=True"),
        ([partial(flip)], 0.7, "flip may leak"),
        ([partial(torch.rot90, dims=(2, 3))], 1.0, "rot90 may leak at p = 1"),
        ([translate], 1.0, r"translate may leak at p = 1: .* p < 1,"),
        ([partial(partial(cutout, share=0.3))], 1.0, "cutout may leak"),
        ([flip], Adaptive(), r"flip may leak at p = 0\.8"),
    ],
)
def test_what_may_leak_is_refused_unless_one_insists(moves, p, complaint):
    with pytest.raises(ValueError, match=complaint):
        Augmented(Seen(), moves, p)
    Augmented(Seen(), moves, p, allow_leaks=True)


def test_what_does_not_leak_is_accepted():
    refuse_leaks([flip], 0.49)
    refuse_leaks([*MOVES, partial(translate, share=0.2)], 0.99)
    Augmented(Seen(), [flip], Adaptive(most=0.4))
    refuse_leaks([partial(a_quarter_turn)], 0.99)


# Adaptive p


def test_p_follows_the_paper_s_rule():
    """In steps of 4 batches of 10 images, by 40 / 400: up as long as r_t > 0.6, and then down to 0."""
    ada = Adaptive(images=400)
    mostly_right = torch.tensor([3.0] * 9 + [-1.0])  # r_t = 0.8
    undecided = torch.tensor([3.0] * 7 + [-1.0] * 3)  # r_t = 0.4
    found = []
    for real in [mostly_right] * 9 + [undecided] * 15:
        ada.see(real)
        found.append(round(ada.p.item(), 4))
    up = [0, 0, 0, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2]
    down = [0.2, 0.2, 0.1, 0.1, 0.1, 0.1, *[0] * 9]  # the first four: r_t = 0.8, 0.4, 0.4, 0.4
    assert found == up + down


def test_r_t_is_the_mean_over_all_images_of_the_four_batches():
    """One batch of 12 at 1 and three of 1 image at -1: r_t = 9 / 15 is the target itself, and p stays."""
    ada = Adaptive(images=15)
    for real in [torch.ones(12), *[-torch.ones(1)] * 3]:
        ada.see(real)
    assert ada.p == 0 and ada.seen == 0
    for real in [torch.ones(13), *[-torch.ones(1)] * 3]:
        ada.see(Verdict(real, torch.zeros(len(real), 5)))
    assert ada.p.item() == pytest.approx(0.8)  # 16 / 15, clipped
    ada = Adaptive(images=10, most=1.0)
    for _ in range(4):
        ada.see(torch.ones(5))
    assert ada.p == 1


def test_from_0_to_1_p_takes_500_000_images():
    ada = Adaptive(most=1.0)
    for _ in range(4):
        ada.see(torch.ones(64))
    assert ada.p.item() == pytest.approx(4 * 64 / 500_000)


def test_r_v_is_0_for_held_out_images_like_real_ones_and_1_for_such_like_fakes():
    real, fake = torch.tensor([3.0, 5.0]), torch.tensor([-1.0, 1.0, 0.0])
    assert r_v(real, real.flip(0), fake) == 0
    assert r_v(real, fake, fake) == 1
    held_out = torch.tensor([1.0])
    assert r_v(real, held_out, fake).item() == pytest.approx(0.75)
    assert r_v(2 * real + 7, 2 * held_out + 7, 2 * fake + 7).item() == pytest.approx(0.75)
    ada = Adaptive(target=0.5, images=100)
    ada.step(r_v(real, held_out, fake), 20)
    assert ada.p.item() == pytest.approx(0.2)


def test_p_is_the_one_that_d_is_augmented_with():
    ada = Adaptive(most=0.45)
    D = Augmented(Seen(), [negative], ada)
    ada.p.fill_(0.4)
    assert (D(torch.ones(50_000, 1, 1, 1)) == -1).float().mean().item() == pytest.approx(0.4, abs=0.01)


def adaptive_game():
    torch.manual_seed(3)
    D = Augmented(Discriminator(), [partial(translate, share=0.3), cutout, affine], Adaptive(target=-0.9, images=100))
    return small_game(D=D)


def train(folder, epochs, stop_at=None):
    game = adaptive_game()
    run = Run("augmented", game, small_images(), folder, batch_size=4)
    for epoch in run.epochs(epochs):
        for i, played in enumerate(play(game, small_images(), batch_size=4, epoch=epoch)):
            game.D.module.p.see(played.real)
            run.log(played, p=game.D.module.p.p)
            if (epoch, i) == stop_at:
                return game, run
        run.save()
    return game, run


def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path):
    """An epoch has 5 rounds and p changes after every 4: the checkpoint is written between two changes."""
    whole, all_rounds = train(tmp_path / "whole", 4)
    train(tmp_path / "stopped", 4, stop_at=(3, 2))
    resumed, run = train(tmp_path / "stopped", 4)
    assert same(whole, resumed)
    assert run.rounds.equals(all_rounds.rounds)
    assert 0 < run.rounds.p[4] < run.rounds.p[8] <= 0.8
    assert whole.parts["D"].state_dict()["p.batches"] == 20


def test_another_augmentation_is_another_run_and_training_does_not_make_it_one():
    def of(moves=(translate,), p=0.3, **more):
        return identity(small_game(D=Augmented(Discriminator(), moves, p, **more)), small_images(), 4, 0)

    class Fill:
        def __init__(self, value):
            self.value = value

        def __call__(self, x):
            return torch.full_like(x, self.value)

    made = [of(), of(p=0.2), of([partial(translate, share=0.2)]), of([partial(translate, share=0.1)]), of([cutout])]
    made += [of([Fill(0.0)]), of([Fill(0.5)]), of([lambda x: x]), of([lambda x: x * 1]), of(value_range=(0.0, 1.0))]
    made += [of(p=Adaptive()), of(p=Adaptive(target=0.5)), of(p=Adaptive(images=9)), of(p=Adaptive(most=0.7))]
    assert len({found["D"] for found in made}) == len(made)
    assert of([partial(translate, share=0.2)]) == of([partial(translate, share=0.2)])
    game = adaptive_game()
    before = described(game.D.module)
    for played in play(game, small_images(), batch_size=4):
        game.D.module.p.see(played.real)
    assert game.D.module.p.p > 0 and described(game.D.module) == before


# What is refused


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (lambda: Augmented(Seen(), [translate], -0.1), r"choose it in \[0, 1\], not -0\.1"),
        (lambda: Augmented(Seen(), [translate], 1.1, allow_leaks=True), r"choose it in \[0, 1\], not 1\.1"),
        (lambda: Augmented(Seen(), [translate], float("nan")), r"choose it in \[0, 1\]"),
        (lambda: Adaptive(most=1.5), r"choose it in \[0, 1\], not 1\.5"),
        (lambda: Adaptive(images=0), "at least 1 of each"),
        (lambda: Adaptive(every=0), "at least 1 of each"),
        (lambda: spectrum(torch.tensor([0.5, 0.6]), 0.1), "sum to 1"),
        (lambda: spectrum(torch.tensor([-0.5, 1.5]), 0.1), "sum to 1"),
        (lambda: spectrum(torch.tensor([0.5, 0.5]), 1.1), r"p in \[0, 1\]"),
    ],
)
def test_what_is_no_probability_is_refused(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        wrong()


def crop(x):
    return x[:, :, 1:, 1:]


def brighter(x):
    return x + 0.5


@pytest.mark.parametrize(
    ("move", "complaint"),
    [
        (crop, r"crop makes \(8, 1, 15, 15\) of images \(8, 1, 16, 16\): cut or pad"),
        (lambda x: x.mean(1), r"<lambda> makes \(8, 16, 16\)"),
        (brighter, r"brighter takes images out of \[-1, 1\], to \[-0\.5, 1\.\d+\]"),
        (partial(translate, low=-2.0), r"translate takes images out of \[-1, 1\], to \[-2"),
    ],
)
def test_a_move_that_changes_shape_or_range_is_refused(move, complaint):
    with pytest.raises(ValueError, match=complaint):
        Augmented(Seen(), [move], 0.4)(some_images())


def test_images_beyond_the_range_may_be_moved_and_the_range_may_be_another():
    Augmented(Seen(), MOVES, 0.4)(2 * some_images())
    with pytest.raises(ValueError, match=r"out of \[0, 1\], to \[-1"):
        Augmented(Seen(), [translate], 0.4, value_range=(0.0, 1.0))(torch.ones(8, 1, 16, 16))
    in_range = [partial(translate, low=0.0), partial(brightness, low=0.0)]
    Augmented(Seen(), in_range, 0.4, value_range=(0.0, 1.0))(torch.rand(8, 1, 16, 16))
