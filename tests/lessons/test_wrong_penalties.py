import re
from functools import partial

import pytest
import torch
from torch import nn

from gan_lab.lessons.wrong_penalties import (
    between,
    deviations,
    normal_t,
    one_each,
    one_norm_for_the_batch,
    one_t_a_pixel,
    one_t_for_the_batch,
    report_b,
    t_is_1,
    tie,
)
from gan_lab.lipschitz import gradient_penalty, spectrally_normed
from gan_lab.networks import dcgan32, wgan64


def squared_t(score, real, fake):
    return between(score, real, fake, torch.rand(one_each(real)) ** 2, 10.0)


def by_hand(score, real, fake, *, create_graph=True):
    """Right, but for the square root, whose slope at 0 is infinite, and perhaps for the graph."""
    t = torch.rand(one_each(real))
    x_hat = (t * real + (1 - t) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(score(x_hat).sum(), x_hat, create_graph=create_graph)
    return 10 * (gradient.flatten(1).square().sum(1).sqrt() - 1).square().mean()


@pytest.mark.parametrize("seed", range(5))
def test_the_right_penalty_deviates_in_nothing(seed):
    torch.manual_seed(seed)
    assert deviations(gradient_penalty) == []
    assert deviations(lambda score, real, fake: gradient_penalty(score, fake, real)) == []  # t and 1 - t are alike


@pytest.mark.parametrize(
    ("penalty", "found"),
    [
        (normal_t, [r"t goes from -\d.* to \d.*: draw it from \[0, 1\]"]),
        (one_t_for_the_batch, ["all images of a batch get one t"]),
        (one_t_a_pixel, ["the pixels of an image get several t"]),
        (t_is_1, ["t is always 1:"]),
        (squared_t, ["t is not uniform"]),
        (one_norm_for_the_batch, ["one norm together"]),
        (report_b, [r"draw it from \[0, 1\]", "one norm together"]),
        (partial(gradient_penalty, one_sided=True), ["this is the one-sided penalty"]),
        (partial(gradient_penalty, weight=1.0), ["where 10 mean.* is (.*), it is "]),
        (by_hand, ["NaN where the critic is flat"]),
        (partial(by_hand, create_graph=False), ["create_graph=True"]),
    ],
)
def test_each_error_is_found_and_no_other(penalty, found):
    torch.manual_seed(0)
    sentences = deviations(penalty)
    assert len(sentences) == len(found)
    for sentence, words in zip(sentences, found, strict=True):
        assert re.search(words, sentence)


def test_a_batch_norm_critic_is_found_by_the_tie_between_its_images():
    x = torch.randn(8, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    tied = {norm: tie(wgan64.Critic(channels=1, width=0.1, norm=norm), x) for norm in (nn.BatchNorm2d, nn.Identity)}
    assert tied[nn.BatchNorm2d] > 0.1
    assert tied[nn.Identity] == pytest.approx(0, abs=1e-5)
    assert tie(wgan64.Critic(channels=1, width=0.1, norm=wgan64.layer_norm), x) == pytest.approx(0, abs=1e-5)


def test_dropout_ties_no_images_together():
    x = torch.randn(8, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert tie(dcgan32.Discriminator(width=0.2), x) == pytest.approx(0, abs=1e-5)


def test_spectral_norm_ties_no_images_together():
    """Each of its forward passes changes u and v, so that the second one has another critic."""
    x = torch.randn(4, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    D = spectrally_normed(wgan64.Critic(channels=1, width=0.1, norm=nn.Identity))
    assert tie(D, x) == pytest.approx(0, abs=1e-5)


def test_asking_for_the_tie_leaves_the_critic_as_it_was():
    D = wgan64.Critic(channels=1, width=0.1).eval()
    before = {name: value.clone() for name, value in D.state_dict().items()}
    tie(D, torch.randn(4, 1, 64, 64))
    assert not D.training
    assert all(torch.equal(value, before[name]) for name, value in D.state_dict().items())
