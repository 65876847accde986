"""Sentences of a notebook that state a result, held to the numbers that the notebook computes."""

from typing import Any, NamedTuple

from gan_lab.measure.seeds import finding

DOES_NOT_HOLD = "Does not hold here: "


class Claim(NamedTuple):
    """A sentence, whether it holds, and each number over seeds that it rests on: n, value, low, high, its verdict."""

    sentence: str
    holds: bool
    numbers: list[tuple[int, float, float, float, str]]


made: list[Claim] = []  # by this process, in their order; a notebook's go into results/README.md when it is refreshed


def claim(sentence: str, holds: bool, *found: Any) -> None:
    """Print nothing if a sentence of the text holds for the numbers of this run; else say that it does not.

    Every sentence holds with the notebook's own parameters. With others, or with images of your own, one may not: then
    this tells you which. holds: a bool, also NumPy's, pandas' or PyTorch's; a comparison with NaN is False.
    found: where the sentence rests on several seeds, the rows of `seeds.paired` or the `seeds.Estimate`s that say so,
    for the table of all claims.
    Raises TypeError if `holds` is anything else.
    """
    value = holds.item() if hasattr(holds, "item") and getattr(holds, "shape", ()) == () else holds
    if not isinstance(value, bool):
        what = "write a comparison, and say .all() or .any() where it has several answers"
        raise TypeError(f"whether a sentence holds is True or False, not a {type(holds).__name__}: {what}")
    sentence = " ".join(sentence.split())
    made.append(Claim(sentence, value, [_number(row) for row in found]))
    if not value:
        print(DOES_NOT_HOLD + sentence)


def _number(row: Any) -> tuple[int, float, float, float, str]:
    if hasattr(row, "verdict"):  # against a truth
        return int(row.seeds), float(row.mean), float(row.low), float(row.high), row.verdict
    return int(row.seeds), float(row.difference), float(row.low), float(row.high), finding(row)
