"""What a game is, a line a part: two games with one identity are one training, and other ones are two.

Weights and optimisers' moments do not count: they are what is trained. See `described` for what counts.
"""

from typing import Protocol

from torch.optim.swa_utils import AveragedModel

from gan_lab import training
from gan_lab.described import described, settings
from gan_lab.training import Game, Rules, bare, one_round


class Images(training.Images, Protocol):
    """Images that can be told from others: an `ImageSet`, or one with noise on it."""

    @property
    def value_range(self) -> tuple[float, float]: ...
    @property
    def fingerprint(self) -> str: ...


def identity(game: Game, images: Images, batch_size: int, seed: int, round: Rules | None = None) -> dict[str, str]:
    """What the outcome of a training depends on, one line a part, but for the weights that it begins with.

    Games that differ only in their first weights have one identity: give `seed` the number that these were drawn with,
    or name them in a fact of the `Run`.
    """
    rules = {"loss": game.loss, "penalty": game.penalty, "project": game.project, "round": round or one_round}
    low, high = images.value_range
    ours = type(images).__module__.startswith("gan_lab.")
    kind = "" if ours else f", {described(images)}"  # which may change what is seen
    return {
        "G": described(bare(game.G)),
        "D": described(bare(game.D)),
        **{name: described(rule) for name, rule in rules.items()},
        "opt_G": settings(game.opt_G),
        "opt_D": settings(game.opt_D),
        "average": average_of(game),
        **{name: described(part) for name, part in game.also.items()},
        "n_critic": str(game.n_critic),
        "batch_size": str(batch_size),
        "seed": str(seed),
        "precision": str(game.fabric.strategy.precision.precision),
        "images": f"{len(images)} images in [{low:g}, {high:g}] {images.fingerprint[:16]}{kind}",
    }


def average_of(game: Game) -> str:
    """How G's weights are averaged; "None" if they are not."""
    if game.average is None:
        return described(None)
    if type(game.average) is not AveragedModel:
        return described(type(game.average))
    how = game.average.multi_avg_fn or game.average.avg_fn or "all weights alike"
    return f"{described(how)}{', buffers too' if game.average.use_buffers else ''}"
