"""Errors a user can act on: what was asked, what was found, what is allowed, what to do."""

import difflib
from collections.abc import Iterable

__all__ = ["DiffgaugeError", "UnknownNameError", "unknown_name"]

_LISTED = 30
"""Names listed in full; a longer list is cut and says by how many."""


class DiffgaugeError(Exception):
    """A failure that the user can mend. Its text is complete: nothing else need be printed.

    Args:
        what: What was asked and what was found, one sentence.
        allowed: What would have been accepted, or None when that is no list.
        advice: What to do next, or None when `what` already says so.
    """

    def __init__(self, what: str, *, allowed: str | None = None, advice: str | None = None) -> None:
        self.what = what
        self.allowed = allowed
        self.advice = advice
        parts = [what]
        if allowed is not None:
            parts.append(f"Allowed: {allowed}.")
        if advice is not None:
            parts.append(advice)
        super().__init__(" ".join(parts))


class UnknownNameError(DiffgaugeError):
    """A name that no registry holds."""


def unknown_name(kind: str, asked: str, known: Iterable[str]) -> UnknownNameError:
    """Builds the error for a name that is not known, with the nearest ones that are.

    Args:
        kind: What the name names, singular, e.g. "organism".
        asked: The name as it was given.
        known: All names that would have been accepted.

    Returns:
        The error, to be raised by the caller.
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(asked, names, n=3, cutoff=0.7)
    listed = ", ".join(names[:_LISTED]) or "none"
    if len(names) > _LISTED:
        listed += f", and {len(names) - _LISTED} more"
    advice = f"Did you mean {' or '.join(repr(name) for name in near)}?" if near else None
    return UnknownNameError(f"Unknown {kind} {asked!r}.", allowed=listed, advice=advice)
