"""Identifiers: what may stand in one, and how one becomes a path without leaving its root."""

import re
from pathlib import Path

from diffgauge.records.errors import DiffgaugeError

__all__ = ["SEGMENT", "check_id", "path_inside"]

SEGMENT = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_GRAMMAR = re.compile(r"[/@:+]")
_LONGEST = 200


def check_id(value: str) -> str:
    """Returns the id unchanged when every segment between `/ @ : +` is well formed.

    Args:
        value: The id as given, e.g. ``zoo/submarine`` or ``cake_bake@qwen3-1.7b:mix1-0p5``.

    Returns:
        The same id.

    Raises:
        DiffgaugeError: A segment is empty, has other characters, or the id is too long.
    """
    segments = _GRAMMAR.split(value)
    if len(value) > _LONGEST or not all(SEGMENT.fullmatch(part) for part in segments):
        shown = value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
        raise DiffgaugeError(
            f"{shown!r} is not an id.",
            allowed="lower-case segments of a-z, 0-9, '_', '.', '-' that begin with a letter or "
            "a digit, joined by '/', '@', ':' or '+', 200 characters at most",
        )
    return value


def path_inside(root: Path, value: str, suffix: str = "") -> Path:
    """Joins an id to a folder and refuses what would resolve outside of it.

    Args:
        root: The folder nothing may leave.
        value: An id; its ``/`` become folders, other grammar characters become ``__``.
        suffix: Appended to the last segment, e.g. ``.yaml``.

    Returns:
        The path, not resolved, whether or not it exists.

    Raises:
        DiffgaugeError: The id is malformed, or the path resolves outside `root`.
    """
    check_id(value)
    relative = re.sub(r"[@:+]", "__", value) + suffix
    path = root / relative
    if not path.resolve().is_relative_to(root.resolve()):
        raise DiffgaugeError(f"The id {value!r} resolves outside its folder.")
    return path
