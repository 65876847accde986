import matplotlib.pyplot as plt
import numpy as np
import torch

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


def test_two_gradients_come_back_and_five_things_go_forward():
    _, ax = plt.subplots()
    two_players(ax, torch.zeros(64), torch.zeros(3, 1, 4, 4), torch.zeros(3, 1, 4, 4))
    lines = [patch.get_linestyle() for patch in ax.patches if type(patch).__name__ == "FancyArrowPatch"]
    plt.close("all")
    assert len(lines) == 7 and sum(line not in ("-", "solid") for line in lines) == 2
