"""What moves: a live view of a training with a Stop button, and sliders that walk through the latent space.

Whatever is shown here carries a static picture too, so a notebook reads the same on paper, on a web page, and after a
run that nobody watched. Callbacks draw on a `Figure` of their own and never through pyplot: JupyterLab may run them in
another thread.
"""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Self

import ipywidgets
import torch
from IPython.display import display
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn

from gan_lab.players import asked, settled, z_dim_of
from gan_lab.runs import Run
from gan_lab.show import plots
from gan_lab.show.asked_again import answering
from gan_lab.training import Game, Round, generator_of


def show(
    widget: ipywidgets.Widget, picture: bytes, *, kind: str = "image/png", words: str = "an interactive view"
) -> None:
    """Display the widget where a front end can, and the picture everywhere else; words: what is to be seen."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    display({"application/vnd.jupyter.widget-view+json": view, kind: picture, "text/plain": words}, raw=True)


def png(draw: Callable[[Figure], None], size: tuple[float, float]) -> bytes:
    """The PNG of what `draw` puts on a figure of this size in inches, in the look of the course."""
    out = io.BytesIO()
    with style.context(plots.STYLE):
        figure = Figure(figsize=size)
        draw(figure)
        figure.savefig(out, format="png")
    return out.getvalue()


def curves_and_samples(figure: Figure, run: Run) -> None:
    """What the loss keeps of the rounds so far, and the newest sample grid: for a critic the mean scores, for another D
    the losses and, if its loss has such, the accuracies."""
    rounds = run.rounds
    smooth = max(10, len(rounds) // 50)
    if "mean_real" in rounds:
        above, samples = figure.subplots(1, 2, width_ratios=(6, 5))
        names = {"mean_real": "real images", "mean_fake": "generated images"}
        title = "the gap is the critic's estimate"
        plots.curves(above, rounds, names, ylabel="mean score", smooth=smooth, title=title)
    else:
        axes = figure.subplot_mosaic([["above", "samples"], ["below", "samples"]], width_ratios=(6, 5))
        above, below, samples = axes["above"], axes["below"], axes["samples"]
        plots.curves(above, rounds, {"d_loss": "D", "g_loss": "G"}, ylabel="loss", smooth=smooth)
        if "acc_real" in rounds or rounds.empty:
            names = {"acc_real": "real called real", "acc_fake": "fake called fake"}
            plots.curves(below, rounds, names, ylabel="share of the batch", smooth=smooth)
            below.set(ylim=(-0.02, 1.3), yticks=(0, 0.5, 1))  # the legend stands above the curves
            if not rounds.empty:
                below.legend(loc="upper left", ncols=2)
        else:
            below.remove()
    newest_samples(samples, run)


def newest_samples(ax: Axes, run: Run) -> None:
    """The sample grid of the last epoch that has one."""
    ax.set_axis_off()
    if run.pictures:
        newest = run.pictures[-1]
        ax.imshow(Image.open(newest).convert("RGB"), interpolation="nearest")
        between = "\n" if len(run.name) > 12 else " "  # one line is as long as the picture is wide
        ax.set_title(f"{run.name}:{between}samples after epoch {int(newest.stem)}")


class Dashboard:
    """A run, seen while it trains.

        with Dashboard(run) as board:
            for epoch in run.epochs(epochs):
                async for played in board.watch(play(game, images, batch_size=64, epoch=epoch)):
                    run.log(played)
                if board.stopped:
                    break
                run.picture(sample(game, z))
                run.save()

    `watch` hands on each round, redraws now and then (a tenth of the time at most), and lets the kernel breathe, so
    that a click on Stop ends the epoch after the round in play. The kernel's own interrupt does the same, and so does
    the cell, if it is run again meanwhile: a notebook that was closed and opened again goes on with its training. The
    players stay as they are; the run folder holds the last whole epoch. At the end the last frame stays as a picture.
    draw: what to draw, (figure, run) -> None.  size: of that figure, in inches.
    """

    def __init__(
        self, run: Run, draw: Callable[[Figure, Run], None] = curves_and_samples, size: tuple[float, float] = (10, 4.4)
    ):
        self.run, self.draw, self.size = run, draw, size
        self.stopped = False
        self._button = ipywidgets.Button(description="Stop", icon="stop", tooltip="the players are kept")
        self._button.on_click(lambda _: self.stop())
        self._says = ipywidgets.Label()
        self._image = ipywidgets.Image(format="png", layout=ipywidgets.Layout(max_width="100%"))
        self._next_frame = self._next_breath = 0.0

    def stop(self) -> None:
        """End the training after the round in play."""
        self.stopped = True

    def __enter__(self) -> Self:
        self._draw()
        head = ipywidgets.HBox([self._button, self._says])
        self._handle = display(ipywidgets.VBox([head, self._image]), display_id=True)
        self._started, self._rounds = time.monotonic(), 0
        self._answering = answering(self.stop)
        self._answering.__enter__()
        return self

    async def watch(self, rounds: Iterable[Round]) -> AsyncIterator[Round]:
        """Each round of one epoch in turn, until the epoch ends or somebody stops it."""
        try:
            for round in rounds:
                yield round
                self._rounds += 1
                if time.monotonic() > self._next_breath:
                    self._refresh()
                    await asyncio.sleep(0.002)  # long enough for a click to arrive; 0 is not
                    self._next_breath = time.monotonic() + 0.05
                if self.stopped:
                    return
        except (KeyboardInterrupt, asyncio.CancelledError):
            self.stopped = True

    def __exit__(self, *error: object) -> None:
        self._answering.__exit__(None, None, None)
        picture = self._draw()
        self._handle.update({"image/png": picture, "text/plain": self._progress()}, raw=True)
        if self.stopped:
            whole = len(self.run.measured)
            kept = f"{whole} whole epochs are kept" if whole else "no epoch is played to its end"
            print(f"stopped; {kept}. Run this cell again to go on, and then the cells below it.")

    def _refresh(self) -> None:
        self._says.value = self._progress()
        now = time.monotonic()
        if now > self._next_frame:
            self._draw()
            took = time.monotonic() - now
            self._next_frame = time.monotonic() + max(2.0, 9 * took)

    def _draw(self) -> bytes:
        picture = png(lambda figure: self.draw(figure, self.run), self.size)
        self._image.value = picture
        return picture

    def _progress(self) -> str:
        seconds = time.monotonic() - self._started
        where = f"stopped in epoch {self.run.epoch}" if self.stopped else f"epoch {self.run.epoch}"
        return f"{where}, {self._rounds} rounds in {seconds:.0f} s"


def explorer(
    game: Game | nn.Module,
    y: Tensor | None = None,
    *,
    directions: int = 5,
    seed: int = 0,
    value_range: tuple[float, float] = (-1.0, 1.0),
) -> None:
    """Sliders that move one z through the latent space, and the image G makes of it.

    The sliders go along the `directions` in which the image changes most; without a front end the same walks are a
    static grid, one direction a row. game: whose G, or a generator by itself in evaluation mode. y: a label (1,) for a
    conditional G. value_range: what black and white are.
    """
    G = drawing(game)
    step = leading_directions(G, y)[:directions]  # (directions, Z)
    start = torch.randn(1, step.shape[1], generator=torch.Generator().manual_seed(seed))
    sliders = [
        ipywidgets.FloatSlider(min=-4, max=4, step=0.1, description=f"direction {i}") for i in range(1, len(step) + 1)
    ]
    view = ipywidgets.Image(format="png", width=256, height=256)

    def move(_: object = None) -> None:
        offset = torch.tensor([[slider.value for slider in sliders]]) @ step
        view.value = image_png(images(G, start + offset, y), 256, value_range)

    for slider in sliders:
        slider.observe(move, "value")
    move()

    def chart(figure: Figure) -> None:
        title = "one direction a row, from -4 to 4 along it"
        plots.grid(figure.subplots(), walks(G, start, step, y), nrow=9, value_range=value_range, title=title)

    show(ipywidgets.HBox([ipywidgets.VBox(sliders), view]), png(chart, (8, 4.6)))


def class_explorer(
    game: Game | nn.Module,
    classes: Sequence[str],
    *,
    directions: int = 4,
    seed: int = 0,
    value_range: tuple[float, float] = (-1.0, 1.0),
) -> None:
    """Choose a class, move its z, and go over to another class with the same z.

    G has to take shares of the classes (N, K) in place of labels (N,), as those in `networks` do: between class a and
    class b they are (1 - t) for a and t for b. The sliders of z go along the `directions` in which images of the first
    class change most. Without a front end the same is a static grid: for each class its first direction, and the way
    to the next class. game: whose G, or a generator by itself in evaluation mode. classes: their K names. value_range:
    what black and white are.
    """
    K, G = len(classes), drawing(game)
    steps = [leading_directions(G, torch.tensor([k]))[:directions] for k in range(K)]  # K times (directions, Z)
    start = torch.randn(1, steps[0].shape[1], generator=torch.Generator().manual_seed(seed))
    names = [(name, k) for k, name in enumerate(classes)]
    this = ipywidgets.Dropdown(options=names, value=0, description="draw")
    other = ipywidgets.Dropdown(options=names, value=1 % K, description="towards")
    way = ipywidgets.FloatSlider(min=0, max=1, step=0.05, description="how far")
    sliders = [
        ipywidgets.FloatSlider(min=-4, max=4, step=0.1, description=f"direction {i + 1}") for i in range(len(steps[0]))
    ]
    view = ipywidgets.Image(format="png", width=256, height=256)

    def move(_: object = None) -> None:
        z = start + torch.tensor([[slider.value for slider in sliders]]) @ steps[this.value]
        y = between(this.value, other.value, torch.tensor([way.value]), K)
        view.value = image_png(images(G, z, y), 256, value_range)

    for control in (this, other, way, *sliders):
        control.observe(move, "value")
    move()

    def chart(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        moved = torch.cat([walks(G, start, steps[k][:1], torch.tensor([k])) for k in range(K)])
        plots.grid(left, moved, nrow=9, value_range=value_range, title="a class a row, from -4 to 4 along direction 1")
        ways = torch.cat([between(k, (k + 1) % K, torch.linspace(0, 1, 9), K) for k in range(K)])
        crossed = images(G, start.expand(len(ways), -1), ways)
        plots.grid(right, crossed, nrow=9, value_range=value_range, title="one z, from each class to the next")

    show(ipywidgets.HBox([ipywidgets.VBox([this, other, way, *sliders]), view]), png(chart, (11, 0.6 * K + 0.4)))


def between(a: int, b: int, t: Tensor, classes: int) -> Tensor:
    """Shares of the classes on the way from a to b, at t (N,) between 0 and 1: (1 - t) one_hot(a) + t one_hot(b)."""
    corner = torch.eye(classes)
    return (1 - t[:, None]) * corner[a] + t[:, None] * corner[b]


def drawing(game: Game | nn.Module) -> nn.Module:
    """The generator that draws. Raises ValueError, as `settled` does, if it is in training mode."""
    return generator_of(game) if isinstance(game, Game) else settled(game)


@torch.no_grad()
def images(G: nn.Module, z: Tensor, y: Tensor | None = None) -> Tensor:
    """G's images for the noise z (N, Z) and labels y (N,)."""
    device = next(G.parameters()).device
    x: Tensor = asked(G, z.to(device), None if y is None else y.to(device))
    return x


