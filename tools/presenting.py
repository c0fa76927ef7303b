"""Results as JSON of a limited size: always valid, what was cut always said."""

import json
import math
from collections.abc import Sequence
from typing import Any

from diffgauge.records.board import BoardEntry
from diffgauge.records.printing import neutralised
from diffgauge.records.results import Result
from diffgauge.records.tool_results import Remaining, ToolResult

__all__ = ["present", "with_board"]

_TEXT_LIMITS = (2000, 1200, 800, 500, 300, 200, 140, 100, 70, 50)
"""Characters a string is cut to, tried in turn before any item is left out."""

_PROMPT_CHARS = 200
"""Prompts are not cut below this: replies are told apart by them."""

_KEPT_NULLS = {"value"}
"""Fields where null is an answer; elsewhere it is left out as the default it is."""


def present(results: Sequence[Result], remaining: Remaining, max_chars: int) -> str:
    """Returns the JSON of a `ToolResult`, at most `max_chars` characters long.

    Long strings are shortened first, then items are left out from the end of the longest lists,
    then whole results from the end. What was shortened has `truncated` set, and `cut` says it in
    words. Control characters of models' texts are neutralised, undefined numbers are null.

    Args:
        results: Under the run's names already.
        remaining: What is left to spend.
        max_chars: At least 400.

    Returns:
        JSON that `ToolResult` parses.
    """
    assert max_chars >= 400, "no result fits below this"
    full = ToolResult(results=tuple(results), remaining=remaining)
    plain: dict[str, Any] = _plain(full.model_dump(mode="python"))
    text = _dumped(plain)
    if len(text) <= max_chars:
        return text
    shown: list[dict[str, Any]] = plain["results"]
    shortened: int | None = None
    for limit in _TEXT_LIMITS:
        shortened = limit
        plain["results"] = [_shortened(result, limit) for result in shown]
        if len(_dumped(plain | {"cut": _said(limit, None, 0)})) <= max_chars:
            plain["cut"] = _said(limit, None, 0)
            return _dumped(plain)
    return _fewer(plain, plain["results"], shortened, max_chars)


def with_board(text: str, entries: Sequence[BoardEntry]) -> str:
    """Adds hypotheses to a result, beyond its size: they displace nothing that was shown.

    Args:
        text: As `present` returns it.
        entries: What is shown of the board; nothing is added where there is none.

    Returns:
        JSON that `ToolResult` parses.
    """
    if not entries:
        return text
    shown = [_plain(entry.model_dump(mode="python")) for entry in entries]
    return _dumped(json.loads(text) | {"board": shown})


def _fewer(
    plain: dict[str, Any], shown: list[dict[str, Any]], shortened: int | None, max_chars: int
) -> str:
    """Leaves out items, then results, until it fits."""
    for n_results in range(len(shown), -1, -1):
        kept = shown[:n_results]
        longest = max((len(result.get("items", ())) for result in kept), default=0)
        low, high, best = 0, longest, None
        while low <= high:
            limit = (low + high) // 2
            candidate = plain | {
                "results": [_limited(result, limit) for result in kept],
                "cut": _said(shortened, limit if limit < longest else None, len(shown) - n_results),
            }
            text = _dumped(candidate)
            if len(text) <= max_chars:
                best, low = text, limit + 1
            else:
                high = limit - 1
        # A result all of whose items went says nothing; rather fewer results with items.
        if best is not None and (low > 1 or longest == 0 or n_results <= 1):
            return best
    return _dumped(plain | {"results": [], "cut": _said(None, None, len(shown))})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _plain(inner)
            for key, inner in value.items()
            if (inner is not None or key in _KEPT_NULLS) and key not in _unsaid(value)
        }
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return neutralised(value) if isinstance(value, str) else value


def _unsaid(result: dict[str, Any]) -> set[str]:
    """Returns a contrast that speaks of no model: it is the default, and takes room."""
    contrast = result.get("contrast")
    empty = isinstance(contrast, dict) and not any(contrast.values())
    return {"contrast"} if empty else set()


def _shortened(result: dict[str, Any], limit: int) -> dict[str, Any]:
    changed = False

    def cut(value: Any, key: str | None = None) -> Any:
        nonlocal changed
        if isinstance(value, dict):
            return {name: cut(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [cut(inner) for inner in value]
        longest = max(limit, _PROMPT_CHARS) if key == "prompt" else limit
        if isinstance(value, str) and len(value) > longest:
            changed = True
            return value[: longest - 1] + "…"
        return value

    body = {key: cut(result[key]) for key in ("items", "text") if key in result}
    return result | body | ({"truncated": True} if changed else {})


def _limited(result: dict[str, Any], limit: int) -> dict[str, Any]:
    items = result.get("items", [])
    if len(items) <= limit:
        return result
    return result | {"items": items[:limit], "truncated": True}


def _said(text_limit: int | None, item_limit: int | None, n_left_out: int) -> str:
    parts = []
    if text_limit is not None:
        parts.append(f"texts cut to {text_limit} characters")
    if item_limit is not None:
        parts.append(f"at most {item_limit} items shown of each result")
    if n_left_out:
        parts.append(f"{n_left_out} results left out")
    return f"Shortened to fit: {', '.join(parts)}. Ask for less at a time to see more."


def _dumped(plain: dict[str, Any]) -> str:
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
