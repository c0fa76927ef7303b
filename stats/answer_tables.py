"""Answers as tables: contrasts, arms, ranks, claims, graders, and the models behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from diffgauge.stats.answers import (
    WORTHWHILE,
    Answer,
    discrimination,
    interval,
    measures,
    ranks,
    response,
)
from diffgauge.stats.features import GOOD_GRADE, Outcome
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.responses import new_organism
from diffgauge.stats.tables import Column, Table, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "MEASURES",
    "NEW",
    "OUTCOME_WORDS",
    "arms_table",
    "claims_answer_table",
    "contrast_table",
    "diagnosis_table",
    "outcome_words",
    "rank_table",
    "summed",
]

MEASURES: Final[Mapping[str, str]] = {
    "success": "success probability",
    "grade": "expected grade",
    "score": "expected score",
    "discrimination": "hits − false alarms",
}
"""Measures in words."""

OUTCOME_WORDS: Final[Mapping[Outcome, str]] = {
    "good_grades": f"grades of {GOOD_GRADE} or more",
    "grades": "rubric grades",
    "successes": "identified first",
    "scores": "reciprocal rank",
    "claims_planted": "a planted change claimed",
    "claims_differs": "a difference claimed",
}
"""Outcomes in words."""

NEW: Final = "organisms drawn anew from where these came from"
"""What a new organism is, in words."""


def summed(draws: NDArray[np.float64], n: int, n_organisms: int) -> Estimate:
    """Returns draws as median and 90 % interval, with the counts they rest on."""
    import numpy as np

    low, high = interval(draws)
    return Estimate(float(np.median(draws)), low, high, n, n_organisms)


def contrast_table(one: Answer, evidence: str) -> Table:
    """Every arm against what it is compared with."""
    held: list[dict[str, Value]] = [
        {
            "arm": found.arm,
            "reference": found.reference + ("" if found.headline else " (also)"),
            "measure": MEASURES[found.measure],
            "new": found.new,
            "these": found.these,
            "positive": found.p_positive,
            "worthwhile": found.p_worthwhile,
            "benefits": found.benefits,
        }
        for found in one.contrasts
    ]
    floor = ", ".join(
        f"{WORTHWHILE[measure]:g} in {MEASURES[measure]}" for measure in measures(one.design)
    )
    return Table(
        f"uplift_{one.outcome}",
        f"Uplift: {outcome_words(one)}",
        f"Differences from the reference ({one.stratum.words}), median and 90 % interval. An arm "
        "is compared with its matched blackbox where that ran, else with blackbox. The smallest "
        f"uplift worth having is taken to be {floor}. Worst … best: difference of plain "
        "figures with all unscored samples against the arm, and for it.",
        (
            Column("arm", "arm", "What the investigator saw."),
            Column("reference", "against", "What it is compared with."),
            Column("measure", "in", "What the difference is of."),
            Column("new", "uplift, a new organism", f"Mean over {NEW}."),
            Column("these", "uplift, these organisms", "Mean over the organisms that were run."),
            Column("positive", "P(uplift > 0)", "Of the uplift on new organisms."),
            Column("worthwhile", "P(worth having)", "That it exceeds the smallest worth having."),
            Column("benefits", "organisms helped", "Share of new organisms where it does better."),
        ),
        tuple(held),
        evidence,
    )


def outcome_words(one: Answer) -> str:
    """Returns in words what was modelled."""
    return OUTCOME_WORDS[one.outcome]


def arms_table(one: Answer, evidence: str) -> Table:
    """What each arm reaches, on new organisms and on these."""
    of, held = one.posterior, []
    for arm in one.design.levels["arm_id"]:
        rows = one.design.table[one.design.table["arm_id"] == arm]
        counts = int(rows["run"].nunique()), int(rows["organism"].nunique())
        values: dict[str, Value] = {"arm": arm}
        for measure in measures(one.design):
            for population in ("new", "these"):
                draws = response(of, arm, measure, population)
                values[f"{measure}_{population}"] = summed(draws, *counts)
        held.append(values)
    columns = [
        Column(
            f"{measure}_{population}",
            f"{MEASURES[measure]}, {'a new organism' if population == 'new' else 'these'}",
            f"Mean over {NEW if population == 'new' else 'the organisms that were run'}.",
        )
        for measure in measures(one.design)
        for population in ("new", "these")
    ]
    return Table(
        f"levels_{one.outcome}",
        f"Each arm: {outcome_words(one)}",
        f"Median and 90 % interval ({one.stratum.words}).",
        (Column("arm", "arm", "What the investigator saw."), *columns),
        tuple(held),
        evidence,
    )


def rank_table(one: Answer, evidence: str) -> Table:
    """The probability of each arm's being first, second, and so on."""
    found = ranks(one.posterior)
    columns = [
        Column(f"rank_{at}", str(at), f"Probability of rank {at} on new organisms.")
        for at in range(1, len(found) + 1)
    ]
    held: list[dict[str, Value]] = [
        {"arm": arm, **{f"rank_{at}": p for at, p in enumerate(chances, 1)}}
        for arm, chances in found.items()
    ]
    return Table(
        f"ranks_{one.outcome}",
        f"Ranks: {outcome_words(one)}",
        f"Probability of each rank in {MEASURES[measures(one.design)[0]]}, 1 best.",
        (Column("arm", "arm", "What the investigator saw."), *columns),
        tuple(held),
        evidence,
    )


