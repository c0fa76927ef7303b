"""What a sample took and met so far, read from the events of its own transcript."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from inspect_ai.event import ModelEvent, SpanBeginEvent
from inspect_ai.log import transcript
from inspect_ai.model import ModelOutput

from diffgauge.records.refusals import refuses

__all__ = ["Turns", "investigator_turns", "refused", "scoring_seconds"]

_SCORERS: Final = "scorers"
"""Name of the span in which Inspect runs the scorers."""


@dataclass(frozen=True)
class Turns:
    """The investigator's calls of its model.

    Attributes:
        seconds: Working time of all of them, waits for a slot not counted.
        refusals: Those in which the model or its provider refused.
    """

    seconds: float
    refusals: int


def investigator_turns() -> Turns:
    """Returns what the running sample's calls of the evaluated model came to.

    Models that play a role (graders, subjects, triggers) are not the investigator.
    """
    events = [
        event
        for event in transcript().events
        if isinstance(event, ModelEvent) and event.role is None and event.pending is None
    ]
    return Turns(
        seconds=sum(event.working_time or 0.0 for event in events),
        refusals=sum(refused(event.output, event.model) for event in events),
    )


def refused(output: ModelOutput, model: str) -> bool:
    """Whether a turn is a refusal: withheld by the provider, or words of refusal and no call.

    Args:
        output: Of one call of the model.
        model: Its name; each provider's models have phrases of their own (`refuses`).
    """
    if output.empty:
        return False
    if output.stop_reason == "content_filter":
        return True
    return not output.message.tool_calls and refuses(output.completion, model)


def scoring_seconds() -> float | None:
    """Returns the wall-clock seconds since the scorers of the running sample began.

    Returns:
        None where none began: the sample failed before.
    """
    for event in reversed(list(transcript().events)):
        if isinstance(event, SpanBeginEvent) and event.name == _SCORERS:
            return (datetime.now(UTC) - event.timestamp).total_seconds()
    return None
