"""What logs hold of a method beyond rows: its overview as shown, its artifact, whole reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zipfile import BadZipFile

from inspect_ai.event import InfoEvent
from inspect_ai.log import EvalSample, read_eval_log_sample
from inspect_ai.scorer import Score

from diffgauge.records.reports import Report
from diffgauge.records.rows import Row
from diffgauge.records.stored import ARTIFACT_KEY, REPORT_KEY
from diffgauge.stats.findings import key_of
from diffgauge.stats.logs import Logs
from diffgauge.stats.shown_results import in_lines
from diffgauge.stats.transcripts import report_of

__all__ = ["Investigation", "artifact_of", "investigation_of", "overview_of"]

_LONG: Final = {"messages", "events", "events_data", "attachments"}
_UNREADABLE: Final = (OSError, ValueError, LookupError, BadZipFile)
"""A log that is still being written may be cut in the middle."""


@dataclass(frozen=True)
class Investigation:
    """One report with its grades.

    Attributes:
        report: As it was accepted.
        scores: By scorer.
    """

    report: Report
    scores: Mapping[str, Score]


def overview_of(row: Row, read: Logs) -> str | None:
    """Returns what a method first showed an investigator, laid out in lines.

    Args:
        row: A sample in an arm with a method.
        read: The logs it comes from.

    Returns:
        None where the log holds none, or cannot be read.
    """
    sample = _sample(row, read, {"messages", "store"})
    for event in sample.events if sample is not None else ():
        if isinstance(event, InfoEvent) and event.source == row.diff_method:
            text = event.data.get("overview") if isinstance(event.data, dict) else None
            if isinstance(text, str):
                return in_lines(text)[1]
    return None


def artifact_of(row: Row, read: Logs) -> dict[str, Any] | None:
    """Returns the header of the artifact behind a sample, as its log has it; None without one."""
    sample = _sample(row, read, _LONG)
    value = sample.store.get(ARTIFACT_KEY) if sample is not None else None
    held = json.loads(value) if isinstance(value, str) else value
    return held if isinstance(held, dict) and isinstance(held.get("inputs"), dict) else None


def investigation_of(row: Row, read: Logs) -> Investigation | None:
    """Returns a sample's report and grades; None where it has no report."""
    sample = _sample(row, read, _LONG)
    report = report_of(sample, REPORT_KEY) if sample is not None else None
    if sample is None or report is None:
        return None
    return Investigation(report, sample.scores or {})


def _sample(row: Row, read: Logs, without: set[str]) -> EvalSample | None:
    one = next((one for one in read.samples if one.key == key_of(row)), None)
    if one is None:
        return None
    try:
        return read_eval_log_sample(
            one.run.address,
            id=one.id,
            epoch=one.epoch,
            resolve_attachments=True,
            exclude_fields=without,
        )
    except _UNREADABLE:
        return None
