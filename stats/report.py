"""Logs to a report that a person opens, and to the files that a program reads."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from diffgauge.records.folders import write_files
from diffgauge.records.rows import Row
from diffgauge.stats.answer_sets import Answers, answers
from diffgauge.stats.answers_page import Section, answers_section
from diffgauge.stats.evidence import caution, mark
from diffgauge.stats.logs import Logs, read_logs
from diffgauge.stats.markdown import page_in_markdown
from diffgauge.stats.method_pages import method_pages
from diffgauge.stats.page_html import page_html
from diffgauge.stats.parts import Chapter, Links, Page, Words
from diffgauge.stats.provenance import commands_of, provenance, versions_of
from diffgauge.stats.rendering import terminal_table
from diffgauge.stats.report_contents import chapters_of, graded_of, words_of
from diffgauge.stats.report_json import report_json
from diffgauge.stats.row_files import csv_bytes, parquet_bytes
from diffgauge.stats.rows import as_frame, rows_of

if TYPE_CHECKING:
    from rich.table import Table as RichTable

__all__ = ["ReportSummary", "write_report"]

_TITLE: Final = "What did the finetune change, and who found it?"
_IN_TERMINAL: Final = frozenset(
    {
        "headline",
        "paired_sets",
        "rubric",
        "scales",
        "gap",
        "ungraded",
        "findings",
        "accounting",
        "cost",
    }
)
_FIGURES: Final = ("svg", "png", "pdf")


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


def write_report(
    logs: Sequence[str],
    out: Path,
    *,
    engine: str | None = None,
    deep: bool = False,
    say: Callable[[str], None] | None = None,
) -> ReportSummary:
    """Sums up logs and writes the report; each file is there completely or not at all.

    Args:
        logs: As in `logs.read_logs`; what several of them share is compared pair by pair.
        out: Folder to write into; made where it is not there.
        engine: What fits the models behind the answers (`engines.choice.choose`); None fits none.
        deep: As in `answer_sets.answers`.
        say: Is told of each fit before it begins.

    Returns:
        What was written: ``index.html``, ``report.md``, ``report.json``, ``rows.parquet``,
        ``rows.csv.gz``, a page for each method under ``methods``, and each figure as SVG, PNG and
        PDF: ``figure``, ``gap`` where the gap was scored, ``forest`` where arms were compared.

    Raises:
        DiffgaugeError: There is nothing to sum up (`read_logs`), `out` cannot be written, or the
            engine is not there or fails.
    """
    read = read_logs(logs)
    rows = rows_of(read)
    found, section = None, None
    if engine is not None:
        found = answers(as_frame(rows), engine=engine, deep=deep, say=say)
        graded = graded_of(rows)
        section = answers_section(found, as_frame(graded), mark(graded or rows))
    page, methods = _pages(rows, read, found, section)
    words = words_of(rows, read)
    contents = dict(_files(page, rows, read, section, words))
    contents |= {name: page_html(one).encode() for name, one in methods.items()}
    files = write_files(out, contents, "The report", "Name another folder with --out.")
    return ReportSummary(
        page=out / "index.html",
        files=tuple(files),
        evidence=mark(rows),
        headline=words,
        answers=section.words if section else (),
        notes=tuple(read.notes),
        tables=tuple(terminal_table(table) for table in page.tables if table.name in _IN_TERMINAL),
    )


def _pages(
    rows: Sequence[Row], read: Logs, found: Answers | None, section: Section | None
) -> tuple[Page, dict[str, Page]]:
    """Returns the page of the whole, and those of methods by their addresses."""
    days = sorted({row.created[:10] for row in rows})
    dates = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    n_organisms = len({row.organism for row in rows})
    chapters = chapters_of(rows, read, section)
    methods = method_pages(rows, read, found, chapters)
    if methods:
        links = Links(tuple((one.title, to, one.subtitle) for to, one in methods.items()))
        chapters.append(Chapter("methods", "Method by method", (links,)))
    notes = Words(tuple(read.notes) or ("None.",))
    page = Page(
        _TITLE,
        f"{len(read.samples)} samples of {n_organisms} organisms, {len(read.runs)} logs, {dates}.",
        mark(rows),
        caution(rows),
        (*chapters, provenance(rows, read), Chapter("notes", "Notes on the logs", (notes,))),
    )
    return page, methods


def _files(
    page: Page,
    rows: Sequence[Row],
    read: Logs,
    section: Section | None,
    words: Sequence[str],
) -> Iterator[tuple[str, bytes]]:
    held: dict[str, Any] = {
        "words": list(words),
        "n_samples": len(read.samples),
        "n_rows": len(rows),
        "answers": {**section.held, "words": list(section.words)} if section else None,
        "commands": commands_of(read),
        "versions": versions_of(read),
        "notes": read.notes,
    }
    yield "index.html", page_html(page).encode()
    yield "report.md", page_in_markdown(page).encode()
    yield "report.json", report_json(page, held, _FIGURES).encode()
    for picture in page.pictures:
        drawn = picture.drawn
        files = dict(zip(_FIGURES, (drawn.svg.encode(), drawn.png, drawn.pdf), strict=True))
        yield from ((f"{picture.name}.{ending}", data) for ending, data in files.items())
    yield "rows.parquet", parquet_bytes(rows)
    # Without a time the same rows give the same bytes.
    yield "rows.csv.gz", gzip.compress(csv_bytes(rows), mtime=0)
