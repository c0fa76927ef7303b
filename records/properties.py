"""What a comparator sees in one of two replies and not in the other, and clusters of it."""

from pydantic import Field

from diffgauge.records.hypotheses import ModelName
from diffgauge.records.record import Record

__all__ = ["Clustered", "Compared", "Property"]


class Property(Record):
    """One difference between two replies.

    Attributes:
        text: What the reply does that the other does not; names no model.
        model: Whose reply it was.
        category: In the comparator's words; empty where it gave none.
        general: Whether it could show on other prompts; None where not said.
        reason: The comparator's; likewise empty.
    """

    text: str = Field(min_length=1)
    model: ModelName
    category: str = ""
    general: bool | None = None
    reason: str = ""


class Compared(Record):
    """What a comparator said of one pair of replies.

    Attributes:
        prompt: What the replies answer.
        number: Of the pair of replies.
        first: Whose reply was shown first.
        comparator: Its name.
        properties: May be empty: no difference is an answer.
        n_dropped: Entries of the answer that were no property.
        attempts: How often it was asked; 0 where nobody was.
        problem: Why there is no answer; None where there is.
    """

    prompt: str
    number: int = 0
    first: ModelName
    comparator: str
    properties: tuple[Property, ...] = ()
    n_dropped: int = 0
    attempts: int = 1
    problem: str | None = None


class Clustered(Record):
    """One property with where it was put.

    Attributes:
        prompt: Of the pair of replies.
        number: Likewise.
        model: Whose reply it was.
        text: The property.
        cluster: 0-based, the largest first; None for noise.
    """

    prompt: str
    number: int
    model: ModelName
    text: str
    cluster: int | None
