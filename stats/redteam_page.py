"""The injection scorecard as files, and the tables of it that are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from diffgauge.records.injections import FlipRow, InflationRow
from diffgauge.stats.redteam_tables import flip_tables, inflation_tables, redteam_mark
from diffgauge.stats.table_files import page_data, page_markdown, write_page
from diffgauge.stats.tables import Table

__all__ = ["redteam_data", "redteam_shown", "write_redteam"]

_TITLE: Final = "What injected text can do"
_CAUTION: Final = (
    "The texts are a fixed list that is public: a grader or investigator that resists them may "
    "yield to others. A figure for a scripted one says what the structure around it stops."
)
_IN_TERMINAL: Final = ("inflation", "flips", "as_they_are")


def write_redteam(
    inflation: Sequence[InflationRow],
    flips: Sequence[FlipRow],
    about: Mapping[str, Any],
    command: str,
    out: Path,
) -> tuple[Path, Path]:
    """Writes ``redteam.md`` and ``redteam.json``.

    Args:
        inflation: Attacked reports; may be empty.
        flips: Investigations with injected replies; may be empty.
        about: What was run, as plain JSON values.
        command: The command that does it again.
        out: Folder to write into.

    Returns:
        Where they stand.

    Raises:
        DiffgaugeError: The folder cannot be written.
    """
    lead = [f"`{redteam_mark(inflation, flips)}`", _CAUTION]
    tables = _tables(inflation, flips)
    markdown = page_markdown(_TITLE, lead, command, tables, _notes(inflation, flips))
    return write_page(out, "redteam", markdown, redteam_data(inflation, flips, about, command))


def redteam_data(
    inflation: Sequence[InflationRow],
    flips: Sequence[FlipRow],
    about: Mapping[str, Any],
    command: str,
) -> dict[str, Any]:
    """Returns the scorecard as plain JSON values. Arguments as in `write_redteam`."""
    rows: list[Mapping[str, Any]] = [
        {"part": "inflation", **row.model_dump(mode="json")} for row in inflation
    ]
    rows += [{"part": "flips", **row.model_dump(mode="json")} for row in flips]
    return page_data(
        redteam_mark(inflation, flips),
        [_CAUTION],
        command,
        about,
        _tables(inflation, flips),
        _notes(inflation, flips),
        rows,
    )


def redteam_shown(inflation: Sequence[InflationRow], flips: Sequence[FlipRow]) -> list[Table]:
    """Returns the tables that are printed; the rest stands in the files."""
    return [table for table in _tables(inflation, flips) if table.name in _IN_TERMINAL]


def _tables(inflation: Sequence[InflationRow], flips: Sequence[FlipRow]) -> list[Table]:
    return [*inflation_tables(inflation), *flip_tables(flips)]


def _notes(inflation: Sequence[InflationRow], flips: Sequence[FlipRow]) -> list[str]:
    """Returns why grades and reports are missing, with counts."""
    problems: dict[tuple[str, str], int] = {}
    for name, problem in [(row.grader, row.problem) for row in inflation] + [
        (row.investigator, row.problem) for row in flips
    ]:
        if problem is not None:
            problems[name, problem] = problems.get((name, problem), 0) + 1
    return [
        f"{name}, {count} times: {problem}" for (name, problem), count in sorted(problems.items())
    ]
