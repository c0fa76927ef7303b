"""Logs to one long, typed table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diffgauge.records.rows import Row
from diffgauge.stats.logs import Logs, read_logs

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["as_frame", "rows", "rows_of"]


def rows(logs: Sequence[str | Path]) -> DataFrame:
    """Reads logs into a table of rows.

    Args:
        logs: As in `logs.read_logs`. Organisms' cards are not needed.

    Returns:
        One row for each sample × epoch × grader × repeat, columns as in `records.rows.Row`,
        sorted by arm, organism, epoch, grader and repeat. Missing values are missing, never 0.

    Raises:
        DiffgaugeError: There are no logs, none can be read, or none holds a sample of ours.
    """
    return as_frame(rows_of(read_logs(logs)))


def as_frame(rows: Sequence[Row]) -> DataFrame:
    """Returns rows as a table with the same columns whatever they hold."""
    import pandas as pd

    return pd.DataFrame([dict(row) for row in rows], columns=list(Row.model_fields))


def rows_of(read: Logs) -> list[Row]:
    """Returns the rows of samples that were read."""
    return [row for one in read.samples for row in one.rows]
