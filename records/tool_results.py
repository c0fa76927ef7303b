"""What a tool hands to an investigator: results, and what is left to spend."""

from typing import Literal

from diffgauge.records.board import BoardEntry
from diffgauge.records.record import Record
from diffgauge.records.results import Result

__all__ = ["Remaining", "ToolResult"]


class Remaining(Record):
    """What the investigator may still spend.

    Attributes:
        interactions: Model interactions left.
        of: Model interactions the run began with.
        turns: Turns left, or None when turns are not limited.
    """

    interactions: int
    of: int
    turns: int | None = None


class ToolResult(Record):
    """The one shape of every tool's answer, serialised as JSON.

    Attributes:
        results: One or more typed results, each with its own `kind`.
        remaining: What is left after this call.
        cut: A sentence saying what was left out to keep the size, or None.
        board: The investigator's own open hypotheses (all of them, where the board itself
            answers); None while it holds none. No evidence: nothing in it was shown by a model.
    """

    kind: Literal["tool_result"] = "tool_result"
    results: tuple[Result, ...]
    remaining: Remaining
    cut: str | None = None
    board: tuple[BoardEntry, ...] | None = None