def walks(G: nn.Module, start: Tensor, step: Tensor, y: Tensor | None = None) -> Tensor:
    """G's images of start + t * direction for nine t from -4 to 4, one direction after another."""
    t = torch.linspace(-4, 4, 9)
    z = (start + t[None, :, None] * step[:, None, :]).flatten(0, 1)  # (directions * 9, Z)
    return images(G, z, None if y is None else y.expand(len(z)))


def leading_directions(G: nn.Module, y: Tensor | None = None, n: int = 1024) -> Tensor:
    """Unit vectors in latent space, (Z, Z), the one along which the image changes most on average first.

    They are the singular vectors of the linear map A that fits G best, min_A sum |x - mean x - (z - mean z) A|^2, over
    n draws of z and their images x = G(z).
    """
    z = torch.randn(n, z_dim_of(G), generator=torch.Generator().manual_seed(0))
    x = images(G, z, None if y is None else y.expand(n)).flatten(1).cpu()
    A = torch.linalg.lstsq(z - z.mean(0), x - x.mean(0)).solution  # (Z, C * H * W)
    directions: Tensor = torch.linalg.svd(A, full_matrices=False).U.T
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return directions * largest.sign()  # a singular vector has no sign of its own, and svd may flip it


def image_png(image: Tensor, side: int, value_range: tuple[float, float]) -> bytes:
    """One image (1, C, H, W) as the PNG of a square with this side in pixels, each pixel of the image a block."""
    out = io.BytesIO()
    plots.in_blocks(image[0], side, value_range).save(out, format="png")
    return out.getvalue()
