"""Play with a GAN in the plane: its points, what D says of every place, and the arrows that G feels.

    playground()                               # in a notebook
    playground(data="grid", loss="hinge")

Every round is the course's `one_round`. Where no kernel lives, a film of the same game stands in.
"""

import io
import math
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import torch
import traitlets
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from gan_lab.lessons.plane import DATA, LIMIT, LOSSES, Plane, Seen
from gan_lab.show.colours import FAKE, REAL
from gan_lab.show.plots import STYLE, write_gif
from gan_lab.show.widgets import show

HERE = Path(__file__).parent
FRAMES, ROUNDS = 18, 26  # of the film, and between two of them


class Playground(anywidget.AnyWidget):
    """The picture with its controls. It asks, and `Plane` plays."""

    _esm = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("plane_view.js", "playground.js"))
    about = traitlets.Dict().tag(sync=True)

    def __init__(self, plane: Plane, start: dict[str, Any]) -> None:
        super().__init__(about={"data": list(DATA), "losses": list(LOSSES), "limit": LIMIT, "start": start})
        self.plane = plane
        self.on_msg(self.asked)

    def asked(self, _: Any, message: dict[str, Any], __: Any) -> None:
        """Do what the picture asks for, and send what is to be seen then, or why it cannot be done."""
        try:
            done(self.plane, message)
            seen = self.plane.seen()
        except (ValueError, FloatingPointError) as error:
            self.send({"failed": str(error)})
            return
        losses = {
            name: value for name, value in (("d_loss", seen.d_loss), ("g_loss", seen.g_loss)) if math.isfinite(value)
        }
        self.send({"rounds": seen.rounds, **losses}, [floats(part) for part in seen[:4]])


def done(plane: Plane, message: dict[str, Any]) -> None:
    """What a message asks of the game. Raises ValueError for one that nobody sends."""
    match message:
        case {"do": "play", "rounds": rounds}:
            plane.play(int(rounds))
        case {"do": "D"}:
            plane.step_of_D()
        case {"do": "G"}:
            plane.step_of_G()
        case {"do": "reset"}:
            plane.reset()
        case {"do": "choose", "points": points}:
            plane.choose(data=torch.tensor(points, dtype=torch.float32).view(-1, 2))
        case {"do": "choose", **chosen}:
            plane.choose(**chosen)
        case {"do": "pace", **steps}:
            plane.pace(**steps)
        case {"do": "look"}:
            pass
        case _:
            raise ValueError(f"nobody knows how to do {message}")


def playground(
    data: str = "ring", loss: str = "non-saturating", *, lr_D: float = 2e-3, lr_G: float = 1e-3, momentum: float = 0.5
) -> None:
    """Display the game. Arguments and errors are those of `Plane`."""
    steps: dict[str, Any] = {"lr_D": lr_D, "lr_G": lr_G, "momentum": momentum}
    widget = Playground(Plane(data, loss, **steps), {"data": data, "loss": loss, **steps})
    alt = "a film: the points of a generator spread over the data while the discriminator's landscape changes"
    show(widget, film_of(Plane(data, loss, **steps)), kind="image/gif", words=alt)


def floats(part: Tensor) -> bytes:
    return part.contiguous().numpy().astype("<f4").tobytes()


# The film


def film_of(plane: Plane, frames: int = FRAMES, rounds: int = ROUNDS) -> bytes:
    """The beginning of the game as a GIF."""
    pictures = []
    for frame in range(frames):
        pictures.append(picture_of(plane.seen()))
        if frame < frames - 1:
            plane.play(rounds)
    out = io.BytesIO()
    palette = palette_of(pictures)
    dither = Image.Dither.NONE
    write_gif((picture.quantize(palette=palette, dither=dither) for picture in pictures), out, fps=1000 / 120)
    return out.getvalue()


def palette_of(pictures: list[Image.Image]) -> Image.Image:
    """One palette for all frames, in which data, fakes and arrows have their own colours, however few their pixels."""
    width, height = pictures[0].size
    all_frames = Image.new("RGB", (width * len(pictures), 2 * height))
    for n, picture in enumerate(pictures):
        all_frames.paste(picture, (n * width, 0))
    for n, colour in enumerate((REAL, FAKE, "#333333", "#ffffff")):
        side = all_frames.width // 4
        all_frames.paste(colour, (n * side, height, (n + 1) * side, 2 * height))
    return all_frames.quantize(48)


def picture_of(seen: Seen, size: float = 2.8) -> Image.Image:
    with style.context(STYLE):
        figure = Figure(figsize=(size, size), layout="none")  # type: ignore[arg-type]
        draw(figure.add_axes((0.02, 0.02, 0.96, 0.88)), seen)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=100)
    return Image.open(out).convert("RGB")


def draw(ax: Axes, seen: Seen) -> None:
    """Points, arrows and landscape, as the page draws them."""
    box = (-LIMIT, LIMIT, -LIMIT, LIMIT)
    ax.imshow(ground(seen.landscape.numpy()), extent=box, origin="lower", interpolation="nearest")
    place = np.linspace(-LIMIT, LIMIT, len(seen.landscape))
    ax.contour(place, place, seen.landscape, levels=[0.5], colors="#555555", linewidths=0.8)
    ax.plot(*seen.real.T, "o", color=REAL, markersize=2.5, alpha=0.8)
    few = slice(None, None, 3)
    arrows: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.004, "color": "#333333"}
    ax.quiver(*seen.fake[few].T, *seen.arrows[few].T, **arrows)
    ax.plot(*seen.fake.T, "^", color=FAKE, markersize=3)
    ax.set(xlim=box[:2], ylim=box[2:], title=f"round {seen.rounds}")
    ax.set_axis_off()


def ground(landscape: np.ndarray) -> np.ndarray:
    """The colours of the landscape, (SIDE, SIDE, 3): orange at 0, white at 1/2, blue at 1."""
    orange, blue = np.array([246, 196, 140]) / 255, np.array([150, 184, 226]) / 255
    share = np.abs(2 * landscape - 1)[..., None]
    colours: np.ndarray = 1 + share * (np.where(landscape[..., None] > 0.5, blue, orange) - 1)
    return colours
