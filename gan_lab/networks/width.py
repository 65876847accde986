"""Narrower and wider versions of one architecture."""


def scaled(width: float, *channels: int) -> tuple[int, ...]:
    """Channel counts c multiplied by `width`: max(1, round(width c)).

    width: 1 is the network as published, 0.25 has a quarter of its channels and about a sixteenth of its weights.
    Raises ValueError unless width > 0.
    """
    if not width > 0:
        raise ValueError(f"width multiplies the channel counts: choose it above 0, not {width}")
    return tuple(max(1, round(width * c)) for c in channels)
