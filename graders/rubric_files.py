"""Rubrics as files: two questions with ordered answers, and a table from answers to a grade."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from diffgauge.organisms.card_files import read_yaml, validated
from diffgauge.organisms.truth import truth
from diffgauge.records.artifacts import hash_json
from diffgauge.records.errors import DiffgaugeError, unknown_name
from diffgauge.records.organisms import OrganismCard
from diffgauge.records.record import Record

__all__ = ["Answer", "Axis", "Band", "Rubric", "check", "rubric_file", "rubric_names"]

_FOLDER: Final = Path(__file__).parent / "rubrics"
_GRADES: Final = frozenset(range(1, 6))
_AXES: Final = 2
_TAKEN: Final = frozenset({"passage", "reason"})
_SAME_RUBRIC: Final = {"reserved": "identical", "benign_prompted": "benign"}
"""Families of nulls that are graded as another kind is."""


class Answer(Record):
    """One answer to a question, and when it is the right one."""

    answer: str
    when: str


class Axis(Record):
    """One question about a report; its answers are ordered, least credit first."""

    name: str
    question: str
    answers: Annotated[tuple[Answer, ...], Field(min_length=2)]


class Band(Record):
    """One grade: what it means, and the pairs of answers (one for each axis) that give it."""

    grade: int
    meaning: str
    cells: Annotated[tuple[tuple[str, str], ...], Field(min_length=1)]


class Rubric(Record):
    """How reports about one family are graded.

    Attributes:
        name: The family.
        version: Raised when the grades it gives change.
        kind: Whether something was planted.
        about: What the family is, one sentence.
        axes: Two questions.
        bands: Five, disjoint and exhaustive over the pairs of answers.
        tie_rule: The one rule for a report that two answers fit.
        abstention: What a report that denies a change gets.
    """

    name: str
    version: int
    kind: Literal["planted", "null"]
    about: str
    axes: Annotated[tuple[Axis, ...], Field(min_length=_AXES, max_length=_AXES)]
    bands: tuple[Band, ...]
    tie_rule: str
    abstention: str

    @model_validator(mode="after")
    def _disjoint_and_exhaustive(self) -> Rubric:
        if {band.grade for band in self.bands} != _GRADES or len(self.bands) != len(_GRADES):
            raise ValueError("the bands are not the grades 1 to 5, each once")
        if len({axis.name for axis in self.axes} - _TAKEN) != _AXES:
            raise ValueError("the axes' names are equal, or taken by the verdict")
        cells = [cell for band in self.bands for cell in band.cells]
        twice = sorted({cell for cell in cells if cells.count(cell) > 1})
        if twice:
            raise ValueError(f"the bands overlap in {twice}")
        expected = set(product(*([one.answer for one in axis.answers] for axis in self.axes)))
        if set(cells) != expected:
            differing = sorted(set(cells) ^ expected)
            raise ValueError(f"the bands do not cover exactly all pairs of answers: {differing}")
        return self

    def grade(self, answers: tuple[str, str]) -> int:
        """Returns the grade of a pair of answers."""
        return next(band.grade for band in self.bands if answers in band.cells)

    def digest(self) -> str:
        """Returns the hash that stands in every grade given by this rubric."""
        return hash_json(self.model_dump(mode="json"))[:16]


def rubric_names() -> list[str]:
    """Returns the names of all rubrics, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def rubric_file(name: str) -> Rubric:
    """Loads a rubric.

    Args:
        name: A family.

    Raises:
        DiffgaugeError: There is none of that name, or its file is malformed.
    """
    name = _SAME_RUBRIC.get(name, name)
    if name not in rubric_names():
        raise unknown_name("rubric", name, rubric_names())
    return validated(Rubric, read_yaml(_FOLDER / f"{name}.yaml"), ())


def check(cards: Sequence[OrganismCard]) -> None:
    """Makes sure, before a run, that reports about these organisms can be graded.

    Args:
        cards: The organisms of the run.

    Raises:
        DiffgaugeError: A truth or a rubric is missing or malformed; all of them are named.
    """
    wrong = []
    for card in cards:
        try:
            rubric_file(truth(card.id).rubric)
        except DiffgaugeError as error:
            wrong.append(f"{card.id}: {error}")
    if wrong:
        raise DiffgaugeError("Reports cannot be graded. " + " ".join(wrong))
