"""For notebooks: rows, the report's tables and the answers as data frames, and the forest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.answer_sets import answers as fitted
from diffgauge.stats.answers_page import answers_section
from diffgauge.stats.evidence import mark
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import read_logs
from diffgauge.stats.report_contents import tables_of
from diffgauge.stats.row_files import typed_frame
from diffgauge.stats.rows import as_frame, rows_of
from diffgauge.stats.tables import Table, as_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["answers", "forest", "rows", "tables"]

_VALUE: Final = "value"
_PARTS: Final = ("low", "high", "n", "n_organisms", "n_missing", "worst", "best", "chance")
"""What stands beside an estimate's value, each in a column ``<name>_<part>``."""

Logs = Sequence[str | Path]


def rows(logs: Logs) -> DataFrame:
    """Returns the rows of logs, the columns with the types of `records.rows.Row`.

    Args:
        logs: As in `logs.read_logs`.

    Returns:
        One row for each sample × epoch × grader × repeat.

    Raises:
        DiffgaugeError: There are no logs, or none can be read.
    """
    return typed_frame(rows_of(read_logs(logs)))


def tables(logs: Logs) -> dict[str, DataFrame]:
    """Returns the tables of `diffgauge report`, without models, by their names in `report.json`.

    Args:
        logs: As in `logs.read_logs`.

    Returns:
        The report's columns. An estimate is the number of its column; ``<column>_low`` and
        ``_high`` are the ends of its 90 % interval, and ``_n``, ``_n_organisms``, ``_n_missing``,
        ``_worst``, ``_best`` and ``_chance`` stand beside. What is undefined is missing. The
        mark of a table stands in its ``attrs["evidence"]``.

    Raises:
        DiffgaugeError: There are no logs, or none can be read.
    """
    read = read_logs(logs)
    return {table.name: _frame(table) for table in tables_of(rows_of(read), read)}


def answers(
    logs: Logs,
    *,
    engine: str = "auto",
    deep: bool = False,
    say: Callable[[str], None] | None = None,
) -> dict[str, DataFrame]:
    """Fits the models and returns their tables, as `tables` does.

    Args:
        logs: As in `logs.read_logs`.
        engine: As in `answer_sets.answers`.
        deep: As there.
        say: As there.

    Returns:
        By name, e.g. ``uplift_good_grades``; nothing where nothing is graded.

    Raises:
        DiffgaugeError: There are no logs, none can be read, or the engine is not there or fails.
    """
    held = rows_of(read_logs(logs))
    found = fitted(as_frame(held), engine=engine, deep=deep, say=say)
    graded = [row for row in held if row.graded]
    section = answers_section(found, as_frame(graded), mark(graded or held))
    return {table.name: _frame(table) for table in section.tables}


def _frame(table: Table) -> DataFrame:
    import pandas as pd

    lines: list[dict[str, Any]] = []
    estimated = {
        name for line in table.rows for name, one in line.items() if isinstance(one, Estimate)
    }
    for line in table.rows:
        made: dict[str, Any] = {}
        for column in table.columns:
            value = as_json(line.get(column.key))
            if column.key not in estimated:
                made[column.key] = value
                continue
            held = value or {}
            made[column.key] = held.get(_VALUE)
            made |= {f"{column.key}_{part}": held.get(part) for part in _PARTS}
        lines.append(made)
    frame = pd.DataFrame(lines)
    frame.attrs |= {"title": table.title, "evidence": table.evidence}
    return frame


def forest(
    frame: DataFrame, value: str = "new", label: Sequence[str] = ("arm", "reference")
) -> Figure:
    """Draws one column of a table with its intervals, a line for each row.

    Args:
        frame: Of `answers` (``uplift_…``) or `tables`.
        value: The column.
        label: Columns that name a line.

    Returns:
        The figure; a line without a value or an interval says so. A notebook shows it.

    Raises:
        DiffgaugeError: The table has no such column.
    """
    from matplotlib.figure import Figure

    wanted = [*label, value, f"{value}_low", f"{value}_high"]
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        raise DiffgaugeError(
            f"The table has no column {', '.join(missing)}.", allowed=", ".join(frame.columns)
        )
    figure = Figure(figsize=(7.2, 1.2 + 0.45 * len(frame)), layout="constrained")
    axis = figure.subplots()
    axis.axvline(0, color="#222222", lw=0.9)
    for at, (found, low, high) in enumerate(frame[wanted[len(label) :]].astype(float).to_numpy()):
        if found != found:
            axis.text(0, at, "no value", va="center", ha="center", fontsize=8, color="#666666")
            continue
        axis.plot([low, high], [at, at], lw=2.2, color="#0072B2")
        axis.plot([found], [at], "o", color="#0072B2")
    axis.set_yticks(
        range(len(frame)), [" − ".join(map(str, one)) for one in frame[list(label)].to_numpy()]
    )
    axis.set_ylim(len(frame) - 0.4, -0.6)
    axis.set_xlabel(f"{value}, 90 % intervals")
    axis.set_title(str(frame.attrs.get("evidence", "")), fontsize=9)
    return figure
