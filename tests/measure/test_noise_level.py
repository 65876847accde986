import pytest
import torch

from gan_lab.measure.noise_level import noise_level


@pytest.mark.parametrize("sigma", [0.0, 0.05, 0.3])
def test_the_noise_level_of_noise_is_its_deviation(sigma):
    torch.manual_seed(0)
    assert noise_level(sigma * torch.randn(50, 1, 32, 32)) == pytest.approx(sigma, rel=0.01)


def test_slopes_and_flat_areas_are_no_noise():
    across = torch.linspace(-1, 1, 32)
    slope = (across[None, :] + 0.5 * across[:, None]).expand(3, 2, 32, 32)
    assert noise_level(slope) == pytest.approx(0, abs=1e-6)
    assert noise_level(torch.full((2, 1, 8, 8), 0.7)) == pytest.approx(0, abs=1e-6)


def test_images_without_room_for_the_mask_are_refused():
    with pytest.raises(ValueError, match="at least 3 x 3 pixels"):
        noise_level(torch.zeros(5, 2, 8))
