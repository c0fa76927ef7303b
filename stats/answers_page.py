"""The answers' part of a report: sentences, the forest plot, tables."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from diffgauge.stats.answer_costs import cost_answer_table
from diffgauge.stats.answer_figure import draw_forest, forest_words, headlines
from diffgauge.stats.answer_pictures import pictured
from diffgauge.stats.answer_sets import Answers
from diffgauge.stats.answer_tables import (
    MEASURES,
    arms_table,
    claims_answer_table,
    contrast_table,
    diagnosis_table,
    outcome_words,
    rank_table,
)
from diffgauge.stats.answers import WORTHWHILE, Answer, Contrast
from diffgauge.stats.factor_tables import factor_table, investigator_table
from diffgauge.stats.loo_table import loo_table
from diffgauge.stats.part_tables import (
    budget_shares_table,
    budget_table,
    dose_table,
    family_uplift_table,
)
from diffgauge.stats.parts import Part, Picture, Words
from diffgauge.stats.refits import Refit
from diffgauge.stats.reliability import krippendorff_alpha, retest_alpha
from diffgauge.stats.tables import Column, Table, Value

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Section", "answers_section", "sentences", "verdict"]

_CONTROLS: Final = frozenset({"blackbox_matched", "sham", "single_model"})


@dataclass(frozen=True)
class Section:
    """What a report says of the models.

    Attributes:
        words: Its sentences.
        first: What the first screen shows: what became of the methods, and the forest plot.
        parts: For further down: the sentences, tables, and what cannot be believed.
        held: The engine and notes as plain JSON.
    """

    words: tuple[str, ...]
    first: tuple[Part, ...]
    parts: tuple[Part, ...]
    held: dict[str, Any]

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables, for the JSON twin and the terminal."""
        return tuple(part for part in self.parts if isinstance(part, Table))


def answers_section(found: Answers, frame: DataFrame, evidence: str) -> Section:
    """Writes the answers' section.

    Args:
        found: The answers.
        frame: The rows they were made of.
        evidence: The mark.

    Returns:
        The section; without any answer it says what is missing.
    """
    words = sentences(found)
    drawn: list[Part] = []
    for one in found.found:
        for table in _named(_tables(one, evidence), one, found.found[0]):
            # The figures of the headline and its false alarms: those of all would be dozens.
            drawn += pictured(table) if _is_main(one, found.found[0]) else (table,)
    for table in _closing(found, frame, evidence):
        drawn += pictured(table)
    forests = [_forest(one, evidence) for one in found.found if headlines(one)]
    # The first model that is believed stands on the first screen; a failed one never does.
    shown = next((one for one in forests if not one.doubt), None)
    doubted = forests[0] if forests and shown is None else None
    verdicts = tuple(verdict(one) for one in _shown(found) if headlines(one))
    first: list[Part] = [Words(verdicts or words)]
    if shown is not None:
        first.append(shown)
    first.append(Words((f"Fitted by {found.engine}.", *found.notes), quiet=True))
    held = {
        "engine": found.engine,
        "notes": list(found.notes),
        "believed": {
            f"{one.outcome}, {one.stratum.words}": one.diagnosis.believed for one in found.found
        },
    }
    said = Words(words) if verdicts else None
    parts = tuple(part for part in (said, doubted, *drawn) if part is not None)
    return Section(words, tuple(first), parts, held)


def _is_main(one: Answer, first: Answer) -> bool:
    return one is first or (one.stratum is first.stratum and one.outcome == "claims_planted")


def _forest(one: Answer, evidence: str) -> Picture:
    return Picture(
        "forest",
        partial(draw_forest, one, evidence),
        f"{outcome_words(one)}: {forest_words(headlines(one))}",
        f"Uplift in {MEASURES[headlines(one)[0].measure]} ({outcome_words(one)}; "
        f"{one.stratum.words}) over the fairest reference that ran.",
        evidence,
        _doubt(one),
    )


def _doubt(one: Answer) -> str:
    return "" if one.diagnosis.believed else "; ".join(one.diagnosis.reasons)


def _shown(found: Answers) -> list[Answer]:
    """Returns the answers that are told in sentences: those of the headline's rows."""
    return [one for one in found.found if one.stratum is found.found[0].stratum]


def sentences(found: Answers, arms: Collection[str] | None = None) -> tuple[str, ...]:
    """Returns a sentence for each headline contrast of each first-stratum model.

    Args:
        found: The answers.
        arms: Whose; None takes all.
    """
    said: list[str] = []
    for one in _shown(found):
        if one.diagnosis.believed:
            held = [made for made in headlines(one) if arms is None or made.arm in arms]
            said += [_sentence(one, made) for made in held]
        else:
            said.append(_refused(one))
    return tuple(said) or ("No model could compare arms.",)


def _refused(one: Answer) -> str:
    return f"The model of {outcome_words(one)} is no headline: {_doubt(one)}."


def verdict(one: Answer) -> str:
    """Returns in a sentence which methods have an interval on one side of 0.

    Args:
        one: An answer with contrasts. Controls (matched blackbox, sham, finetuned side alone) are
            not counted where an arm that shows a method ran.
    """
    if not one.diagnosis.believed:
        return _refused(one)
    held = headlines(one)
    treated = [made for made in held if made.arm.rpartition(":")[2] not in _CONTROLS]
    kind, held = ("method arm", treated) if treated else ("arm", held)
    parts = [
        *_named_arms("better", [made for made in held if made.new.low > 0]),
        *_named_arms("worse", [made for made in held if made.new.high < 0]),
    ]
    n = sum(made.new.low <= 0 <= made.new.high for made in held)
    return (
        f"{MEASURES[held[0].measure].capitalize()} ({outcome_words(one)}), new organisms, each "
        f"{kind} against the fairest reference that ran: {'; '.join([*parts, f'{n} undecided'])} "
        f"(of {len(held)}; undecided: its 90 % interval holds 0)."
    )


