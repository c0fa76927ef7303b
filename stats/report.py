"""Logs to a report that a person opens, and to the files that a program reads."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.rows import Row
from diffgauge.stats.accounting import accounting_table, claims_table, cost_table
from diffgauge.stats.answer_sets import answers
from diffgauge.stats.answers_page import Section, answers_section
from diffgauge.stats.cells import SAME, cells, false_positive_rate, null_kinds, sensitivity, top1
from diffgauge.stats.evidence import caution, mark
from diffgauge.stats.figures import description, draw
from diffgauge.stats.findings import claims
from diffgauge.stats.gap_figure import GapFigure, gap_figure
from diffgauge.stats.gap_table import gap_tables
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import Logs, command_of, read_logs
from diffgauge.stats.rendering import escaped, table_html, table_json, terminal_table
from diffgauge.stats.replication_tables import replication_table
from diffgauge.stats.rows import as_frame, rows_of
from diffgauge.stats.scales_table import scales_table
from diffgauge.stats.shams import sham_table
from diffgauge.stats.spreadsheets import csv_safe
from diffgauge.stats.tables import (
    Table,
    detection_table,
    family_table,
    headline_table,
    rubric_table,
    split_table,
)
from diffgauge.stats.ungraded import findings_table, said, ungraded_table

if TYPE_CHECKING:
    from rich.table import Table as RichTable

__all__ = ["ReportSummary", "tables_of", "write_report"]

_TEMPLATE: Final = Path(__file__).parent / "templates" / "report.html"
_IN_TERMINAL: Final = frozenset(
    {"headline", "rubric", "scales", "gap", "ungraded", "findings", "accounting", "cost"}
)
_NO_HEADLINE: Final = (
    "Nothing here is graded, so there is no headline: no pair has a truth, or no grades were asked "
    "for. What was claimed, and how consistently, stands below."
)
_MOST_COMMANDS: Final = 40


@dataclass(frozen=True)
class ReportSummary:
    """What was written.

    Attributes:
        page: The report as one self-contained page.
        files: Every file written, the page included.
        evidence: The mark of the whole report.
        headline: One sentence for each arm.
        answers: One sentence for each uplift that was modelled; empty where no engine was named.
        notes: What a reader should know of the logs.
        tables: The main tables, to be printed in a terminal.
    """

    page: Path
    files: tuple[Path, ...]
    evidence: str
    headline: tuple[str, ...]
    answers: tuple[str, ...]
    notes: tuple[str, ...]
    tables: tuple[RichTable, ...]


def tables_of(rows: Sequence[Row], read: Logs) -> list[Table]:
    """Returns every table of a report, in its order; graded ones where there are grades."""
    graded, found = _graded(rows), claims(read)
    tables = [
        *([headline_table(graded), detection_table(graded)] if graded else []),
        rubric_table(graded),
        scales_table(graded),
        *gap_tables(graded, read),
        sham_table(graded),
        *([split_table(graded), family_table(graded)] if graded else []),
        replication_table(rows),
        ungraded_table(rows, found),
        findings_table(rows, found),
        accounting_table(rows, read),
        cost_table(rows),
        claims_table(rows),
    ]
    return [table for table in tables if table is not None]


def _graded(rows: Sequence[Row]) -> list[Row]:
    """A pair without a truth is neither planted nor null: it stands in no graded figure."""
    return [row for row in rows if row.graded]


def write_report(
    logs: Sequence[str],
    out: Path,
    *,
    engine: str | None = None,
    deep: bool = False,
    say: Callable[[str], None] | None = None,
) -> ReportSummary:
    """Sums up logs and writes the report.

    Args:
        logs: ``.eval`` files or folders of them.
        out: Folder to write into; made where it is not there.
        engine: What fits the models behind the answers (`engines.choice.choose`); None fits none.
        deep: As in `answer_sets.answers`.
        say: Is told of each fit before it begins.

    Returns:
        What was written: ``index.html``, ``figure.svg``, ``figure.png``, ``report.json``,
        ``rows.csv`` and ``rows.parquet``; ``gap.svg`` and ``gap.png`` where the gap was scored;
        with an engine also ``forest.svg`` and ``forest.png`` where arms could be compared.

    Raises:
        DiffgaugeError: There is nothing to sum up (`read_logs`), `out` cannot be written, or the
            engine is not there or fails.
    """
    read = read_logs(logs)
    rows = rows_of(read)
    tables = tables_of(rows, read)
    section = None
    if engine is not None:
        found = answers(as_frame(rows), engine=engine, deep=deep, say=say)
        section = answers_section(found, as_frame(_graded(rows)), mark(_graded(rows) or rows))
    words = [*in_words(_graded(rows)), *said(rows, claims(read))]
    if not any(row.graded for row in rows):
        words.insert(0, _NO_HEADLINE)
    svg, png = draw(_graded(rows) or rows)
    gap = gap_figure(_graded(rows), read)
    frame = as_frame(rows)
    try:
        out.mkdir(parents=True, exist_ok=True)
        files = {name: out / name for name in _NAMES}
        files["figure.svg"].write_text(svg, encoding="utf-8")
        files["figure.png"].write_bytes(png)
        if gap is not None:
            files |= {name: out / name for name in ("gap.svg", "gap.png")}
            files["gap.svg"].write_text(gap.svg, encoding="utf-8")
            files["gap.png"].write_bytes(gap.png)
        for name, held in (section.figures if section else {}).items():
            files[name] = out / name
            files[name].write_bytes(held)
        text = _json(rows, read, tables, words, section)
        files["report.json"].write_text(text, encoding="utf-8")
        frame.to_parquet(files["rows.parquet"], index=False)
        frame.map(csv_safe).to_csv(files["rows.csv"], index=False)
        page = _page(rows, read, tables, words, svg, gap, section)
        files["index.html"].write_text(page, encoding="utf-8")
    except OSError as error:
        raise DiffgaugeError(
            f"The report cannot be written to {out}: {error.strerror or error}.",
            advice="Name another folder with --out.",
        ) from error
    return ReportSummary(
        page=files["index.html"],
        files=tuple(files.values()),
        evidence=mark(rows),
        headline=tuple(words),
        answers=section.words if section else (),
        notes=tuple(read.notes),
        tables=tuple(terminal_table(table) for table in tables if table.name in _IN_TERMINAL),
    )


_NAMES: Final = (
    "index.html",
    "figure.svg",
    "figure.png",
    "report.json",
    "rows.csv",
    "rows.parquet",
)


def in_words(rows: Sequence[Row]) -> list[str]:
    """Returns one sentence for each arm: what it found and what it falsely claimed.

    No arm is compared with another: that takes more organisms than a table shows.
    """
    return [
        f"{cell.arm_id} ({cell.investigator}, budget {cell.budget}): "
        + "; ".join(
            [
                f"claimed a planted change on {_counted(sensitivity(cell))} planted samples",
                f"pointed to the right one first on {_counted(top1(cell))}",
                *(
                    f"falsely claimed a {'difference' if kind in SAME else 'planted change'} on "
                    f"{_counted(rate)} {kind} nulls"
                    for kind in null_kinds(rows)
                    if (rate := false_positive_rate(cell.samples, kind)).n
                ),
            ]
        )
        + "."
        for cell in cells(rows)
    ]


def _counted(one: Estimate) -> str:
    if math.isnan(one.value):
        return "0 of 0"
    return f"{round(one.value * one.n)} of {one.n}"


def _commands(read: Logs) -> list[str]:
    found = list(dict.fromkeys(command_of(run) for run in read.runs))
    more = len(found) - _MOST_COMMANDS
    return found[:_MOST_COMMANDS] + ([f"# and {more} more, in report.json"] if more > 0 else [])


def _versions(read: Logs) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for run in read.runs:
        for name, version in run.header.eval.packages.items():
            found.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(versions)) for name, versions in sorted(found.items())}


def _json(
    rows: Sequence[Row],
    read: Logs,
    tables: Sequence[Table],
    words: Sequence[str],
    section: Section | None,
) -> str:
    modelled = section.tables if section else ()
    held = {
        "evidence": mark(rows),
        "caution": caution(rows),
        "words": list(words),
        "n_samples": len(read.samples),
        "n_rows": len(rows),
        "answers": {**section.held, "words": list(section.words)} if section else None,
        "tables": {table.name: table_json(table) for table in (*tables, *modelled)},
        "figure": {
            "file": "figure.svg",
            "evidence": mark(rows),
            "text": description(_graded(rows) or rows),
        },
        "commands": list(dict.fromkeys(command_of(run) for run in read.runs)),
        "versions": _versions(read),
        "notes": read.notes,
    }
    return json.dumps(held, indent=1, allow_nan=False) + "\n"


def _gap_html(gap: GapFigure | None, evidence: str) -> str:
    if gap is None:
        return ""
    svg = base64.b64encode(gap.svg.encode()).decode()
    return (
        f'<figure><img alt="{escaped(gap.text)}" src="data:image/svg+xml;base64,{svg}">'
        f"<figcaption>{escaped(evidence)}. How far the card's key facts got in each arm: shown by "
        "a tool, written of, in a finding, graded as found. Diamonds: what facts of other cards "
        "reach in the same transcripts by the same rules.</figcaption></figure>"
    )


def _page(
    rows: Sequence[Row],
    read: Logs,
    tables: Sequence[Table],
    words: Sequence[str],
    svg: str,
    gap: GapFigure | None,
    section: Section | None,
) -> str:
    organisms = len({row.organism for row in rows})
    days = sorted({row.created[:10] for row in rows})
    dates = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    versions = ", ".join(f"{name} {version}" for name, version in _versions(read).items())
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        subtitle=escaped(
            f"{len(read.samples)} samples of {organisms} organisms, {len(read.runs)} logs, {dates}."
        ),
        evidence=escaped(mark(rows)),
        caution=escaped(caution(rows)),
        answers=section.html if section else "",
        words="".join(f"<li>{escaped(one)}</li>" for one in words),
        alt=escaped(description(_graded(rows) or rows)),
        figure=base64.b64encode(svg.encode()).decode(),
        gap=_gap_html(gap, mark(rows)),
        tables="\n".join(table_html(table) for table in tables),
        commands=escaped("\n".join(_commands(read))),
        versions=escaped(f"Versions: {versions or 'not recorded'}."),
        notes="".join(f"<li>{escaped(note)}</li>" for note in read.notes) or "<li>None.</li>",
    )
