"""What a report says, chapter by chapter: a new table or figure is one entry here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Final

from diffgauge.records.rows import Row
from diffgauge.stats.accounting import accounting_table, claims_table, cost_table
from diffgauge.stats.answers_page import Section
from diffgauge.stats.cells import SAME, cells, false_positive_rate, null_kinds, sensitivity, top1
from diffgauge.stats.evidence import mark
from diffgauge.stats.figures import description, draw
from diffgauge.stats.findings import claims
from diffgauge.stats.gap_figure import gap_figure
from diffgauge.stats.gap_table import gap_tables
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.logs import Logs
from diffgauge.stats.paired_table import paired_parts
from diffgauge.stats.parts import Chapter, Part, Picture, Words
from diffgauge.stats.published_layout import published_table
from diffgauge.stats.replication_tables import replication_table
from diffgauge.stats.scales_table import scales_table
from diffgauge.stats.shams import sham_table
from diffgauge.stats.tables import (
    Table,
    detection_table,
    family_table,
    headline_table,
    rubric_table,
    split_table,
)
from diffgauge.stats.ungraded import findings_table, said, ungraded_table

__all__ = ["chapters_of", "graded_of", "in_words", "main_picture", "tables_of", "words_of"]

_NO_HEADLINE: Final = (
    "Nothing here is graded, so there is no headline: no pair has a truth, or no grades were asked "
    "for. What was claimed, and how consistently, stands below."
)


def graded_of(rows: Sequence[Row]) -> list[Row]:
    """A pair without a truth is neither planted nor null: it stands in no graded figure."""
    return [row for row in rows if row.graded]


def chapters_of(rows: Sequence[Row], read: Logs, section: Section | None) -> list[Chapter]:
    """Returns the chapters in their order, empty ones left out.

    Args:
        rows: All rows.
        read: The logs they come from.
        section: What the models say; None where none was fitted.
    """
    graded, found = graded_of(rows), claims(read)
    chapters = [
        _chapter(
            "answer", "Does a method help, and how sure is that?", section.first if section else ()
        ),
        _chapter("sets", "One set of logs against another", paired_parts(read.sets)),
        _chapter(
            "found",
            "What was found, and what was falsely claimed",
            (
                Words(words_of(rows, read)),
                main_picture(rows),
                headline_table(graded) if graded else None,
                detection_table(graded) if graded else None,
            ),
        ),
        _chapter("fits", "What the models say in full", section.parts if section else ()),
        _chapter(
            "grades",
            "Grades, scales and controls",
            (
                rubric_table(graded),
                published_table(graded),
                scales_table(graded),
                replication_table(rows),
                sham_table(graded),
            ),
        ),
        _chapter(
            "from_tool_to_report",
            "From the tools to the report",
            (gap_figure(graded, read), *gap_tables(graded, read)),
        ),
        _chapter(
            "by_kind",
            "By kind of organism",
            (split_table(graded), family_table(graded)) if graded else (),
        ),
        _chapter(
            "accounts",
            "Where every sample went, and what it took",
            (accounting_table(rows, read), cost_table(rows)),
        ),
        _chapter(
            "reports",
            "What was claimed",
            (ungraded_table(rows, found), findings_table(rows, found), claims_table(rows)),
        ),
    ]
    return [chapter for chapter in chapters if chapter.parts]


def _chapter(name: str, title: str, parts: Sequence[Part | None]) -> Chapter:
    return Chapter(name, title, tuple(part for part in parts if part is not None))


def tables_of(rows: Sequence[Row], read: Logs) -> list[Table]:
    """Returns every table of a report without models; graded ones where there are grades."""
    found = chapters_of(rows, read, None)
    return [part for chapter in found for part in chapter.parts if isinstance(part, Table)]


def main_picture(rows: Sequence[Row]) -> Picture:
    """Returns the figure of what each arm found beside what it falsely claimed."""
    shown = graded_of(rows) or list(rows)
    return Picture(
        "figure",
        partial(draw, shown),
        description(shown),
        "Each row is an arm, each mark a share of samples with its 90 % interval, clustered by "
        "organism; the small figures are samples and organisms. Dotted: what chance gives.",
        mark(shown),
    )


def words_of(rows: Sequence[Row], read: Logs) -> tuple[str, ...]:
    """Returns what was found and claimed in sentences, whatever was graded."""
    words = [*in_words(graded_of(rows)), *said(rows, claims(read))]
    return tuple(words if any(row.graded for row in rows) else [_NO_HEADLINE, *words])


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
