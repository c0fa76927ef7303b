"""Checks of a task's arguments: Inspect hands over whatever was typed."""

import math
from typing import Any, Final

from diffgauge.records.errors import DiffgaugeError

__all__ = ["check_flag", "check_money", "check_number", "not_allowed"]

_MOST_MONEY: Final = 1_000_000


def check_number(name: str, value: Any, least: int, most: int) -> None:
    """Refuses what is no whole number from `least` to `most`; a flag is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise not_allowed(name, value, f"a whole number from {least} to {most}")


def check_money(value: Any) -> None:
    """Refuses what is neither None nor a sum above 0."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = number and math.isfinite(value) and 0 < value <= _MOST_MONEY
    if value is not None and not fits:
        raise not_allowed("money", value, f"US dollars above 0, at most {_MOST_MONEY}")


def check_flag(name: str, value: Any) -> None:
    """Refuses what is neither true nor false."""
    if not isinstance(value, bool):
        raise not_allowed(name, value, "true or false")


def not_allowed(name: str, value: Any, allowed: str) -> DiffgaugeError:
    """Returns the error that says what an argument was given as, and what it may be."""
    return DiffgaugeError(f"The argument {name} was given as {value!r}.", allowed=allowed)
