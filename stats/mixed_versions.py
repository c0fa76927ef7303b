"""What rows that are compared were made with, where that is not the same: said, never hidden."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from diffgauge.records.printing import neutralised
from diffgauge.records.rows import Row

__all__ = ["mixed_versions"]

_KINDS: Final[tuple[tuple[str, str, Callable[[Row], str | None]], ...]] = (
    ("task_version", "versions of the task", lambda row: row.task),
    ("diffgauge_version", "versions of diffgauge", lambda row: ""),
    (
        "method_version",
        "versions of the method",
        lambda row: None if row.diff_method == "none" else row.diff_method,
    ),
    ("prompt_hash", "prompts for the investigator", lambda row: ""),
    ("rubric_hash", "rubrics for", lambda row: row.family),
    ("grader_prompt_hash", "prompts for the graders", lambda row: ""),
)
"""A column, what its values are, and within what they should be one; None where it has no say."""


def mixed_versions(rows: Sequence[Row]) -> list[str]:
    """Returns a sentence for each thing that varies among rows which are compared.

    Args:
        rows: All rows. A log that does not say what it was made with is not held against others.
    """
    notes = []
    for column, words, part in _KINDS:
        held: dict[str, dict[str, set[str]]] = {}
        for row in rows:
            name, value = part(row), getattr(row, column)
            if name is not None and value is not None:
                held.setdefault(name, {}).setdefault(str(value), set()).add(row.log)
        notes += [
            f"Mixed {words}{' ' + name if name else ''}: {_listed(values)}. They are counted as "
            f"one; the column {column} of the rows tells them apart, and naming each as a set "
            "(NAME=PATH) compares them."
            for name, values in sorted(held.items())
            if len(values) > 1
        ]
    return notes


def _listed(values: dict[str, set[str]]) -> str:
    return neutralised(
        "; ".join(
            f"{value} in {len(logs)} log{'s' if len(logs) > 1 else ''} ({min(logs)}"
            f"{', …' if len(logs) > 1 else ''})"
            for value, logs in sorted(values.items())
        )
    )
