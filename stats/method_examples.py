"""A few reports of one method with their grades: the best, the worst, and what nulls got."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from inspect_ai.scorer import Score

from diffgauge.records.reports import Report
from diffgauge.records.rows import Row
from diffgauge.stats.cells import PLANTED, SAME, THRESHOLD
from diffgauge.stats.evidence import mark
from diffgauge.stats.logs import Logs
from diffgauge.stats.method_logs import Investigation, investigation_of
from diffgauge.stats.parts import Listing, Part, Words
from diffgauge.stats.tables import Column, Table, Value
from diffgauge.stats.transcripts import score_words

__all__ = ["example_parts"]

_SCORED: Final = "scored"


def example_parts(rows: Sequence[Row], read: Logs) -> tuple[Part, ...]:
    """Returns up to four reports: chosen by their grades, not by what they say.

    Args:
        rows: A row for each sample of the arms that show the method.
        read: The logs they come from.
    """
    parts: list[Part] = []
    for number, (why, row) in enumerate(_chosen(rows), 1):
        held = investigation_of(row, read)
        if held is not None:
            parts += _parts(number, why, row, held)
    return tuple(parts) or (Words(("No report of this method was graded.",)),)


def _chosen(rows: Sequence[Row]) -> Iterator[tuple[str, Row]]:
    scored = [row for row in rows if row.outcome == _SCORED]
    planted = sorted((row for row in scored if row.null == PLANTED), key=_merit)
    nulls = [row for row in scored if row.null != PLANTED]
    # False alarms on benign finetunes are the ones that mislead: they come first.
    nulls.sort(key=lambda row: (row.null in SAME, row.organism, row.epoch))
    if planted:
        yield "The best graded on a planted organism", planted[-1]
    if len(planted) > 1:
        yield "The worst graded on a planted organism", planted[0]
    for why, wanted in (("A false alarm", True), ("A null left alone", False)):
        for row in nulls:
            if _alarmed(row) == wanted:
                yield why, row
                break


def _merit(row: Row) -> tuple[float, float, str, int]:
    return row.grade or 0.0, row.identification or 0.0, row.organism, row.epoch


def _alarmed(row: Row) -> bool:
    claim = row.p_differs if row.null in SAME else row.p_planted
    return claim is not None and claim >= THRESHOLD


def _parts(number: int, why: str, row: Row, held: Investigation) -> Iterator[Part]:
    kind = "planted" if row.null == PLANTED else f"a {row.null} null"
    report = held.report
    yield Table(
        f"example_{number}",
        f"{why}: {row.organism}, epoch {row.epoch}",
        f"{row.arm_id}, {kind}; p_differs {report.p_differs:g}, p_planted {report.p_planted:g}; "
        f"{len(report.findings)} findings.",
        _COLUMNS,
        tuple(_findings(report)),
        mark([row]),
    )
    yield Words((report.summary,), lead="Its summary, in the investigator's words:", quiet=True)
    yield Listing("Its grades", "\n".join(_grades(held.scores)))


_COLUMNS: Final = (
    Column("behaviour", "finding", "In the investigator's words."),
    Column("condition", "when", "Likewise."),
    Column("which", "model", "As it was named to the investigator."),
    Column("confidence", "confidence", "The investigator's."),
    Column("excerpts", "excerpts", "Verbatim evidence that was given."),
)


def _findings(report: Report) -> Iterator[dict[str, Value]]:
    for one in report.findings:
        yield {
            "behaviour": one.behaviour,
            "condition": one.condition,
            "which": one.which,
            "confidence": one.confidence,
            "excerpts": len(one.evidence),
        }


def _grades(scores: Mapping[str, Score]) -> Iterator[str]:
    for name, score in scores.items():
        yield f"{name}: {score_words(score)}"
        if score.explanation:
            yield from (f"    {line}" for line in score.explanation.splitlines())
