import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import to_rgba

from gan_lab.show.colours import FAKE, REAL
from gan_lab.show.diagrams import two_players


def test_the_diagram_shows_the_readers_own_images_as_they_are_and_grey_between_the_ends_of_their_range():
    _, ax = plt.subplots()
    real, fake = torch.zeros(3, 1, 4, 4), torch.ones(3, 3, 4, 4)
    real[1] = 0.5
    two_players(ax, torch.zeros(64), real, fake, value_range=(0.0, 1.0))
    noise, *images = [
        np.asarray(image.get_array()) for image in sorted(ax.images, key=lambda image: image.get_array().ndim)
    ]
    plt.close("all")
    assert noise.shape == (10, 1)
    assert [image.shape for image in images] == [(4, 4, 3)] * 6
    assert [image.mean() for image in images] == [0, 0.5, 0, 1, 1, 1]


def test_one_gradient_comes_back_to_d_and_one_by_d_and_the_images_to_g_and_five_things_go_forward():
    _, ax = plt.subplots()
    two_players(ax, torch.zeros(64), torch.zeros(3, 1, 4, 4), torch.zeros(3, 1, 4, 4))
    arrows = [patch for patch in ax.patches if type(patch).__name__ == "FancyArrowPatch"]
    back = [arrow.get_edgecolor() for arrow in arrows if arrow.get_linestyle() not in ("-", "solid")]
    plt.close("all")
    assert len(arrows) - len(back) == 5
    assert [back.count(to_rgba(colour)) for colour in (REAL, FAKE)] == [1, 3]
