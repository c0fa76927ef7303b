"""Graders and investigators as answers: who grades higher, who finds more, who gains by an arm."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

from diffgauge.stats.answer_tables import MEASURES, NEW, outcome_words, summed
from diffgauge.stats.answers import Answer, as_measure, measures
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.part_tables import level_and_uplift
from diffgauge.stats.responses import new_organism
from diffgauge.stats.strata import references
from diffgauge.stats.tables import Column, Table, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Draws = NDArray[np.float64]

__all__ = ["factor_table", "investigator_table"]

_INVESTIGATOR: Final = "investigator"
_APART: Final = ("dose",)
"""Factors that have a table of their own (`part_tables.dose_table`)."""


def factor_table(one: Answer, evidence: str) -> Table | None:
    """Every pair of graders, and of investigators, as a difference in outcome.

    Returns:
        The table; None where no such factor has two levels.
    """
    of = one.design
    names = [name for name in of.main if name != "arm_id" and name not in _APART]
    measure = measures(of)[0]
    rows: list[dict[str, Value]] = []
    for name in names:
        levels = {level: _over_arms(one, {name: level}) for level in of.levels[name]}
        logits = one.posterior.draws[f"{name}_effects"]
        place = {level: at for at, level in enumerate(of.levels[name])}
        for first, second in combinations(of.levels[name], 2):
            gap = levels[first] - levels[second]
            met = of.table[of.table[name].isin([first, second])]
            counts = int(met["run"].nunique()), int(met["organism"].nunique())
            apart = logits[:, place[first]] - logits[:, place[second]]
            rows.append(
                {
                    "factor": name,
                    "level": first,
                    "other": second,
                    "difference": summed(gap, *counts),
                    "positive": float((gap > 0).mean()),
                    "logits": summed(apart, *counts),
                }
            )
    if not rows:
        return None
    return Table(
        f"effects_{one.outcome}",
        f"Graders and investigators: {outcome_words(one)}",
        "How much higher the first one comes out than the other on a new organism, averaged "
        "over arms: a more lenient grader, an abler investigator. All else is held alike.",
        (
            Column("factor", "factor", "What varies."),
            Column("level", "which", "Grader or investigator."),
            Column("other", "less", "Whom it is held against."),
            Column("difference", MEASURES[measure], f"Difference; mean over {NEW}."),
            Column("positive", "P(difference > 0)", "Probability that it is above 0."),
            Column("logits", "logits", "The same on the model's own scale, whatever the arm."),
        ),
        tuple(rows),
        evidence,
    )


def _over_arms(one: Answer, held: dict[str, str]) -> Draws:
    """Returns the mean response of all arms on a new organism with factors held at levels."""
    arms = one.design.levels["arm_id"]
    measure = as_measure(measures(one.design)[0])
    parts = [new_organism(one.posterior, arm, measure, held=held) for arm in arms]
    return sum(parts[1:], start=parts[0]) / len(parts)


def investigator_table(one: Answer, evidence: str) -> Table | None:
    """Investigator × arm: each arm's uplift with one investigator, and beside the others'.

    Returns:
        The table; None where there is one investigator or one arm.
    """
    arms = list(one.design.levels["arm_id"])
    if _INVESTIGATOR not in one.design.main or len(arms) < 2:
        return None
    measure = as_measure(measures(one.design)[0])
    names = one.design.levels[_INVESTIGATOR]
    table = one.design.table
    met = {name: table[table[_INVESTIGATOR] == name] for name in names}
    held = {
        name: {
            arm: new_organism(one.posterior, arm, measure, held={_INVESTIGATOR: name})
            for arm in arms
            if (met[name]["arm_id"] == arm).any()
        }
        for name in names
    }
    rows: list[dict[str, Value]] = []
    for name in names:
        for arm in arms:
            values = level_and_uplift(met[name], arm, held[name], arms)
            gain = values.get("uplift")
            for reference in references(arm, arms)[:1]:
                gains = {
                    who: of[arm] - of[reference]
                    for who, of in held.items()
                    if arm in of and reference in of
                }
                others = [draws for who, draws in gains.items() if who != name]
                if others and isinstance(gain, Estimate):
                    rest = sum(others[1:], start=others[0]) / len(others)
                    values["apart"] = summed(gains[name] - rest, gain.n, gain.n_organisms)
            rows.append({"investigator": name, "arm": arm, **values})
    return Table(
        f"investigators_{one.outcome}",
        f"By investigator: {outcome_words(one)}",
        "On a new organism. Investigator × arm is an effect of the model, drawn towards none.",
        (
            Column("investigator", "investigator", "The model that investigated."),
            Column("arm", "arm", "What the investigator saw."),
            Column("level", MEASURES[measure], f"Mean over {NEW}."),
            Column("uplift", "uplift", "Over the arm's headline reference."),
            Column("positive", "P(uplift > 0)", "Probability that it is above 0."),
            Column("apart", "beside the others", "This uplift less the mean of the others'."),
        ),
        tuple(rows),
        evidence,
    )
