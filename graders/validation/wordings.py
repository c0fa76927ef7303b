"""What the findings of the validation set say, by truth: a file written by hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from diffgauge.organisms.card_files import read_yaml, validated
from diffgauge.records.record import Record

__all__ = ["FactWording", "TruthWording", "wordings"]

_FILE: Final = Path(__file__).parents[1] / "data" / "validation_wordings.yaml"


class FactWording(Record):
    """Two ways to say one key fact.

    Attributes:
        words: With terms of its lexicon.
        other: Without any term of the truth's lexicons.
        role: Whether it is said as what a model does or as when it does it.
    """

    words: str
    other: str
    role: Literal["behaviour", "condition"] = "behaviour"


class TruthWording(Record):
    """How findings speak of one truth.

    Attributes:
        organism: Against whose truth reports are graded.
        facts: One for each key fact, in the truth's order.
        broad: True of a wider thing; says no key fact.
        partial: Numbers of key facts that name the change exactly and are at most half of all;
            None where there is no such selection.
        details: Numbers of key facts that do not name it; likewise.
    """

    organism: str
    facts: Annotated[tuple[FactWording, ...], Field(min_length=1)]
    broad: str
    partial: tuple[int, ...] | None = None
    details: tuple[int, ...] | None = None


@cache
def wordings() -> tuple[TruthWording, ...]:
    """Returns the wordings of all truths of the set, in the file's order.

    Raises:
        DiffgaugeError: The file is malformed.
    """
    source = read_yaml(_FILE)
    return tuple(validated(TruthWording, source, (at,)) for at in range(len(source.data)))
