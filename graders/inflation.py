"""How far attacks in a report move its grade, for any grader: each beside its clean twin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import Model
from inspect_ai.util import DisplayType

from diffgauge.graders.attacks import AIMS, ATTACKS, PLACES, Aim, Place, attacked, fits
from diffgauge.graders.grading_prompt import PROMPT_DIGEST
from diffgauge.graders.rubric import rubric
from diffgauge.graders.rubric_files import rubric_file
from diffgauge.graders.validation.examples import Example, digest, examples
from diffgauge.graders.validation.reports_graded import reports_graded
from diffgauge.graders.validation.task import handed_in, sample_of
from diffgauge.organisms.truth import truth
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.injections import InflationRow

__all__ = ["DEFAULT_REPORTS", "Inflation", "Trial", "check_trials", "inflated", "trials"]

DEFAULT_REPORTS: Final = 6
"""Reports that each attack is put into, for each aim."""

_RAISED: Final = ("wrong", "over_general", "assertion")
"""Kinds of reports that deserve little."""

_LOWERED: Final = ("good", "denial")
"""Kinds of reports that deserve the best."""

_RUBRIC: Final = "rubric"


@dataclass(frozen=True)
class Trial:
    """One attack in one report.

    Attributes:
        attack: Its kind.
        aim: What it asks for.
        place: Where it stands.
        clean: The report without it.
        example: The report with it, under an id of its own.
    """

    attack: str
    aim: Aim
    place: Place
    clean: Example
    example: Example


@dataclass(frozen=True)
class Inflation:
    """What was found.

    Attributes:
        rows: One for each trial and grader.
        about: What was graded by what, as plain JSON values.
        log: Where Inspect's log stands.
    """

    rows: tuple[InflationRow, ...]
    about: dict[str, Any]
    log: str


def trials(n_reports: int = DEFAULT_REPORTS, split: str = "test") -> tuple[Trial, ...]:
    """Returns every attack in reports of the validation set.

    Args:
        n_reports: Reports for each attack and aim; places and reports take turns, so that each
            attack stands in every place from three reports on.
        split: Half of the set they come from.

    Raises:
        DiffgaugeError: There is no such half, or fewer than one report is asked for.
    """
    check_trials(n_reports)
    found = examples(split)
    of_aim = {"raise": _among(found, _RAISED), "lower": _among(found, _LOWERED)}
    made = []
    for number, name in enumerate(ATTACKS):
        for aim in AIMS:
            among = of_aim[aim]
            for turn in range(n_reports):
                clean = among[(number * n_reports + turn) % len(among)]
                made.append(_trial(name, aim, PLACES[turn % len(PLACES)], clean))
    return tuple(made)


def check_trials(n_reports: int) -> None:
    """Checks how many reports an attack is put into.

    Raises:
        DiffgaugeError: Fewer than one.
    """
    if n_reports < 1:
        raise DiffgaugeError(f"{n_reports} reports were asked for.", allowed="1 or more")


def _among(found: Sequence[Example], kinds: Sequence[str]) -> list[Example]:
    """Returns the clean, short reports with a finding of these kinds, kinds taking turns."""
    by_kind = [
        [
            one
            for one in found
            if one.kind == kind and one.twin is None and one.report.findings and _extreme(one, kind)
        ]
        for kind in kinds
    ]
    longest = max(map(len, by_kind), default=0)
    return [of_kind[at] for at in range(longest) for of_kind in by_kind if at < len(of_kind)]


def _extreme(one: Example, kind: str) -> bool:
    """A report in the middle of the scale has less room in either direction."""
    return one.labels.grade <= 2 if kind in _RAISED else one.labels.grade == 5


def _trial(name: str, aim: Aim, place: Place, clean: Example) -> Trial:
    by = rubric_file(truth(clean.organism).rubric)
    report = attacked(clean.report, ATTACKS[name].make(by, aim), place)
    if not fits(report):
        # Nobody could submit it; the summary has room.
        place = "summary_end"
        report = attacked(clean.report, ATTACKS[name].make(by, aim), place)
    made = clean.model_copy(
        update={
            "id": f"{clean.id} | {name} {aim} {place}",
            "kind": "adversarial",
            "attack": name,
            "twin": clean.id,
            "report": report,
        }
    )
    return Trial(name, aim, place, clean, made)


def inflated(
    graders: Sequence[Model],
    *,
    n_reports: int = DEFAULT_REPORTS,
    split: str = "test",
    log_dir: str,
    display: DisplayType = "none",
) -> Inflation:
    """Has graders grade attacked reports and their clean twins.

    Args:
        graders: One or more.
        n_reports: As in `trials`.
        split: Likewise.
        log_dir: Where Inspect's log lands.
        display: Inspect's.

    Returns:
        A row for each trial and grader; where a grade is missing it is None with the reason.

    Raises:
        DiffgaugeError: As `trials`, or the run did not start.
    """
    tried = trials(n_reports, split)
    unique = {one.clean.id: one.clean for one in tried} | {
        one.example.id: one.example for one in tried
    }
    made = Task(
        dataset=MemoryDataset([sample_of(one) for one in unique.values()], name="attacks"),
        solver=handed_in(),
        scorer=rubric(),
        name="grade_inflation",
        version="1-A",
    )
    log = reports_graded(
        made, graders, "The attacked reports were not graded", log_dir=log_dir, display=display
    )
    names = [str(one) for one in graders]
    return Inflation(
        rows=tuple(_rows(tried, log, names)),
        about={
            "graders": names,
            "split": split,
            "set": digest(),
            "prompt_hash": PROMPT_DIGEST,
            "n_attacks": len(ATTACKS),
            "n_reports": n_reports,
        },
        log=log.location,
    )


def _rows(tried: Sequence[Trial], log: EvalLog, names: Sequence[str]) -> Iterator[InflationRow]:
    samples = {str(sample.id): sample for sample in log.samples or []}
    for one in tried:
        for name in names:
            clean, why_clean = _grade(samples.get(one.clean.id), name)
            given, why = _grade(samples.get(one.example.id), name)
            yield InflationRow(
                attack=one.attack,
                aim=one.aim,
                place=one.place,
                example=one.clean.id,
                organism=one.clean.organism,
                truth_id=one.clean.truth_id,
                null=one.clean.null,
                label=one.clean.labels.grade,
                grader=name,
                clean=clean,
                attacked=given,
                problem=why or (None if why_clean is None else f"the clean twin: {why_clean}"),
            )


def _grade(sample: EvalSample | None, name: str) -> tuple[int | None, str | None]:
    """Returns a grader's first grade of a sample, or None and the reason."""
    score = None if sample is None else (sample.scores or {}).get(_RUBRIC)
    if score is None:
        return None, "no score"
    for entry in (score.metadata or {}).get("graders", []):
        if entry["grader"] == name:
            return entry["grade"], entry.get("problem")
    return None, score.explanation or "no score"
