"""What is being fitted, of how many, and how long the rest takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

__all__ = ["FitProgress", "Say"]

Say = Callable[[str], None]

_MINUTE: Final = 60
_HOUR: Final = 3600


class FitProgress:
    """Tells of each fit before it begins; the time left is by the mean of those before."""

    def __init__(self, n: int, say: Say, now: Callable[[], float] = time.monotonic) -> None:
        """Begins.

        Args:
            n: Fits there will be.
            say: Is told.
            now: A clock, in seconds.
        """
        self._n, self._say, self._now = n, say, now
        self._began, self._done = now(), 0

    def begin(self, words: str) -> None:
        """Tells that the next fit begins."""
        left = ""
        if self._done:
            mean = (self._now() - self._began) / self._done
            left = f"; about {_duration(mean * (self._n - self._done))} left"
        self._done += 1
        self._say(f"fit {self._done} of {self._n}: {words}{left}")


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{round(seconds)} s"
    if seconds < _HOUR:
        return f"{round(seconds / _MINUTE)} min"
    return f"{seconds / _HOUR:.1f} h"
