"""The strings inside a JSON value."""

from collections.abc import Iterator
from typing import Any

__all__ = ["strings"]


def strings(value: Any) -> Iterator[str]:
    """Yields every string of a JSON value, in order; names of fields are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
