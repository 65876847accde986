"""A film of images, to be seen in a notebook and on a page."""

import io

from IPython.display import display
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
    out = io.BytesIO()
    write_gif((in_blocks(frame, side, value_range) for frame in frames), out, fps)
    display({"image/gif": out.getvalue(), "text/plain": alt}, raw=True)
