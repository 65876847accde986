import matplotlib.pyplot as plt
import numpy as np
import torch

from gan_lab.show.two_heads import two_heads


def test_each_image_stands_there_as_it_is_with_its_label_and_each_head_with_its_question() -> None:
    _, ax = plt.subplots()
    real, fake = torch.zeros(3, 1, 4, 4), torch.ones(3, 3, 4, 4)
    two_heads(ax, torch.zeros(64), real, fake, [0, 2, 4], value_range=(0.0, 1.0))
    images = [np.asarray(image.get_array()) for image in ax.images]
    words = [text.get_text() for text in ax.texts]
    arrows = [patch for patch in ax.patches if type(patch).__name__ == "FancyArrowPatch"]
    plt.close("all")
    assert sorted(image.mean() for image in images if image.ndim == 3) == [0, 0, 0, 1, 1, 1]
    assert [words.count(f"$y = {label}$") for label in (0, 2, 4)] == [2, 2, 2]
    assert {"real or fake?", "which class?", "label $y$", "noise $z$"} <= set(words)
    assert len(arrows) == 7  # two into G, two into D, two out of it, and one from G to its images


def test_nothing_that_is_written_covers_an_other_thing_that_is_written() -> None:
    fig, ax = plt.subplots(figsize=(8.5, 4))
    two_heads(ax, torch.zeros(64), torch.zeros(3, 1, 4, 4), torch.zeros(3, 1, 4, 4), [0, 2, 4])
    fig.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    plt.close("all")
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
