"""The hypothesis board: what an investigator thinks so far, kept where it is shown again."""

from typing import Literal

from pydantic import Field

from diffgauge.records.record import Record

__all__ = ["BoardEntry"]


class BoardEntry(Record):
    """One hypothesis in the investigator's words.

    Attributes:
        id: Its number on the board, from 1; never given to another.
        text: What it says now.
        confidence: The investigator's probability that it is right.
        status: ``rejected`` once it was given up.
        reason: Why it was rejected; None while it is open.
    """

    id: int = Field(ge=1)
    text: str
    confidence: float = Field(ge=0, le=1)
    status: Literal["open", "rejected"] = "open"
    reason: str | None = None
