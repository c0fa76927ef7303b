"""Seeds made from seeds: one for each thing drawn, whatever the order of drawing."""

from diffgauge.records.artifacts import hash_json

__all__ = ["derived_seed"]

_BITS = 62


def derived_seed(*parts: int | str | float | None) -> int:
    """Returns a seed in [0, 2**62) that depends on every part and on nothing else.

    Args:
        parts: The parent seed and whatever tells this draw from others.
    """
    return int(hash_json(list(parts)), 16) % (1 << _BITS)
