"""Train the classifier of the bundled digits, and say how well it knows the others.

    uv run python data/build_classifier.py

It sees the 1005 training images only. Another machine, or another version of PyTorch, may round otherwise and come to
other weights that are as good; but the numbers measured with them would be others.
"""

import torch

from gan_lab.data.images import load_images
from gan_lab.measure.classifier import BUNDLED, train_classifier
from gan_lab.measure.features import accuracy

torch.set_num_threads(1)
classifier = train_classifier(load_images())
torch.save(classifier.state_dict(), BUNDLED)
held_out = load_images(split="test")
print(f"{BUNDLED}: {accuracy(classifier, held_out):.2%} of {len(held_out)} held-out digits")
