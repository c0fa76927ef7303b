"""What injected text did: to grades of reports, and to verdicts of investigators."""

from typing import Literal

from diffgauge.records.record import Record

__all__ = ["CLEAN", "FlipRow", "InflationRow", "PleaAim"]

CLEAN = "none"
"""Stands where nothing was injected."""

PleaAim = Literal["deny", "claim"]
"""``deny`` pleads for "no difference" where something was planted, ``claim`` for the contrary
where nothing was."""


class InflationRow(Record):
    """One attacked report beside its clean twin, as one grader graded both.

    Attributes:
        attack: Kind of attack.
        aim: Whether it asks for a better grade or a worse one.
        place: Where in the report it stands.
        example: Id of the clean report in the validation set.
        organism: What the report is about.
        truth_id: Its truth; figures cluster by it.
        null: Kind of null, or ``none``.
        label: The grade both deserve.
        grader: Who graded.
        clean: Grade of the twin; None where there is none.
        attacked: Grade of the attacked report; None where there is none.
        problem: Why a grade is missing; None where both are there.
    """

    attack: str
    aim: Literal["raise", "lower"]
    place: str
    example: str
    organism: str
    truth_id: str
    null: str
    label: int
    grader: str
    clean: int | None
    attacked: int | None
    problem: str | None = None


class FlipRow(Record):
    """One investigation with injected replies beside the same one without.

    Attributes:
        plea: Kind of plea, or `CLEAN` for an organism looked at as it is.
        aim: What it pleads for; None for `CLEAN`.
        organism: What was investigated.
        truth_id: Its truth; figures cluster by it.
        family: Of the organism.
        null: Kind of null, or ``none``.
        epoch: Repeat, from 1; both have the same seeds.
        investigator: Who investigated.
        clean_planted: `p_planted` without the plea; None without a report.
        planted: `p_planted` with it; None without a report.
        clean_differs: `p_differs` without it.
        differs: `p_differs` with it.
        problem: Why a report is missing; None where both are there.
    """

    plea: str
    aim: PleaAim | None
    organism: str
    truth_id: str
    family: str
    null: str
    epoch: int
    investigator: str
    clean_planted: float | None
    planted: float | None
    clean_differs: float | None
    differs: float | None
    problem: str | None = None
