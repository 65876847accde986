"""The statistics by which samples are drawn, against those that batch norm should have found."""

from copy import deepcopy

import pytest
import torch
from small_game import equal, small_game, small_images
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from gan_lab.layers.fresh_statistics import fresh_statistics, young
from gan_lab.layers.keras_defaults import batch_norm1d
from gan_lab.networks import acgan28, dcgan32
from gan_lab.training import bare, play, sample


def linear_generator(momentum: float | None = 0.1) -> nn.Sequential:
    """x = batch_norm(3 z + 2), whose mean is 2 and variance 9."""
    G = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4, momentum=momentum))
    with torch.no_grad():
        G[0].weight.copy_(3 * torch.eye(4))
        G[0].bias.fill_(2)
    return G.eval()


def test_in_the_block_batch_norm_has_the_moments_of_fresh_noise_and_afterwards_its_own() -> None:
    G = linear_generator()
    with fresh_statistics(G, 4, 1):
        torch.testing.assert_close(G[1].running_mean, torch.full((4,), 2.0), atol=0.5, rtol=0)  # of 512 values
        torch.testing.assert_close(G[1].running_var, torch.full((4,), 9.0), atol=2, rtol=0)
        x = G(torch.randn(4000, 4))
    assert x.mean().abs() < 0.2 and abs(x.std() - 1) < 0.1
    assert equal(dict(G[1].named_buffers()), dict(nn.BatchNorm1d(4).named_buffers()))
    assert G[1].momentum == 0.1


def test_they_are_what_pytorch_finds_for_averaged_weights() -> None:
    G, random = dcgan32.Generator(width=0.05), torch.Generator().manual_seed(0)
    other = deepcopy(G)
    noise = []
    for _ in range(8):
        noise.append(torch.randn(64, 100, generator=random))
        torch.randint(1, (64,), generator=random)
    update_bn(noise, other)
    with fresh_statistics(G.eval(), 100, 1):
        for (name, here), there in zip(G.named_buffers(), other.buffers(), strict=True):
            torch.testing.assert_close(here, there, msg=name)


@pytest.mark.parametrize(
    ("norm", "batches"), [(batch_norm1d(3), 458), (nn.BatchNorm1d(3), 43), (batch_norm1d(3, momentum=0.8), 20)]
)
def test_an_average_is_young_until_99_percent_of_it_are_batches(norm: nn.BatchNorm1d, batches: int) -> None:
    norm.num_batches_tracked.fill_(batches)
    assert young(norm)
    norm.num_batches_tracked.add_(1)
    assert not young(norm)


def test_old_averages_are_used_as_they_are() -> None:
    G = linear_generator()
    G[1].num_batches_tracked.fill_(44)
    with fresh_statistics(G, 4, 1):
        assert G[1].running_mean.tolist() == [0, 0, 0, 0]
    with fresh_statistics(G, 4, 1, always=True):
        assert G[1].running_mean.mean() > 1


def test_an_error_in_the_block_leaves_g_as_it_was() -> None:
    G = linear_generator()
    with pytest.raises(ZeroDivisionError), fresh_statistics(G, 4, 1):
        raise ZeroDivisionError
    assert G[1].running_mean.tolist() == [0, 0, 0, 0] and G[1].momentum == 0.1


def test_all_classes_are_drawn_for_a_conditional_generator() -> None:
    seen: list[Tensor] = []
    G = acgan28.Generator(width=0.05)
    G.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[1]))
    with fresh_statistics(G.eval(), 100, 5):
        pass
    assert torch.cat(seen).bincount(minlength=5).min() > 60  # of 512


def test_samples_of_a_young_generator_have_the_contrast_of_its_training() -> None:
    """After one round with Keras' average, which has kept 98 % of what it began with, samples were grey."""
    torch.manual_seed(0)
    game, z = small_game(G=dcgan32_like()), torch.randn(64, 3)
    next(play(game, small_images(), batch_size=4))
    G = deepcopy(bare(game.G))
    with torch.no_grad():
        in_training, running = G.train()(z).std(), G.eval()(z).std()
    assert running < 0.6 * in_training
    assert sample(game, z).std() == pytest.approx(in_training.item(), rel=0.1)


def dcgan32_like() -> nn.Module:
    class Generator(nn.Sequential):
        z_dim = 3

        def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
            return super().forward(z).view(-1, 1, 4, 4)

    G = Generator(nn.Linear(3, 32), batch_norm1d(32), nn.LeakyReLU(0.2), nn.Linear(32, 16), nn.Tanh())
    with torch.no_grad():
        G[0].weight.mul_(0.2)  # small, so that its own variance is far from the 1 that an average begins with
    return G


@pytest.mark.parametrize("average", [False, True], ids=["young", "an average"])
def test_a_copy_that_is_made_in_the_block_can_be_trained_on_as_the_original(average: bool) -> None:
    """Its momentum is its own, so that its running averages stay averages."""
    G = linear_generator()
    with fresh_statistics(G, 4, 1, always=average):
        assert deepcopy(G)[1].momentum == 0.1


def test_a_generator_without_batch_norm_draws_nothing_for_its_statistics() -> None:
    G = nn.Sequential(nn.Linear(4, 4))
    G.register_forward_hook(lambda *_: pytest.fail("it was asked for images"))
    with fresh_statistics(G, 4, 1, always=True):
        pass
