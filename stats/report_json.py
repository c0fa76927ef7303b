"""A report as JSON: the same sentences and tables as data, undefined values null."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from diffgauge.stats.parts import Page, Picture
from diffgauge.stats.rendering import table_json

__all__ = ["report_json"]

_LINES: Final = 4
"""Depth to which values stand on lines of their own: that of a table's rows."""


def report_json(page: Page, held: Mapping[str, Any], endings: Sequence[str]) -> str:
    """Returns the twin of a page.

    Args:
        page: The page.
        held: What stands beside its tables and figures, as plain JSON values.
        endings: Of the files of a figure.
    """
    whole = {
        "evidence": page.evidence,
        "caution": page.caution,
        **held,
        "tables": {table.name: table_json(table) for table in page.tables},
        "figures": {one.name: _figure(one, endings) for one in page.pictures},
    }
    return _laid_out(whole) + "\n"


def _figure(one: Picture, endings: Sequence[str]) -> dict[str, Any]:
    return {
        "files": [f"{one.name}.{ending}" for ending in endings],
        "evidence": one.evidence,
        "text": one.text,
        "doubt": one.doubt or None,
    }


def _laid_out(value: Any, depth: int = 0) -> str:
    """Returns JSON with a row of a table on each line: small, and yet shown by a comparison."""
    if depth == _LINES or not value or not isinstance(value, dict | list):
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    if isinstance(value, dict):
        inner = [f"{json.dumps(name)}: {_laid_out(one, depth + 1)}" for name, one in value.items()]
    else:
        inner = [_laid_out(one, depth + 1) for one in value]
    pad = " " * (depth + 1)
    start, end = "{}" if isinstance(value, dict) else "[]"
    lines = f",\n{pad}".join(inner)
    return f"{start}\n{pad}{lines}\n{' ' * depth}{end}"
