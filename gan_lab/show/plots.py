"""Pictures of a training: sample grids, curves, animations. Each function draws arrays into axes that it is given."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import IO

import imageio_ffmpeg
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from gan_lab.files import whole
from gan_lab.run_folder import epochs_played

STYLE = "gan_lab.show.figures"  # for plt.style.use


def grid(
    ax: Axes, images: Tensor, *, nrow: int = 8, value_range: tuple[float, float] = (-1.0, 1.0), title: str = ""
) -> None:
    """Draw images (N, C, H, W) in rows of `nrow`. Values outside value_range are clipped, as any screen would."""
    tiles = make_grid(images.detach().cpu(), nrow=nrow, normalize=True, value_range=value_range, pad_value=1.0)
    ax.imshow(tiles.permute(1, 2, 0).numpy(), interpolation="nearest")
    ax.set_title(title)
    ax.set_axis_off()


def curves(
    ax: Axes,
    rounds: pd.DataFrame,
    columns: Mapping[str, str],
    *,
    ylabel: str,
    smooth: int = 1,
    title: str = "",
) -> None:
    """Draw columns of a run's rounds against the epoch, {column: label}, as a running mean over `smooth` rounds.

    Each round is drawn at the share of its epoch that is played: round 3 of 15 in epoch 2 stands at 1.2.
    """
    ax.set(xlabel="epochs played", ylabel=ylabel)
    ax.set_title(title)
    if rounds.empty:
        return
    x = epochs_played(rounds)
    for column, label in columns.items():
        (line,) = ax.plot(x, rounds[column].rolling(smooth, min_periods=1).mean(), label=label)
        if smooth > 1:
            ax.plot(x, rounds[column], color=line.get_color(), linestyle="-", linewidth=0.6, alpha=0.25)
    ax.set_xlim(left=0)
    if len(columns) > 1:
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.2 * (high - low))  # room for the legend above the curves
        ax.legend(loc="best", ncols=len(columns))


def differences(
    ax: Axes, rows: pd.DataFrame, *, by: str = "setting", title: str = "", label: str = "", shift: float = 0.0
) -> None:
    """Draw rows of `seeds.paired`, one below another: a dot at the mean difference, a bar over its interval.

    The dot is full where the interval misses 0. by: the column that names the rows. shift: how far below its line, for
    a second set of rows in the same axes, which `label` tells from the first.
    """
    place = np.arange(len(rows)) + shift
    found = (rows["low"] > 0) | (rows["high"] < 0)
    (bars,) = ax.plot([], [], "o", markersize=4, label=label)
    colour = bars.get_color()
    ax.hlines(place, rows["low"], rows["high"], color=colour, linewidth=1.5)
    faces = [colour if full else "white" for full in found]
    ax.scatter(rows["difference"], place, s=20, edgecolor=colour, facecolor=faces, zorder=3)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(range(len(rows)), rows[by])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.locator_params(axis="x", nbins=5)
    ax.set_title(title, fontsize=9)


def animation(pictures: Sequence[Path], file: Path, *, fps: float = 6.0, hold: float = 2.0, scale: int = 2) -> Path:
    """Make an mp4 or a gif (as the name of `file` ends) of pictures of one size, the last one held for `hold` seconds.

    Returns file. Raises ValueError if there is no picture, or the name ends otherwise.
    """
    if not pictures:
        raise ValueError(f"there is no picture to make {file.name} of: play an epoch first")
    writers = {".gif": save_gif, ".mp4": save_mp4}
    if file.suffix not in writers:
        raise ValueError(f"{file.name} is neither an .mp4 nor a .gif: an animation is one of the two")
    shown = [*pictures, *[pictures[-1]] * round(hold * fps)]
    frames = (enlarged(picture, scale) for picture in shown)  # one in memory at a time
    with whole(file) as part:
        writers[file.suffix](frames, part, fps)
    return file


def save_gif(frames: Iterable[np.ndarray], file: Path, fps: float) -> None:
    write_gif(map(Image.fromarray, frames), file, fps)


def write_gif(frames: Iterable[Image.Image], file: Path | IO[bytes], fps: float) -> None:
    """The pictures one after another, and then from the first again."""
    each = iter(frames)
    next(each).save(file, format="gif", save_all=True, append_images=each, duration=round(1000 / fps), loop=0)


def save_mp4(frames: Iterable[np.ndarray], file: Path, fps: float) -> None:
    each = iter(frames)
    first = next(each)
    height, width = first.shape[:2]
    writer = imageio_ffmpeg.write_frames(str(file), (width, height), fps=fps, macro_block_size=1)
    writer.send(None)  # starts the generator
    for frame in chain([first], each):
        writer.send(frame.tobytes())
    writer.close()


def in_blocks(image: Tensor, side: int, value_range: tuple[float, float] = (-1.0, 1.0)) -> Image.Image:
    """One image (C, H, W) as a square picture with this side in pixels, each pixel of the image a block."""
    low, high = value_range
    pixels = ((image - low) / (high - low) * 255).clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(pixels.squeeze()).resize((side, side), Image.Resampling.NEAREST)


def enlarged(picture: Path, scale: int) -> np.ndarray:
    """The picture, each pixel `scale` x `scale`, as uint8 (H, W, 3) with even sides, which mp4 asks for."""
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB")).repeat(scale, axis=0).repeat(scale, axis=1)
    height, width = pixels.shape[:2]
    return np.ascontiguousarray(pixels[: height - height % 2, : width - width % 2])