def claims_answer_table(one: Answer, evidence: str) -> Table:
    """Hits and false alarms of each arm by kind of null."""
    kinds = one.design.levels["kind"]
    held = []
    for arm in one.design.levels["arm_id"]:
        rows = one.design.table[one.design.table["arm_id"] == arm]
        values: dict[str, Value] = {"arm": arm}
        for at, kind in enumerate(kinds):
            part = rows[rows["kind"] == kind]
            counts = int(part["run"].nunique()), int(part["organism"].nunique())
            draws = new_organism(one.posterior, arm, "claim", at)
            values[f"rate_{kind}"] = summed(draws, *counts)
            if at:
                apart = discrimination(one.posterior, arm, "new", at)
                values[f"apart_{kind}"] = summed(apart, *counts)
        held.append(values)
    columns = [
        Column("arm", "arm", "What the investigator saw."),
        Column("rate_planted", "hits", "Probability of a claim on a new planted organism."),
    ]
    for kind in kinds[1:]:
        columns += [
            Column(f"rate_{kind}", f"false alarms: {kind}", f"Of a claim on a new {kind} null."),
            Column(f"apart_{kind}", f"hits − false alarms: {kind}", "0 for always claiming."),
        ]
    return Table(
        f"claims_{one.outcome}",
        f"Hits and false alarms: {outcome_words(one)}",
        "From one model of planted organisms and nulls, by kind of null and never pooled; median "
        "and 90 % interval.",
        tuple(columns),
        tuple(held),
        evidence,
    )


def diagnosis_table(found: Sequence[Answer], evidence: str) -> Table:
    """Whether each model can be believed."""
    rows: list[dict[str, Value]] = []
    for one in found:
        diagnosis = one.diagnosis
        odd = "; ".join(
            f"{check.name}: {check.observed:.2f}, model {check.low:.2f} to {check.high:.2f}"
            for check in diagnosis.odd
        )
        rows.append(
            {
                "model": outcome_words(one),
                "stratum": one.stratum.words,
                "rows": len(one.design.table),
                "r_hat": f"{diagnosis.r_hat:.4f}",
                "effective": float(round(diagnosis.n_effective)),
                "divergent": diagnosis.n_divergent,
                "believed": "yes" if diagnosis.believed else "NO: " + "; ".join(diagnosis.reasons),
                "odd": odd or "none",
                "seconds": one.fit.seconds,
            }
        )
    return Table(
        "models",
        "The models behind the answers",
        "A model is believed when R-hat is under 1.01, 400 draws or more are effective and at most "
        "1 in 200 transitions diverged; what one says that is not is greyed and no headline.",
        (
            Column("model", "model of", "What was modelled."),
            Column("stratum", "rows of", "Within what it compares."),
            Column("rows", "rows", "How many it read."),
            Column("r_hat", "R-hat", "Largest over all unknowns; 1 when chains agree."),
            Column("effective", "effective draws", "Least over all unknowns."),
            Column("divergent", "divergent", "Transitions that diverged."),
            Column("believed", "believed", "And if not, why."),
            Column("odd", "unlike the data", "Figures the model would give in under 1 of 100."),
            Column("seconds", "seconds", "0 for a fit that was kept from before."),
        ),
        tuple(rows),
        evidence,
    )
