"""What the course's judge says of a class's samples: python -m gan_lab.lessons.judged < order > results.

The order is one line of JSON, {NAME: FILE, ...}: a file for each entry, as `numpy.save` writes samples (N, 1, 32, 32)
in [-1, 1]. Answers with a line for unseen real images, and then one for each entry, in that order: its numbers, or
`why` there are none. Each entry is judged by as many samples, the first ones in its file.
"""

import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib import format as npy
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from gan_lab.data.hold_out import load_with_held_out
from gan_lab.measure.copies import Copies
from gan_lab.measure.features import features_of
from gan_lab.measure.jackknife import kernel_distance_interval
from gan_lab.measure.judge import Judge

MOST = 64 * 10**6  # bytes of a file
SHOWN, ROW = 32, 16  # samples of each entry in its picture, and in a row of it


class Judged:
    """Says of samples what a board shows. n: how many it compares; shape: of each."""

    def __init__(self, judge: Judge) -> None:
        self.judge, self.n, self.shape = judge, judge.n, judge.images.shape
        self._copies = Copies(judge)
        self._real = [features_of(network, judge.reference) for network in judge.networks]

    def __call__(self, samples: Tensor) -> dict[str, Any]:
        """The kernel distance with its interval, coverage, the share that the classifiers are sure of, both measures of
        copying, and `copies`, the reason why they are taken for copies, or ""; of samples (n, C, H, W).

        Raises ValueError for values outside of the value_range of the images, or not finite.
        """
        found = self.judge(samples)
        fake = [features_of(network, samples) for network in self.judge.networks]
        value, low, high = kernel_distance_interval(self._real, fake)
        numbers = {name: float(found[name]) for name in ("coverage", "copying_pixels", "copying_features")}
        distance = {"kernel_distance": value, "low": low, "high": high}
        return {**distance, **numbers, "sure": self.judge.sure(samples), "copies": self._copies.why(samples)}


def entry(file: Path, judged: Judged) -> dict[str, Any]:
    """What is said of the samples in a file, with their picture; or {"why": ...} where there is nothing to judge."""
    try:
        samples = read(file, judged.n, judged.shape)
        return {**judged(samples), "picture": picture(samples)}
    except ValueError as error:
        return {"why": str(error)}
    except OSError as error:
        return {"why": f"{file.name} cannot be read: {error.strerror}"}


def read(file: Path, n: int, shape: tuple[int, ...]) -> Tensor:
    """The first n samples in a file that `numpy.save` wrote; of a file from a stranger nothing is run.

    Raises ValueError for a link, a file that is too large or no array of numbers, for images of another shape, for too
    few of them, and for values that are NaN or infinite; OSError if it cannot be read.
    """
    if file.is_symlink() or not file.is_file():
        raise ValueError(f"{file.name} is no file of its own: a link, or a folder")
    if (size := file.stat().st_size) > MOST:
        raise ValueError(f"{file.name} has {size / 1e6:.0f} MB, and {MOST / 1e6:.0f} are the most")
    held = io.BytesIO(file.read_bytes())
    try:
        npy.read_magic(held)
        found, fortran, dtype = npy.read_array_header_1_0(held)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"{file.name} is no array of numbers") from None
    if dtype != np.float32 or fortran:
        raise ValueError(f"{file.name} holds {dtype}, not float32 in the order of C")
    if len(found) != 4 or found[1:] != shape:
        raise ValueError(f"each sample has shape {found[1:]}, and the board compares images {shape}")
    if found[0] < n:
        raise ValueError(f"{found[0]} samples are too few: the board compares {n} of everybody")
    values = np.frombuffer(held.read(4 * n * int(np.prod(shape))), np.float32)
    if len(values) < n * int(np.prod(shape)):
        raise ValueError(f"{file.name} ends before its last sample")
    if strange := int((~np.isfinite(values)).sum()):
        raise ValueError(f"{strange} of {len(values)} values are NaN or infinite: take an earlier checkpoint")
    return torch.from_numpy(values.copy()).view(n, *shape)


def picture(samples: Tensor) -> str:
    """The first samples in rows, as the address of their own bytes."""
    tiles = make_grid(samples[:SHOWN], nrow=ROW, padding=1, normalize=True, value_range=(-1, 1), pad_value=0.5)
    held = io.BytesIO()
    Image.fromarray((255 * tiles.permute(1, 2, 0)).round().byte().numpy()).save(held, "PNG")
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode()


def main() -> None:
    order = json.loads(sys.stdin.readline())
    judge = Judge(*load_with_held_out())
    judged = Judged(judge)
    unseen = judge.unseen.batch(slice(None))[0][: judged.n]
    print(json.dumps({**judged(unseen), "n": judged.n}), flush=True)
    for file in order.values():
        print(json.dumps(entry(Path(file), judged)), flush=True)


if __name__ == "__main__":
    main()
