import pytest
import torch

from gan_lab import pretrained
from gan_lab.data.hold_out import load_with_held_out
from gan_lab.measure.copies import Copies
from gan_lab.measure.judge import Judge

N = 400


@pytest.fixture(scope="module")
def copies() -> Copies:
    return Copies(Judge(*load_with_held_out()))


@pytest.fixture(scope="module")
def drawings() -> torch.Tensor:
    torch.manual_seed(0)
    G = pretrained.digits_by_class()
    return G(torch.randn(N, G.z_dim), torch.arange(N) % 5)


@pytest.fixture(scope="module")
def training(copies: Copies) -> torch.Tensor:
    order = torch.randperm(len(copies.judge.images), generator=torch.Generator().manual_seed(0))
    return copies.judge.images.batch(order[:N])[0]


def test_a_generator_s_drawings_and_dull_or_broken_ones_are_no_copies(copies: Copies, drawings: torch.Tensor) -> None:
    torch.manual_seed(0)
    for x in (drawings, 0.7 * drawings - 0.3, -torch.ones_like(drawings), 2 * torch.rand_like(drawings) - 1):
        assert copies.why(x) == ""


def test_training_images_are_copies_and_so_are_held_out_ones(copies: Copies, training: torch.Tensor) -> None:
    assert copies.why(training) == "100% of the samples are nearly equal to training images"
    for part in (copies.judge.reference, copies.judge.unseen):
        assert copies.why(part.batch(slice(None))[0]) == "100% of the samples are nearly equal to held-out images"


def test_a_tenth_of_copies_among_drawings_is_found(copies: Copies, drawings, training) -> None:
    mixed = torch.cat([training[: N // 10], drawings[N // 10 :]])
    assert copies.why(mixed) == "10% of the samples are nearly equal to training images"


def test_copies_with_a_little_noise_or_moved_by_a_pixel_are_copies(copies: Copies, training: torch.Tensor) -> None:
    torch.manual_seed(0)
    noisy = (training + 0.1 * torch.randn_like(training)).clamp(-1, 1)
    assert "nearly equal to training images" in copies.why(noisy)
    assert "nearer to the training images than other real images" in copies.why(training.roll(1, 3))
    held_out = copies.judge.reference.batch(slice(None))[0]
    assert "nearer to the held-out images than other real images" in copies.why(held_out.roll(1, 3))
