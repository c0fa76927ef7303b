"""A grader's validation as files, and the lines of it that a terminal has room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from diffgauge.records.validations import ValidationRow
from diffgauge.stats.table_files import page_data, page_markdown, write_page
from diffgauge.stats.tables import Table
from diffgauge.stats.validation_tables import validation_mark, validation_tables

__all__ = ["CAUTION", "validation_data", "validation_shown", "write_validation"]

CAUTION: Final = (
    "The labels follow from how the reports were put together; no human gave them. They say how "
    "a grader applies the rubrics to reports of known content, not whether the rubrics ask the "
    "right questions."
)
_TITLE: Final = "What a grader gives reports of known content"
_IN_TERMINAL: Final = ("agreement", "wordings")


def write_validation(
    rows: Sequence[ValidationRow], about: Mapping[str, Any], command: str, out: Path
) -> tuple[Path, Path]:
    """Writes ``validation.md`` and ``validation.json``.

    Args:
        rows: Grades of the validation set.
        about: What was graded by what, as plain JSON values.
        command: The command that does it again.
        out: Folder to write into.

    Returns:
        Where they stand.

    Raises:
        DiffgaugeError: The folder cannot be written.
    """
    lead = [f"`{validation_mark(rows)}`", CAUTION]
    markdown = page_markdown(_TITLE, lead, command, validation_tables(rows), _notes(rows))
    return write_page(out, "validation", markdown, validation_data(rows, about, command))


def validation_data(
    rows: Sequence[ValidationRow], about: Mapping[str, Any], command: str
) -> dict[str, Any]:
    """Returns a validation as plain JSON values. Arguments as in `write_validation`."""
    return page_data(
        validation_mark(rows),
        [CAUTION],
        command,
        about,
        validation_tables(rows),
        _notes(rows),
        [row.model_dump(mode="json") for row in rows],
    )


def validation_shown(rows: Sequence[ValidationRow]) -> list[Table]:
    """Returns the tables that are printed; the rest stands in the files."""
    return [table for table in validation_tables(rows) if table.name in _IN_TERMINAL]


def _notes(rows: Sequence[ValidationRow]) -> list[str]:
    """Returns why reports have no grade, with counts."""
    problems: dict[tuple[str, str], int] = {}
    for row in rows:
        if row.grade is None:
            key = (row.grader, row.problem or "no reason was given")
            problems[key] = problems.get(key, 0) + 1
    return [
        f"{grader} gave no grade {count} times: {problem}"
        for (grader, problem), count in sorted(problems.items())
    ]
