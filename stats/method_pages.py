"""A page for each method: what it showed, what it was made with, what came of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from diffgauge.records.rows import Row
from diffgauge.stats.answer_sets import Answers
from diffgauge.stats.answers_page import sentences
from diffgauge.stats.cells import PLANTED, samples_of
from diffgauge.stats.evidence import caution, mark
from diffgauge.stats.gap_figure import gap_figure
from diffgauge.stats.logs import Logs
from diffgauge.stats.method_artifacts import artifact_tables
from diffgauge.stats.method_examples import example_parts
from diffgauge.stats.method_logs import overview_of
from diffgauge.stats.parts import Chapter, Listing, Page, Part, Words
from diffgauge.stats.report_contents import graded_of, in_words, main_picture
from diffgauge.stats.tables import Table

__all__ = ["method_pages"]

_NONE: Final = "none"
_BLACKBOX: Final = "blackbox"
_SHOWN: Final = frozenset({"method", "method_only"})
"""Arms that show an organism's own artifact."""

_LEFT_OUT: Final = frozenset({"answer", "reports"})
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")
_DIGITS: Final = 8


def method_pages(
    rows: Sequence[Row], read: Logs, found: Answers | None, chapters: Sequence[Chapter]
) -> dict[str, Page]:
    """Returns the pages by their addresses beside the report.

    Args:
        rows: All rows.
        read: The logs they come from.
        found: What the models say; None where none was fitted.
        chapters: The report's: each table stands on the page with the method's own lines.
    """
    names = sorted({row.diff_method for row in rows} - {_NONE})
    return {
        f"methods/{_file_name(name)}.html": _page(name, rows, read, found, chapters)
        for name in names
    }


def _file_name(method: str) -> str:
    """Returns a name no folder is left by; logs may name a method anything."""
    safe = _UNSAFE.sub("_", method)
    if safe and safe == method:
        return safe
    return f"{safe}-{hashlib.sha256(method.encode()).hexdigest()[:_DIGITS]}"


def _page(
    method: str,
    rows: Sequence[Row],
    read: Logs,
    found: Answers | None,
    chapters: Sequence[Chapter],
) -> Page:
    own = [row for row in rows if row.diff_method == method]
    arms = {row.arm_id for row in own}
    beside = [row for row in rows if row.diff_method == method or row.arm_id == _BLACKBOX]
    shown = [row for row in samples_of(own) if row.arm in _SHOWN]
    parts = [_own_lines(chapter, arms) for chapter in chapters if chapter.name not in _LEFT_OUT]
    return Page(
        method,
        f"{len(samples_of(own))} samples of {len({row.organism for row in own})} organisms, in "
        f"{', '.join(sorted(arms))}.",
        mark(own),
        caution(own),
        (
            Chapter("answer", "What came of it", _answer(beside, read, found, arms)),
            Chapter("overview", "What it shows first", _overviews(shown, read)),
            Chapter("artifacts", "What it was made with", artifact_tables(own, read)),
            *(chapter for chapter in parts if chapter.parts),
            Chapter("examples", "Some of the reports", example_parts(shown, read)),
        ),
        back="../index.html",
    )


def _answer(
    beside: Sequence[Row], read: Logs, found: Answers | None, arms: Collection[str]
) -> tuple[Part, ...]:
    graded = graded_of(beside)
    gap = gap_figure(graded, read)
    parts: list[Part | None] = [
        Words(sentences(found, arms)) if found is not None else None,
        Words(tuple(in_words(graded)), lead="Counted, with plain blackbox first where it ran:"),
        main_picture(beside),
        gap,
    ]
    return tuple(part for part in parts if part is not None)


def _own_lines(chapter: Chapter, arms: Collection[str]) -> Chapter:
    """Returns a chapter's tables with the lines of the method's arms, and of plain blackbox."""
    wanted = {*arms, _BLACKBOX}
    tables = []
    for part in chapter.parts:
        if isinstance(part, Table) and any(row.get("arm") in arms for row in part.rows):
            held = tuple(row for row in part.rows if row.get("arm") in wanted)
            tables.append(replace(part, rows=held))
    return replace(chapter, parts=tuple(tables))


def _overviews(shown: Sequence[Row], read: Logs) -> tuple[Part, ...]:
    """Returns the overview of one planted organism and of one null, as their logs have it."""
    parts: list[Part] = []
    for planted in (True, False):
        for row in shown:
            if (row.null == PLANTED) == planted and (text := overview_of(row, read)) is not None:
                kind = "planted" if planted else f"a {row.null} null"
                title = f"{row.organism}, {kind}: {len(text):,} characters, as they were shown"
                parts.append(Listing(title, text, folded=not planted))
                break
    if not parts:
        return (Words(("No log here holds an overview of an organism's own artifact.",)),)
    return tuple(parts)
