"""Dropout against its law."""

import math

import pytest
import torch

from gan_lab.layers.dropout import Dropout

N = 400_000


def kept(p: float, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return Dropout(p)(torch.ones(N)) > 0


@pytest.mark.parametrize("p", [0.25, 0.3, 0.4, 0.5])
def test_the_share_that_is_dropped_is_p_and_the_mean_stays(p: float) -> None:
    torch.manual_seed(0)
    out = Dropout(p)(torch.ones(N))
    deviation = math.sqrt(p * (1 - p) / N)
    assert (out == 0).double().mean().item() == pytest.approx(p, abs=4 * deviation)
    assert out[out > 0].unique().tolist() == pytest.approx([1 / (1 - p)], rel=1e-4)
    assert out.double().mean().item() == pytest.approx(1, abs=4 * deviation / (1 - p))


@pytest.mark.parametrize("p", [0.3, 0.5])
@pytest.mark.parametrize("distance", [1, 2, 3, 4, 8])
def test_tosses_are_independent_also_within_one_random_number(p: float, distance: int) -> None:
    a = kept(p).double() - (1 - p)
    correlation = (a[:-distance] * a[distance:]).mean().item() / (p * (1 - p))
    assert abs(correlation) < 4 / math.sqrt(N)


def test_each_place_has_its_own_toss_whatever_the_shape() -> None:
    torch.manual_seed(0)
    out = Dropout(0.5)(torch.ones(3, 5, 7)).flatten()
    torch.manual_seed(0)
    assert Dropout(0.5)(torch.ones(105)).tolist() == out.tolist()


@pytest.mark.parametrize(("p", "bits"), [(0.25, 8), (0.3, 16), (0.4, 16), (0.5, 8)])
def test_a_unit_stays_where_its_bits_are_below_q(p: float, bits: int) -> None:
    kind = {8: torch.int8, 16: torch.int16}[bits]
    torch.manual_seed(0)
    tosses = torch.empty(N * bits // 64, dtype=torch.int64).random_(-(2**63), None).view(kind).int() + 2 ** (bits - 1)
    assert torch.equal(kept(p), tosses < round((1 - p) * 2**bits))


def test_maps_with_their_channels_last_keep_that_layout_and_are_dropped_in_the_order_of_memory() -> None:
    x = torch.ones(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    torch.manual_seed(0)
    out = Dropout(0.5)(x)
    torch.manual_seed(0)
    assert Dropout(0.5)(torch.ones(2, 4, 5, 3)).equal(out.permute(0, 2, 3, 1))
    assert out.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_precision_of_the_numbers_changes_no_toss(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    out = Dropout(0.3)(torch.ones(N, dtype=dtype))
    assert out.dtype == dtype
    assert torch.equal(out > 0, kept(0.3))


def test_the_gradient_is_dropped_with_the_value() -> None:
    torch.manual_seed(0)
    x = torch.randn(1000, requires_grad=True)
    out = Dropout(0.4)(x)
    out.sum().backward()
    torch.testing.assert_close(x.grad, (out / x).detach())


def test_the_seed_repeats_it() -> None:
    assert torch.equal(kept(0.3, seed=5), kept(0.3, seed=5))
    assert not torch.equal(kept(0.3, seed=5), kept(0.3, seed=6))


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_in_evaluation_mode_it_is_the_identity_and_the_ends_are_pytorchs(p: float) -> None:
    x = torch.randn(100)
    assert torch.equal(Dropout(p).eval()(x), x)
    if p in (0.0, 1.0):
        assert torch.equal(Dropout(p)(x), (1 - p) * x)
