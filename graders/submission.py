"""What a scorer may read of a sample: the report, the aliases, the organism, and nothing else."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from inspect_ai.scorer import Score
from inspect_ai.solver import TaskState
from pydantic import ValidationError

from diffgauge.organisms import registry
from diffgauge.organisms.truth import Truth, truth
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import OrganismCard
from diffgauge.records.reports import Report
from diffgauge.records.stored import ALIASES_KEY, NOT_GRADED, REPORT_KEY
from diffgauge.records.subjects import SIDES, Side

__all__ = ["Submission", "reported", "submission"]


@dataclass(frozen=True)
class Submission:
    """A submitted report together with what it is graded against.

    Attributes:
        card: The organism's public card.
        truth: What was planted in it.
        report: What the investigator submitted.
        aliases: The name of each side as the investigator saw it; None when not recorded.
        sides_known: Whether the investigator was told which model is the finetuned one.
    """

    card: OrganismCard
    truth: Truth
    report: Report
    aliases: dict[Side, str] | None
    sides_known: bool


_READ: WeakKeyDictionary[TaskState, tuple[Any, Submission]] = WeakKeyDictionary()
"""By sample that is being scored: what it held, and what was read of it."""


def _value(stored: Any) -> Any:
    """A record is stored as plain JSON values or as a JSON string of them."""
    return json.loads(stored) if isinstance(stored, str) else stored


def submission(state: TaskState) -> Submission | Score:
    """Reads what was submitted, from a running sample or from its log.

    Args:
        state: The sample's state; its store and metadata are read, its messages never.

    Returns:
        The submission, or the unscored score that says why there is none to grade:
        ``no_response`` without an accepted report, ``invalid_response_format`` for one that
        cannot be read, ``not graded`` where the pair has no truth or no grade was asked for,
        ``scoring_failed`` where the organism's card or truth is not at hand.
    """
    stored = state.store.get(REPORT_KEY)
    if stored is None:
        return Score.unscored(reason="no_response", explanation="No report was submitted.")
    given = stored, state.store.get(ALIASES_KEY), dict(state.metadata or {})
    # Every scorer of a sample asks for the same, and finding card and truth takes as long as
    # most of them do.
    known = _READ.get(state)
    if known is not None and known[0] == given:
        return known[1]
    read = _read(state)
    if isinstance(read, Submission):
        _READ[state] = deepcopy(given), read
    return read


def reported(state: TaskState) -> Report | Score:
    """Reads the report alone, which there is of pairs without a truth as well.

    Args:
        state: As in `submission`.

    Returns:
        The report, or the unscored score that says why there is none, as in `submission`.
    """
    stored = state.store.get(REPORT_KEY)
    if stored is None:
        return Score.unscored(reason="no_response", explanation="No report was submitted.")
    try:
        return Report.model_validate_json(json.dumps(_value(stored)))
    except (ValueError, ValidationError) as error:
        return Score.unscored(
            reason="invalid_response_format", explanation=f"The report cannot be read: {error}"
        )


def _read(state: TaskState) -> Submission | Score:
    report = reported(state)
    if isinstance(report, Score):
        return report
    name = (state.metadata or {}).get("organism")
    try:
        card = registry.card(str(name))
        if (why := _not_graded(card, state.metadata or {})) is not None:
            return Score.unscored(reason=NOT_GRADED, explanation=why)
        known = truth(card.id)
    except DiffgaugeError as error:
        return Score.unscored(reason="scoring_failed", explanation=str(error))
    return Submission(
        card=card,
        truth=known,
        report=report,
        aliases=_aliases(_value(state.store.get(ALIASES_KEY))),
        sides_known=(state.metadata or {}).get("sides_known") is True,
    )


def _not_graded(card: OrganismCard, metadata: dict[str, Any]) -> str | None:
    """Says why there is no grade; None where there is one.

    A log of a pair whose truth was written later can be graded then: what counts is the card as
    it is now, except that nobody grades what was run with ``graded=false``.
    """
    if card.truth != "complete":
        return card.truth_gap or "The pair has no truth."
    if metadata.get("graded") is False and metadata.get("truth") == "complete":
        return "The run was asked to go ungraded."
    return None


def _aliases(stored: Any) -> dict[Side, str] | None:
    if not isinstance(stored, dict) or not all(side in stored for side in SIDES):
        return None
    return {side: str(stored[side]) for side in SIDES}
