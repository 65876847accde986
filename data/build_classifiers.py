"""Train the classifiers of the bundled digits, and say how well each knows the others.

    uv run python data/build_classifiers.py

They see the 1005 training images only. Another machine, or another version of PyTorch, may round otherwise and come to
other weights that are as good; but the numbers measured with them would be others.
"""

import torch

from gan_lab.data.images import load_images
from gan_lab.measure.classifier import BUNDLED, SEEDS, save_classifiers, train_classifier
from gan_lab.measure.features import accuracy

torch.set_num_threads(1)
classifiers = [train_classifier(load_images(), seed=seed) for seed in SEEDS]
save_classifiers(classifiers, BUNDLED)
held_out = load_images(split="test")
for seed, classifier in zip(SEEDS, classifiers, strict=True):
    print(f"seed {seed}: {accuracy(classifier, held_out):.2%} of {len(held_out)} held-out digits")
