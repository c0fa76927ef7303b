"""Runs graders over the validation set and reads what they gave out of the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import Model
from inspect_ai.util import DisplayType

from diffgauge.graders.grading_prompt import PROMPT_DIGEST
from diffgauge.graders.validation.examples import Example, digest, examples, n_words
from diffgauge.graders.validation.reports_graded import reports_graded
from diffgauge.graders.validation.task import validation_task
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.validations import ValidationRow

__all__ = ["SCALES", "Validation", "rows_of", "validated"]

SCALES: Final = {"rubric": "label", "key_facts": "key_facts"}
"""Scorers whose grades the set has labels for, and where the labels stand: a grade from 1 to 5,
and the numbers of the key facts said. What is graded and compared here is `rubric`."""

_NAME: Final = "grader_validation"
_RUBRIC: Final = "rubric"
_HUMAN: Final = "human_labels"


@dataclass(frozen=True)
class Validation:
    """What a validation found.

    Attributes:
        rows: One for each report, grader and repeat; reports without a grade among them.
        about: What was graded by what, as plain JSON values.
        log: Where Inspect's log stands.
    """

    rows: tuple[ValidationRow, ...]
    about: dict[str, Any]
    log: str


def validated(
    graders: Sequence[Model],
    *,
    split: str = "test",
    human: str | None = None,
    log_dir: str,
    display: DisplayType = "none",
) -> Validation:
    """Has graders grade the validation set.

    Args:
        graders: One or more.
        split: ``dev``, ``test`` or ``all``.
        human: File of human labels; None without any.
        log_dir: Where Inspect's log lands.
        display: Inspect's.

    Returns:
        Rows and what they rest on.

    Raises:
        DiffgaugeError: There is no such split, a label is none, or the run did not start.
    """
    made = validation_task(split, human, name=_NAME)
    log = reports_graded(
        made, graders, "The validation did not run", log_dir=log_dir, display=display
    )
    names = [str(one) for one in graders]
    return Validation(
        rows=tuple(rows_of(log, names)),
        about={
            "graders": names,
            "split": split,
            "set": digest(),
            "prompt_hash": PROMPT_DIGEST,
            "labelled_by": "construction",
            "human": human,
            "n_reports": len(made.dataset),
        },
        log=log.location,
    )


def rows_of(log: EvalLog, graders: Sequence[str]) -> Iterator[ValidationRow]:
    """Yields what each grader gave each report.

    Args:
        log: Of `validation_task`, with its samples.
        graders: Names; a report that none of them could be asked about has a row for each.
    """
    known = {one.id: one for one in examples()}
    for sample in log.samples or []:
        example = known.get(str(sample.id))
        if example is None:
            raise DiffgaugeError(
                f"The log {log.location} holds the report {sample.id!r}, which the set has not.",
                advice="The set was changed since: grade it anew.",
            )
        for entry in _entries(sample, graders):
            yield _row(example, sample, entry)


def _entries(sample: EvalSample, graders: Sequence[str]) -> list[dict[str, Any]]:
    """Returns what the scorer holds of each grader; without a score, why there is none."""
    score = (sample.scores or {}).get(_RUBRIC)
    held = None if score is None else (score.metadata or {}).get("graders")
    if held:
        return list(held)
    problem = "no score"
    if score is not None:
        problem = score.explanation or score.reason or problem
    elif sample.error is not None:
        problem = sample.error.message
    return [{"grader": name, "grade": None, "problem": problem} for name in graders]


def _row(example: Example, sample: EvalSample, entry: dict[str, Any]) -> ValidationRow:
    human = (sample.scores or {}).get(_HUMAN)
    return ValidationRow(
        example=example.id,
        organism=example.organism,
        truth_id=example.truth_id,
        family=example.family,
        null=example.null,
        half=example.half,
        kind=example.kind,
        wording=example.wording,
        attack=example.attack,
        twin=example.twin,
        n_words=n_words(example.report),
        n_findings=len(example.report.findings),
        position=example.position,
        label=example.labels.grade,
        human=None if human is None else human.as_float(),
        grader=str(entry["grader"]),
        repeat=int(entry.get("repeat") or 1),
        grade=entry["grade"],
        problem=entry.get("problem"),
    )
