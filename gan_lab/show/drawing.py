"""Draw a digit yourself, and see the nearest one that a generator can draw."""

from pathlib import Path

import anywidget
import ipywidgets
import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor, nn

from gan_lab.data.framed import framed
from gan_lab.latent import invert
from gan_lab.show import plots
from gan_lab.show.widgets import image_png, images, png, show


class Canvas(anywidget.AnyWidget):
    """A black square to draw on in white. `pixels`: what is drawn, side x side bytes, or none at first."""

    _esm = Path(__file__).with_name("canvas.js")
    side = traitlets.Int(64).tag(sync=True)
    pixels = traitlets.CBytes().tag(sync=True)  # a front end sends a memoryview

    @property
    def image(self) -> Tensor:
        """What is drawn, (1, 1, side, side) in [-1, 1]."""
        levels = torch.frombuffer(bytearray(self.pixels), dtype=torch.uint8).view(1, 1, self.side, self.side)
        return levels / 127.5 - 1


def inverter(G: nn.Module, x: Tensor, *, steps: int = 100) -> None:
    """A canvas, and beside it G's image that comes nearest to what is drawn there, found anew after each stroke.

    G: of gray images in [-1, 1], in evaluation mode, such as `generator_of(game)`.  x: images (N, 1, H, W), which stand
    in for drawings where no widget lives: they are shown above G's nearest.  steps: of the search.
    """
    canvas, says = Canvas(), ipywidgets.Label("draw a digit")
    view = ipywidgets.Image(format="png", width=256, height=256)
    black = torch.full((1, 1, *x.shape[2:]), -1.0)
    view.value = image_png(black, 256, (-1.0, 1.0))

    def find(_: object = None) -> None:
        if canvas.image.max() < 0:
            view.value, says.value = image_png(black, 256, (-1.0, 1.0)), "draw a digit"
            return
        nearest, error = reproduced(G, framed(canvas.image, x.shape[2]), steps)
        view.value = image_png(nearest, 256, (-1.0, 1.0))
        says.value = f"G's nearest image: the mean squared error of its pixels is {error.item():.3f}"

    canvas.observe(find, "pixels")

    def chart(figure: Figure) -> None:
        nearest, _ = reproduced(G, x, steps)
        title = "above: images that G never saw; below: G's nearest"
        plots.grid(figure.subplots(), torch.cat([x.cpu(), nearest.cpu()]), nrow=len(x), title=title)

    show(ipywidgets.VBox([ipywidgets.HBox([canvas, view]), says]), png(chart, (0.7 * len(x) + 0.6, 2.0)))


def reproduced(G: nn.Module, x: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """G's nearest images to x (N, 1, H, W), and the error of each (N,)."""
    z, error = invert(G, x, steps=steps)
    return images(G, z), error
