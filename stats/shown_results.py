"""A tool's answer as lines that a person reads; anything else as it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from diffgauge.records.results import (
    FreeText,
    RankedStrings,
    RankedTokens,
    Result,
    Samples,
    Scalars,
)

__all__ = ["in_lines"]

_RESULTS: Final[TypeAdapter[tuple[Result, ...]]] = TypeAdapter(tuple[Result, ...])
_REPLY: Final = "    "


def in_lines(text: str) -> tuple[str, str]:
    """Returns (what it is in a line, the whole of it) of an answer.

    Args:
        text: JSON of a `ToolResult`, or any text.
    """
    try:
        held = json.loads(text)
        results = _RESULTS.validate_json(json.dumps(held["results"]))
    except (ValueError, ValidationError, TypeError, KeyError):
        lines = text.splitlines() or [""]
        return lines[0], text
    named = "; ".join(dict.fromkeys(_named(result) for result in results)) or "nothing"
    parts = ["\n".join([f"── {_named(one)}", *_lines(one)]) for one in results]
    return named, "\n\n".join([*parts, *_after(held)])


def _named(result: Result) -> str:
    toward, away = result.contrast.toward, result.contrast.away_from
    if toward is None:
        return result.title
    return f"{result.title}, toward {toward}" + (f", away from {away}" if away else "")


def _lines(result: Result) -> Iterator[str]:
    if isinstance(result, RankedTokens):
        yield "  ".join(f"{item.token!r} {item.score:.3g}" for item in result.items)
    elif isinstance(result, RankedStrings):
        yield from (f"{item.score:.3g}  {item.text}" for item in result.items)
    elif isinstance(result, FreeText):
        yield result.text
    elif isinstance(result, Scalars):
        for number in result.items:
            value = "undefined" if number.value is None else f"{number.value:.4g}"
            yield f"{number.name}: {value}"
    elif isinstance(result, Samples):
        yield from _replies(result)
    else:
        yield result.model_dump_json(indent=1, include={"items"})
    if result.note:
        yield f"note: {result.note}"
    if result.truncated:
        yield "(shortened)"


def _replies(result: Samples) -> Iterator[str]:
    before = None
    for item in result.items:
        if item.prompt != before:
            yield f"» {item.prompt}"
            before = item.prompt
        how = f" ({item.condition})" if item.condition else ""
        reply = item.reply.replace("\n", f"\n{_REPLY}")
        yield f"{_REPLY}{item.model}{how}: {reply}"


def _after(held: dict[str, Any]) -> Iterator[str]:
    """Yields what stands beside the results: what was left out, and what is left to spend."""
    if isinstance(held.get("cut"), str):
        yield held["cut"]
    left = held.get("remaining")
    if isinstance(left, dict) and "interactions" in left:
        yield f"left: {left['interactions']} of {left.get('of')} interactions"