def _named_arms(kind: str, held: Sequence[Contrast]) -> list[str]:
    named = ", ".join(
        f"{made.arm} {_signed(made.new.value)} [{_signed(made.new.low)}, {_signed(made.new.high)}]"
        for made in held
    )
    return [f"{len(held)} {kind} ({named})"] if held else [f"none {kind}"]


def _sentence(one: Answer, held: Contrast) -> str:
    new, floor = held.new, WORTHWHILE[held.measure]
    unscored = f", {new.n_missing} unscored" if new.n_missing else ""
    plural = "" if new.n_organisms == 1 else "s"
    return (
        f"{held.arm} over {held.reference}, {MEASURES[held.measure]} ({outcome_words(one)}): "
        f"{_signed(new.value)} [{_signed(new.low)}, {_signed(new.high)}] on a new organism; "
        f"P(uplift > 0) {held.p_positive:.2f}, P(uplift > {floor:g}) {held.p_worthwhile:.2f}; "
        f"{new.n_organisms} organism{plural}, {new.n} samples{unscored}."
    )


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _tables(one: Answer, evidence: str) -> list[Table]:
    made = _claims(one, evidence) if one.design.model == "claims" else _others(one, evidence)
    return [replace(table, doubt=_doubt(one)) for table in made if table is not None]


def _claims(one: Answer, evidence: str) -> list[Table | None]:
    return [
        contrast_table(one, evidence) if one.contrasts else None,
        claims_answer_table(one, evidence) if len(one.design.levels["kind"]) > 1 else None,
        cost_answer_table(one, evidence),
    ]


def _others(one: Answer, evidence: str) -> list[Table | None]:
    made: list[Table | None] = [
        contrast_table(one, evidence) if one.contrasts else None,
        arms_table(one, evidence),
        factor_table(one, evidence),
    ]
    if one.outcome != "grades":
        made += [
            rank_table(one, evidence) if one.contrasts else None,
            family_uplift_table(one, evidence),
            dose_table(one, evidence),
            investigator_table(one, evidence),
            cost_answer_table(one, evidence),
        ]
    return made


def _named(tables: list[Table], one: Answer, first: Answer) -> list[Table]:
    """Gives tables of further strata names of their own: files hold them by name."""
    if one.stratum is first.stratum:
        return tables
    part = re.sub(r"[^a-z0-9]+", "_", one.stratum.words)
    return [replace(table, name=f"{table.name}_{part}") for table in tables]


def _closing(found: Answers, frame: DataFrame, evidence: str) -> list[Table]:
    made: list[Table | None] = []
    if found.found:
        first = [one for one in found.found if one.outcome == found.found[0].outcome]
        budgets = budget_table(first, evidence)
        doubt = next((_doubt(one) for one in first if not one.diagnosis.believed), "")
        made += [
            budget_shares_table(found.parts, evidence),
            None if budgets is None else replace(budgets, doubt=doubt),
            diagnosis_table(found.found, evidence),
            loo_table(found.found[0], found.compared, evidence),
        ]
    made.append(_agreement_table(frame, evidence))
    made.append(_refit_table(found, evidence))
    return [table for table in made if table is not None]


def _agreement_table(frame: DataFrame, evidence: str) -> Table | None:
    """How far graders agree; None where no grades were given."""
    graded = frame[frame["grade"].notna() & (frame["null"] == "none")]
    if graded.empty:
        return None
    rows: list[dict[str, Value]] = [
        {"what": "graders among each other", "alpha": krippendorff_alpha(graded)}
    ]
    for grader in sorted(graded["grader"].unique()):
        again = retest_alpha(graded[graded["grader"] == grader])
        if again.n:
            rows.append({"what": f"{grader} with itself", "alpha": again})
    return Table(
        "grader_agreement",
        "How far graders agree",
        "Krippendorff's alpha of rubric grades on planted organisms, ordinal; intervals by "
        "resampling organisms. Undefined with one grader, or where all grades are equal.",
        (
            Column("what", "who", "Whose grades of the same report are compared."),
            Column(
                "alpha", "alpha", "1 perfect, 0 chance; n counts reports with two or more grades."
            ),
        ),
        tuple(rows),
        evidence,
    )


def _refit_table(found: Answers, evidence: str) -> Table | None:
    """The headline under other priors and without each organism; None where not asked for."""
    if not found.refits or not found.found[0].contrasts:
        return None
    own = found.found[0]
    nothing = Refit("nothing", own.contrasts, own.diagnosis.reasons)
    rows: list[dict[str, Value]] = [
        {
            "changed": refit.changed,
            "arm": one.arm,
            "reference": one.reference,
            "new": one.new,
            "positive": one.p_positive,
            "believed": "yes" if not refit.reasons else "NO: " + "; ".join(refit.reasons),
        }
        for refit in (nothing, *found.refits)
        for one in refit.contrasts
        if one.headline and one.measure == found.found[0].contrasts[0].measure
    ]
    return Table(
        "refits",
        "What the headline hangs on",
        "The headline's model fitted again with one thing changed.",
        (
            Column("changed", "changed", "Priors' spreads, or the organism left out."),
            Column("arm", "arm", "What the investigator saw."),
            Column("reference", "against", "What it is compared with."),
            Column("new", "uplift, a new organism", "Median and 90 % interval."),
            Column("positive", "P(uplift > 0)", "Probability that it is above 0."),
            Column("believed", "believed", "And if not, why."),
        ),
        tuple(rows),
        evidence,
        _doubt(found.found[0]),
    )
