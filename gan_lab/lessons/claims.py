"""Sentences of a notebook that state a result, held to the numbers that the notebook computes."""

DOES_NOT_HOLD = "Does not hold here: "


def claim(sentence: str, holds: bool) -> None:
    """Print nothing if a sentence of the text holds for the numbers of this run; else say that it does not.

    Every sentence holds with the notebook's own parameters. With others, or with images of your own, one may not: then
    this tells you which. holds: a bool, also NumPy's, pandas' or PyTorch's; a comparison with NaN is False.
    Raises TypeError if it is anything else.
    """
    value = holds.item() if hasattr(holds, "item") and getattr(holds, "shape", ()) == () else holds
    if not isinstance(value, bool):
        what = "write a comparison, and say .all() or .any() where it has several answers"
        raise TypeError(f"whether a sentence holds is True or False, not a {type(holds).__name__}: {what}")
    if not value:
        print(DOES_NOT_HOLD + " ".join(sentence.split()))
