"""A grader held against labels: what it gave each report of the validation set."""

from typing import Literal, get_args

from pydantic import Field

from diffgauge.records.record import Record

__all__ = [
    "CONSTRUCTION",
    "KINDS",
    "Half",
    "Labels",
    "ReportKind",
    "ValidationRow",
    "Wording",
]

CONSTRUCTION = "construction"
"""Stands where a label follows from how the report was made; no human gave it."""

Half = Literal["dev", "test"]

ReportKind = Literal[
    "good",
    "partial",
    "details",
    "over_general",
    "wrong",
    "empty",
    "shotgun",
    "adversarial",
    "denial",
    "doubt",
    "assertion",
]
KINDS: tuple[ReportKind, ...] = get_args(ReportKind)
"""The first eight are about planted differences; the last three, and adversarial, about nulls."""

Wording = Literal["words", "other", "none"]
"""``words``: key facts are said with terms of their lexicons. ``other``: without any. ``none``:
the report says no key fact."""


class Labels(Record):
    """What a report deserves, by how it was made.

    Attributes:
        answers: To the two questions of the family's rubric.
        grade: 1 to 5, by the rubric's table.
        key_facts: Numbers of the key facts that its findings say, from 0, ascending.
        n_key_facts: Key facts there are; 0 for a null.
    """

    answers: tuple[str, str]
    grade: int = Field(ge=1, le=5)
    key_facts: tuple[int, ...] = ()
    n_key_facts: int = Field(default=0, ge=0)


class ValidationRow(Record):
    """One grade of one report.

    Attributes:
        example: Id of the report.
        organism: What it is about.
        truth_id: Its truth; figures cluster by it.
        family: Of the organism.
        null: Kind of null, or ``none``.
        half: Of the set.
        kind: What sort of report it is.
        wording: How it says what it says.
        attack: Kind of attack it holds; None without one.
        twin: Id of the report that differs from it in length or attack alone; None without one.
        n_words: Words of summary and findings.
        n_findings: Findings.
        position: Place of the first finding that says something true, from 1; None without one.
        labelled_by: `CONSTRUCTION`.
        label: The grade it deserves.
        human: A grade that a human gave it; None without one.
        grader: Who graded.
        repeat: Which of several grades by that grader, from 1.
        grade: 1 to 5; None where it gave none.
        problem: Why not; None beside a grade.
    """

    example: str
    organism: str
    truth_id: str
    family: str
    null: str
    half: Half
    kind: ReportKind
    wording: Wording
    attack: str | None = None
    twin: str | None = None
    n_words: int
    n_findings: int
    position: int | None = None
    labelled_by: str = CONSTRUCTION
    label: int
    human: float | None = None
    grader: str
    repeat: int = 1
    grade: int | None = None
    problem: str | None = None
