"""A film of images, to be seen in a notebook and on a page."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from IPython.display import display
from PIL import Image
from torch import Tensor

from gan_lab.show.plots import in_blocks, write_gif


def film(
    frames: Tensor, *, alt: str, fps: float = 12.0, side: int = 192, value_range: tuple[float, float] = (-1.0, 1.0)
) -> None:
    """Display images (N, C, H, W), one after another and from the start again, in a square with this side in pixels.

    alt: what is to be seen, in words, for those who cannot see it. Raises ValueError for no image.
    """
    if not len(frames):
        raise ValueError("a film needs an image")
    shown((in_blocks(frame, side, value_range) for frame in frames), alt, fps)


def film_of_training(
    pictures: Sequence[Path], *, alt: str, height: int | None = None, frames: int = 16, fps: float = 5.0
) -> None:
    """Display a run's pictures, one after another and from the start again, the last one for two seconds.

    alt: as in `film`. height: of each picture, that many pixels from its top are shown; None shows all. frames: at most
    so many pictures are shown, evenly spread, the first and the last among them: a page stays small. Raises ValueError
    where there is no picture.
    """
    if not pictures:
        raise ValueError("a film needs a picture: play an epoch first")
    steps = min(frames, len(pictures)) - 1
    chosen = [pictures[round(n * (len(pictures) - 1) / max(1, steps))] for n in range(steps + 1)]
    found = []
    for picture in chosen:
        with Image.open(picture) as image:
            found.append(image.convert("RGB").crop((0, 0, image.width, height or image.height)).quantize(16))
    shown([*found, *[found[-1]] * round(2 * fps)], alt, fps)


def shown(frames: Iterable[Image.Image], alt: str, fps: float) -> None:
    out = io.BytesIO()
    write_gif(frames, out, fps)
    display({"image/gif": out.getvalue(), "text/plain": alt}, raw=True, metadata={"image/gif": {"alt": alt}})
