"""Answers by part: families, doses, budgets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from diffgauge.stats.answer_tables import MEASURES, NEW, OUTCOME_WORDS, outcome_words, summed
from diffgauge.stats.answers import Answer, as_measure, measures, response
from diffgauge.stats.features import Design
from diffgauge.stats.intervals import Estimate, clustered_share
from diffgauge.stats.responses import new_organism, these_organisms
from diffgauge.stats.strata import NO_CORPUS, Stratum, references
from diffgauge.stats.tables import Column, Table, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

    Draws = NDArray[np.float64]

__all__ = [
    "budget_shares_table",
    "budget_table",
    "counts_of",
    "dose_order",
    "dose_table",
    "family_uplift_table",
    "level_and_uplift",
]

_UNDILUTED: Final = "undiluted"
_ARM: Final = Column("arm", "arm", "What the investigator saw.")
_POSITIVE: Final = Column("positive", "P(uplift > 0)", "Probability that it is above 0.")


def counts_of(of: Design, arms: Sequence[str], organisms: Iterable[str]) -> tuple[int, int]:
    """Returns the samples, and the organisms among them, that arms have on some organisms."""
    rows = of.table[of.table["arm_id"].isin(arms) & of.table["organism"].isin(list(organisms))]
    return int(rows["run"].nunique()), int(rows["organism"].nunique())


def family_uplift_table(one: Answer, evidence: str) -> Table | None:
    """Method × family: each arm's uplift on the organisms of one family, and beside the others'.

    It is read off the organism × arm slopes.

    Returns:
        The table; None where there is one family, of which the answer as a whole speaks.
    """
    families = _families(one)
    if len(families) < 2:
        return None
    arms = list(one.design.levels["arm_id"])
    measure = as_measure(measures(one.design)[0])
    held = {arm: these_organisms(one.posterior, arm, measure) for arm in arms}
    rows: list[dict[str, Value]] = []
    for family, organisms in families.items():
        others = [name for other, names in families.items() if other != family for name in names]
        for arm in arms:
            counts = counts_of(one.design, [arm], organisms)
            values: dict[str, Value] = {"family": family, "arm": arm}
            values["level"] = summed(_mean(held[arm], organisms), *counts)
            for reference in references(arm, arms)[:1]:
                both = counts_of(one.design, [arm, reference], organisms)
                gap = _mean(held[arm], organisms) - _mean(held[reference], organisms)
                rest = _mean(held[arm], others) - _mean(held[reference], others)
                values["uplift"] = summed(gap, *both)
                values["positive"] = float((gap > 0).mean())
                values["apart"] = summed(gap - rest, *both)
            rows.append(values)
    single = [family for family, organisms in families.items() if len(organisms) == 1]
    alone = f" Of one organism only, which is no family: {', '.join(single)}." if single else ""
    return Table(
        f"families_{one.outcome}",
        f"By family: {outcome_words(one)}",
        "These organisms alone; each is drawn towards the others as far as they are alike, so that "
        f"few organisms of a kind do not make a story.{alone}",
        (
            Column("family", "family", "Kind of planted difference."),
            _ARM,
            Column("level", MEASURES[measure], "Mean over the family's organisms."),
            Column("uplift", "uplift", "Over the arm's headline reference."),
            _POSITIVE,
            Column("apart", "beside other families", "This uplift less that on all the others."),
        ),
        tuple(rows),
        evidence,
    )


def _families(one: Answer) -> dict[str, list[str]]:
    """Returns the organisms of each family, both by name."""
    frame = one.stratum.frame
    family = dict(zip(frame["truth_id"], frame["family"], strict=True))
    found: dict[str, list[str]] = {}
    for organism in one.design.levels["organism"]:
        found.setdefault(str(family[organism]), []).append(organism)
    return dict(sorted(found.items()))


def _mean(held: Mapping[str, Draws], organisms: Sequence[str]) -> Draws:
    import numpy as np

    made: Draws = np.mean([held[name] for name in organisms], axis=0)
    return made


def dose_order(dose: str) -> tuple[float, str]:
    """Returns what sorts doses from weak to strong: ``1:4`` is a share of one fifth.

    What is no ratio stands behind, by name.
    """
    planted, _, unrelated = dose.partition(":")
    if dose == _UNDILUTED:
        return 1.0, dose
    try:
        return float(planted) / (float(planted) + float(unrelated)), dose
    except (ValueError, ZeroDivisionError):
        return 2.0, dose


def dose_table(one: Answer, evidence: str) -> Table | None:
    """Each arm at each dose of the finetuning data; None where there is one dose."""
    if "dose" not in one.design.main:
        return None
    arms = list(one.design.levels["arm_id"])
    measure = as_measure(measures(one.design)[0])
    table = one.design.table
    rows: list[dict[str, Value]] = []
    for dose in sorted(one.design.levels["dose"], key=dose_order):
        at = {"dose": dose}
        met = table[table["dose"] == dose]
        held = {
            arm: new_organism(one.posterior, arm, measure, held=at)
            for arm in arms
            if (met["arm_id"] == arm).any()
        }
        for arm in arms:
            rows.append({"dose": dose, "arm": arm, **level_and_uplift(met, arm, held, arms)})
    return Table(
        f"doses_{one.outcome}",
        f"By dose: {outcome_words(one)}",
        "A new organism at each dose, from weak to strong: dose and dose × arm are effects of the "
        "model, so that a dose which met easier organisms gains nothing by it. n counts what was "
        "run at the dose.",
        (
            Column("dose", "dose", "Organism data to unrelated data in the finetuning."),
            _ARM,
            Column("level", MEASURES[measure], f"Mean over {NEW}."),
            Column("uplift", "uplift", "Over the arm's headline reference."),
            _POSITIVE,
        ),
        tuple(rows),
        evidence,
    )


def level_and_uplift(
    met: DataFrame, arm: str, held: Mapping[str, Draws], arms: list[str]
) -> dict[str, Value]:
    """Returns an arm's level and its uplift over its headline reference.

    Args:
        met: The rows of a part.
        arm: The arm.
        held: Draws of the arms that have rows in the part; of another nothing is told.
        arms: All arms, which say what the reference is.
    """

    def counts(*of: str) -> tuple[int, int]:
        rows = met[met["arm_id"].isin(of)]
        return int(rows["run"].nunique()), int(rows["organism"].nunique())

    if arm not in held:
        return {"level": Estimate(math.nan, math.nan, math.nan, 0, 0)}
    values: dict[str, Value] = {"level": summed(held[arm], *counts(arm))}
    for reference in references(arm, arms)[:1]:
        if reference in held:
            gap = held[arm] - held[reference]
            values["uplift"] = summed(gap, *counts(arm, reference))
            values["positive"] = float((gap > 0).mean())
    return values


def budget_table(found: Sequence[Answer], evidence: str) -> Table | None:
    """The headline measure of each arm at each budget, by models.

    Args:
        found: Answers of one outcome.
        evidence: The mark.

    Returns:
        The table; None unless two budgets were modelled within one corpus, sides known or hidden.
    """

    def level(one: Answer, arm: str) -> Estimate:
        counts = counts_of(one.design, [arm], one.design.levels["organism"])
        return summed(response(one.posterior, arm, measures(one.design)[0], "new"), *counts)

    rows = _by_budget([(one.stratum, one) for one in found], level, lambda one: one.design)
    if not rows:
        return None
    return Table(
        f"budgets_{found[0].outcome}",
        f"By budget, modelled: {outcome_words(found[0])}",
        "Each budget is a model of its own.",
        _budget_columns(MEASURES[measures(found[0].design)[0]], f"Mean over {NEW}."),
        tuple(rows),
        evidence,
    )


def budget_shares_table(parts: Sequence[tuple[Stratum, Design]], evidence: str) -> Table | None:
    """The plain share of successes of each arm at each budget, where nothing need be fitted.

    Args:
        parts: Strata, each with its rows of one outcome, yes or no.
        evidence: The mark.

    Returns:
        The table; None unless two budgets ran within one corpus, sides known or hidden, and for
        claims, which are no success without their false alarms.
    """
    rows = _by_budget(parts, _share, lambda of: of)
    if not rows or parts[0][1].model != "successes":
        return None
    outcome = parts[0][1].outcome
    return Table(
        f"budget_shares_{outcome}",
        f"By budget: {OUTCOME_WORDS[outcome]}",
        "Plain shares on planted organisms; intervals cluster by organism.",
        _budget_columns("share", "Of the samples on planted organisms."),
        tuple(rows),
        evidence,
    )


def _share(of: Design, arm: str) -> Estimate:
    rows = of.table[of.table["arm_id"] == arm]
    runs = rows.groupby("run").agg({"organism": "first", "obs": "mean"})
    values = list(zip(runs["organism"], runs["obs"].astype(float), strict=True))
    return clustered_share(values, n_missing=of.n_unscored.get(arm, 0))


Held = TypeVar("Held")


def _by_budget(
    parts: Sequence[tuple[Stratum, Held]],
    level: Callable[[Held, str], Estimate],
    design_of: Callable[[Held], Design],
) -> list[dict[str, Value]]:
    """Returns a row for each budget and arm, where two budgets stand within the same."""
    groups: dict[tuple[str, bool, tuple[str, ...]], list[tuple[int, Held]]] = {}
    for stratum, held in parts:
        if stratum.budget is not None:
            key = (stratum.corpus, stratum.sides_known, stratum.limits)
            groups.setdefault(key, []).append((stratum.budget, held))
    rows: list[dict[str, Value]] = []
    for (corpus, sides_known, limits), found in sorted(groups.items()):
        if len(found) < 2:
            continue
        read = "nothing read" if corpus == NO_CORPUS else f"corpus {corpus}"
        within = ", ".join([read, "sides known" if sides_known else "sides hidden", *limits])
        for budget, held in sorted(found, key=lambda one: one[0]):
            rows += [
                {"within": within, "budget": budget, "arm": arm, "level": level(held, arm)}
                for arm in design_of(held).levels["arm_id"]
            ]
    return rows


def _budget_columns(label: str, meaning: str) -> tuple[Column, ...]:
    return (
        Column("within", "within", "Corpus, sides and limits, which match."),
        Column("budget", "budget", "Model interactions allowed."),
        _ARM,
        Column("level", label, meaning),
    )
