"""The generators that the package carries draw what their card says."""

import re
from pathlib import Path

import pytest
import torch

from gan_lab import pretrained
from gan_lab.data.hold_out import load_with_held_out
from gan_lab.measure.judge import Judge

CARD = Path(pretrained.__file__).with_name("generators.md").read_text()
CARRIED = {"digits.pt": pretrained.digits, "digits_by_class.pt": pretrained.digits_by_class}


@pytest.fixture(scope="module")
def judge():
    return Judge(*load_with_held_out(size=32))


@pytest.mark.parametrize("name", CARRIED)
def test_it_is_as_good_as_its_card_says(name, judge):
    G, y = CARRIED[name](), torch.arange(judge.n) % 5
    z = torch.randn(judge.n, G.z_dim, generator=torch.Generator().manual_seed(1))
    found = judge(G(z, y))
    (row,) = re.findall(rf"`{name}` \|(.*)", CARD)
    kernel_distance, coverage, copying = (float(number) for number in row.split("|")[1:4])
    assert found["kernel_distance"] == pytest.approx(kernel_distance, abs=0.005)
    assert found["coverage"] == pytest.approx(coverage, abs=0.01)
    assert found["copying_features"] == pytest.approx(copying, abs=0.01)


@pytest.mark.parametrize("name", CARRIED)
def test_it_is_small_ready_and_the_same_for_everyone(name):
    G = CARRIED[name]()
    z, y = torch.randn(4, G.z_dim), torch.tensor([0, 1, 4, 0])
    assert (pretrained.HERE / name).stat().st_size < 1_000_000
    assert not G.training
    assert not any(w.requires_grad for w in G.parameters())
    assert all(w.dtype == torch.float32 for w in G.parameters())
    assert torch.equal(G(z, y), CARRIED[name]()(z, y))
    torch.testing.assert_close(G(z, y)[:1], G(z[:1], y[:1]))


def test_it_draws_the_digit_that_is_asked_for(judge):
    G, y = pretrained.digits_by_class(), torch.arange(500) % 5
    x = G(torch.randn(500, G.z_dim, generator=torch.Generator().manual_seed(2)), y)
    assert (judge.probabilities(x).argmax(1) == y).double().mean() > 0.95


def test_a_kept_generator_comes_back_but_for_the_last_bits(tmp_path):
    G = pretrained.digits()
    with torch.no_grad():
        G.layers[0].weight.mul_(1.0001)
    pretrained.save(G, tmp_path / "mine.pt")
    found = pretrained.loaded(pretrained.dcgan.Generator(), tmp_path / "mine.pt")
    torch.testing.assert_close(found.layers[0].weight, G.layers[0].weight, rtol=1e-3, atol=1e-6)
