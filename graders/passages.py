"""The words of a report that a grade rests on."""

from __future__ import annotations

from diffgauge.records.reports import Report

__all__ = ["stands_in"]


def stands_in(passage: str, report: Report) -> bool:
    """Whether a cited passage occurs in the report, white space aside; an empty one does."""
    texts = [report.summary]
    for finding in report.findings:
        texts += [finding.behaviour, finding.condition]
    wanted = " ".join(passage.split())
    return any(wanted in " ".join(text.split()) for text in texts)
