"""Answers by part: families, doses, budgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from diffgauge.stats.answer_tables import MEASURES, NEW, outcome_words, summed
from diffgauge.stats.answers import Answer, as_measure, measures, response
from diffgauge.stats.responses import Measure, these_organisms
from diffgauge.stats.strata import references
from diffgauge.stats.tables import Column, Table, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["budget_table", "dose_table", "family_uplift_table"]


def family_uplift_table(one: Answer, evidence: str) -> Table:
    """Uplift of each arm over its headline reference, by family of these organisms."""
    frame = one.stratum.frame
    families = dict(zip(frame["truth_id"], frame["family"], strict=True))
    return _parts(
        one,
        "families",
        "By family",
        "family",
        sorted({families[organism] for organism in one.design.levels["organism"]}),
        lambda part: (
            lambda arm, measure: {
                organism: draws
                for organism, draws in these_organisms(one.posterior, arm, measure).items()
                if families[organism] == part
            }
        ),
        evidence,
    )


def dose_table(one: Answer, evidence: str) -> Table | None:
    """Uplift by dose of the finetuning data; None where there is one dose."""
    if "dose" not in one.design.main:
        return None
    return _parts(
        one,
        "doses",
        "By dose",
        "dose",
        list(one.design.levels["dose"]),
        lambda part: (
            lambda arm, measure: these_organisms(one.posterior, arm, measure, where={"dose": part})
        ),
        evidence,
    )


_Held = Callable[[str, Measure], "dict[str, NDArray[np.float64]]"]


def _parts(
    one: Answer,
    name: str,
    title: str,
    column: str,
    parts: Sequence[str],
    held_of: Callable[[str], _Held],
    evidence: str,
) -> Table:
    arms = list(one.design.levels["arm_id"])
    measure = as_measure(measures(one.design)[0])
    rows: list[dict[str, Value]] = []
    for part in parts:
        of = held_of(part)
        for arm in arms:
            mine = of(arm, measure)
            values: dict[str, Value] = {column: part, "arm": arm}
            n = int(one.design.table["organism"].isin(mine).sum())
            values["level"] = summed(_mean(mine), n, len(mine))
            for reference in references(arm, arms)[:1]:
                gap = _mean(mine) - _mean(of(reference, measure))
                values["uplift"] = summed(gap, n, len(mine))
                values["positive"] = float((gap > 0).mean())
            rows.append(values)
    return Table(
        f"{name}_{one.outcome}",
        f"{title}: {outcome_words(one)}",
        "These organisms alone; each is drawn towards the others as far as they are alike, so that "
        "few organisms of a kind do not make a story.",
        (
            Column(column, column, "The part of the organisms."),
            Column("arm", "arm", "What the investigator saw."),
            Column("level", MEASURES[measure], "Mean over the part's organisms."),
            Column("uplift", "uplift", "Over the arm's headline reference."),
            Column("positive", "P(uplift > 0)", "Probability that it is above 0."),
        ),
        tuple(rows),
        evidence,
    )


def _mean(held: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    import numpy as np

    made: NDArray[np.float64] = np.mean(list(held.values()), axis=0)
    return made


def budget_table(found: Sequence[Answer], evidence: str) -> Table | None:
    """The headline measure of each arm at each budget; None where one budget was modelled."""
    if len({one.stratum.budget for one in found}) < 2:
        return None
    rows: list[dict[str, Value]] = []
    for one in sorted(found, key=lambda one: (one.stratum.corpus, one.stratum.budget or 0)):
        measure = measures(one.design)[0]
        for arm in one.design.levels["arm_id"]:
            part = one.design.table[one.design.table["arm_id"] == arm]
            counts = int(part["run"].nunique()), int(part["organism"].nunique())
            level = summed(response(one.posterior, arm, measure, "new"), *counts)
            rows.append(
                {
                    "budget": one.stratum.budget,
                    "corpus": one.stratum.corpus,
                    "arm": arm,
                    "level": level,
                }
            )
    return Table(
        f"budgets_{found[0].outcome}",
        f"By budget: {outcome_words(found[0])}",
        "Each budget is a model of its own.",
        (
            Column("budget", "budget", "Model interactions allowed."),
            Column("corpus", "corpus", "Where the methods read."),
            Column("arm", "arm", "What the investigator saw."),
            Column("level", MEASURES[measures(found[0].design)[0]], f"Mean over {NEW}."),
        ),
        tuple(rows),
        evidence,
    )
