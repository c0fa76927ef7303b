"""A static evaluation as files: a page in Markdown, the figure, and the rows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from diffgauge.records.exposures import ExposureRow
from diffgauge.records.folders import write_files
from diffgauge.records.printing import neutralised
from diffgauge.stats.exposure_figure import described, drawn
from diffgauge.stats.exposure_tables import exposure_mark, exposure_tables, in_words
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.markdown import in_markdown, table_markdown
from diffgauge.stats.rendering import shown, table_json
from diffgauge.stats.spreadsheets import csv_safe
from diffgauge.stats.tables import Table, Value

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["ExposurePage", "as_json", "write_exposure"]

_IN_TERMINAL: Final = {
    "part": "",
    "scope": "",
    "auroc_net": "AUROC, net",
    "term_recall_net": "term recall, net",
    "fact_recall_net": "key facts, net",
    "first": "card first",
}
"""Columns of the main table that a terminal has room for."""

_CAUTION: Final = (
    "These figures say what stands in artifacts, by words. That an investigator finds it, or that "
    "a method does as well on larger models, they do not say."
)


@dataclass(frozen=True)
class ExposurePage:
    """What was written.

    Attributes:
        files: ``exposure.md``, ``exposure.json``, ``exposure.csv``, ``exposure.parquet``,
            ``exposure.png`` and ``exposure.svg``.
        evidence: The mark.
        lines: The main table without small print, to be printed in a terminal.
    """

    files: tuple[Path, ...]
    evidence: str
    lines: tuple[str, ...]


def write_exposure(
    rows: Sequence[ExposureRow],
    about: Mapping[str, Any],
    notes: Sequence[str],
    command: str,
    out: Path,
) -> ExposurePage:
    """Writes an evaluation; each file is there completely or not at all.

    Args:
        rows: Of one method, corpus and seed.
        about: What was evaluated with what, as plain JSON values.
        notes: What a reader should know.
        command: The command that does it again.
        out: Folder to write into; made where it is not there.

    Returns:
        What was written.

    Raises:
        DiffgaugeError: `out` cannot be written.
    """
    tables = exposure_tables(rows)
    svg, png = drawn(rows)
    data = as_json(rows, about, notes, command)
    frame = _frame(rows)
    contents: dict[str, bytes] = {
        "exposure.md": _markdown(rows, tables, notes, command).encode(),
        "exposure.json": (json.dumps(data, indent=1, allow_nan=False) + "\n").encode(),
        "exposure.csv": frame.map(csv_safe).to_csv(index=False).encode(),
        "exposure.parquet": frame.to_parquet(index=False),
        "exposure.png": png,
        "exposure.svg": svg.encode(),
    }
    files = write_files(out, contents, "The evaluation", "Name another folder with --out.")
    return ExposurePage(
        files=tuple(files),
        evidence=exposure_mark(rows),
        lines=_lines(tables),
    )


def _lines(tables: Sequence[Table]) -> tuple[str, ...]:
    """Returns the main columns of the main table; each is as wide as its longest value."""
    main = next(table for table in tables if table.name == "exposure")
    grid = [[*list(_IN_TERMINAL.values())[:2], "n", *list(_IN_TERMINAL.values())[2:]]]
    for row in main.rows:
        cells = [_short(row.get(name)) for name in _IN_TERMINAL]
        recall = row["term_recall"]
        n = str(recall.n_organisms) if isinstance(recall, Estimate) else ""
        grid.append([*cells[:2], n, *cells[2:]])
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    return tuple(
        neutralised(
            "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        )
        for cells in grid
    )


def _short(value: Value) -> str:
    if isinstance(value, Estimate) and math.isnan(value.value):
        return "–"
    return shown(value)[0].replace(" [undefined]", "")


def as_json(
    rows: Sequence[ExposureRow], about: Mapping[str, Any], notes: Sequence[str], command: str
) -> dict[str, Any]:
    """Returns an evaluation as plain JSON values; what is missing is null.

    Args: As in `write_exposure`.
    """
    return {
        "evidence": exposure_mark(rows),
        "caution": _CAUTION,
        "command": command,
        "about": dict(about),
        "notes": list(notes),
        "words": in_words(rows),
        "tables": {table.name: table_json(table) for table in exposure_tables(rows)},
        "figure": {"file": "exposure.svg", "text": described(rows)},
        "rows": [row.model_dump(mode="json") for row in rows],
    }


def _frame(rows: Sequence[ExposureRow]) -> DataFrame:
    import pandas as pd

    return pd.DataFrame([row.model_dump() for row in rows], columns=list(ExposureRow.model_fields))


def _markdown(
    rows: Sequence[ExposureRow], tables: Sequence[Table], notes: Sequence[str], command: str
) -> str:
    methods = ", ".join(sorted({row.method for row in rows}))
    parts = [
        f"# What the artifacts of {methods} show",
        f"`{exposure_mark(rows)}`",
        _CAUTION,
        f"```\n{command}\n```",
        "\n".join(f"- {neutralised(one)}" for one in in_words(rows)),
        f"![{in_markdown(described(rows))}](exposure.png)",
        *(table_markdown(table) for table in tables),
    ]
    if notes:
        parts.append("## Notes\n\n" + "\n".join(f"- {in_markdown(note)}" for note in notes))
    return "\n\n".join(parts) + "\n"
