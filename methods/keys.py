"""Keys of what is kept on disk, as users name them, and what cut-off work has left there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from diffgauge.records.errors import DiffgaugeError, unknown_name

__all__ = ["one_key", "unfinished_bytes"]

_SHORTEST: Final = 4
"""Digits of a key that may stand for it."""


def one_key(asked: str, keys: Sequence[str], *, kind: str, several: str) -> str:
    """Returns the key that a user means.

    Args:
        asked: A key, or its first digits where they fit one alone.
        keys: Those there are.
        kind: What has such a key, e.g. ``artifact``.
        several: The same of several.

    Raises:
        DiffgaugeError: There is none, or several.
    """
    if asked in keys:
        return asked
    found = [key for key in keys if len(asked) >= _SHORTEST and key.startswith(asked)]
    if len(found) > 1:
        raise DiffgaugeError(
            f"{asked!r} begins the keys of {len(found)} {several}.", allowed=", ".join(found)
        )
    if not found:
        raise unknown_name(kind, asked, keys)
    return found[0]


def unfinished_bytes(root: Path) -> dict[str, int]:
    """Returns the bytes that cut-off work holds below a root, by key, sorted."""
    return {
        work.name: sum(file.stat().st_size for file in work.rglob("*") if file.is_file())
        for work in sorted(root.glob(".work/*"))
        if work.is_dir()
    }
