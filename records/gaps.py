"""How far a key fact got on its way from a tool's result to a grade."""

from collections.abc import Collection
from typing import Literal, get_args

from pydantic import Field

from diffgauge.records.record import Record

__all__ = ["STAGES", "Break", "FactPath", "Place", "Stage", "broke_at"]

Stage = Literal["exposed", "noted", "submitted", "credited"]
"""``exposed``: a tool's result showed it. ``noted``: the investigator wrote of it. ``submitted``:
a finding speaks of it. ``credited``: it was graded as found."""

STAGES: tuple[Stage, ...] = get_args(Stage)
"""In the order in which a fact passes them."""

Break = Literal["exposed", "noted", "submitted", "credited", "none"]
"""The stage that a fact did not reach after the last one it did; ``none`` for one that arrived."""


class Place(Record):
    """Where in a transcript something happened.

    Attributes:
        message: Index in the sample's messages, 0 first.
        tool: The tool whose call it was; None outside of calls.
        call_id: Inspect's id of the call; None outside of calls and for the overview, which
            stands in the first message.
    """

    message: int = Field(ge=0)
    tool: str | None = None
    call_id: str | None = None


class FactPath(Record):
    """One key fact of one transcript. A stage that is None was not reached.

    Attributes:
        fact: Index in the card's key facts, 0 first.
        statement: The fact in words.
        n_terms: Terms of its lexicon.
        exposed: The first result that showed it beyond what other cards score there.
        shown: Its terms that stood there, in order; empty where it was not exposed.
        noted: The first text of the investigator that holds a term of it, after the exposure
            where there is one.
        submitted: The call of the report, where a finding holds a term of it.
        credited: The same call, where it was graded as found.
        broke_at: As `Break`.
    """

    fact: int = Field(ge=0)
    statement: str
    n_terms: int = Field(ge=1)
    exposed: Place | None = None
    shown: tuple[str, ...] = ()
    noted: Place | None = None
    submitted: Place | None = None
    credited: Place | None = None
    broke_at: Break

    def reached(self, stage: Stage) -> bool:
        """Whether the fact got so far; an earlier stage may be missing all the same."""
        return getattr(self, stage) is not None


def broke_at(reached: Collection[Stage]) -> Break:
    """Returns the stage after the last one reached.

    Args:
        reached: Stages in any order. A fact may skip one: what was guessed is submitted without
            having been exposed.
    """
    last = max((at for at, stage in enumerate(STAGES) if stage in reached), default=-1)
    return STAGES[last + 1] if last + 1 < len(STAGES) else "none"
