"""What a success or a detection costs in each arm, and which arms are beaten in both."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from diffgauge.stats.answer_tables import MEASURES, summed
from diffgauge.stats.answers import Answer, discrimination, measures
from diffgauge.stats.cells import PLANTED
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.responses import Measure, new_organism
from diffgauge.stats.tables import Column, Table, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

    Draws = NDArray[np.float64]

__all__ = ["cost_answer_table", "pareto_front"]


def _replies(rows: DataFrame) -> Series[float]:
    asked = rows["interactions"].astype(float)
    return asked + rows["precompute_interactions"].astype(float).fillna(0)


def _money(rows: DataFrame) -> Series[float]:
    investigator = rows["cost_investigator"].astype(float)
    return investigator + rows["cost_tools"].astype(float).fillna(0)


_COSTS: Final[Mapping[str, Callable[[DataFrame], Series[float]]]] = {
    "replies": _replies,
    "tokens": lambda rows: rows["tokens_investigator"].astype(float),
    "seconds": lambda rows: rows["seconds"].astype(float),
    "dollars": _money,
}
_UNTOLD: Final = "no sample says what it took"


def pareto_front(costs: Mapping[str, float], values: Mapping[str, float]) -> set[str]:
    """Returns the arms that no other beats: none costs as little and gets as much, one strictly.

    Args:
        costs: By arm; one without a cost (NaN) is on no front and beats nobody.
        values: By arm, more is better.
    """
    known = [arm for arm in costs if not math.isnan(costs[arm])]
    return {
        arm
        for arm in known
        if not any(
            costs[other] <= costs[arm]
            and values[other] >= values[arm]
            and (costs[other] < costs[arm] or values[other] > values[arm])
            for other in known
        )
    }


def cost_answer_table(one: Answer, evidence: str) -> Table | None:
    """Cost of each arm's sample and of each success or detection, and the Pareto front.

    Args:
        one: An answer on successes or on claims; a claim on a planted organism is a detection.
        evidence: The mark.

    Returns:
        The table, a row for each kind of cost and arm; None for other outcomes, and where no log
        says what a sample took.
    """
    claims = one.design.model == "claims"
    if not claims and measures(one.design)[0] != "success":
        return None
    arms = list(one.design.levels["arm_id"])
    costs = {name: _mean_costs(one, of) for name, of in _COSTS.items()}
    told = [name for name, means in costs.items() if not all(map(math.isnan, means.values()))]
    if not told:
        return None
    measure: Measure = "claim" if claims else "success"
    gains = {"success": {arm: new_organism(one.posterior, arm, measure) for arm in arms}}
    if claims and len(one.design.levels["kind"]) > 1:
        gains["apart"] = {arm: discrimination(one.posterior, arm, "new") for arm in arms}
    rows = [
        {"cost": name, "arm": arm, **_line(one, arm, costs[name], gains)}
        for name in told
        for arm in arms
    ]
    what = "detection" if claims else "success"
    return Table(
        f"costs_{one.outcome}",
        f"What a {what} costs",
        "Mean of a sample's cost over all samples on planted organisms that say it, divided by the "
        f"probability of a {what} on a new organism; undefined, never 0, where nothing was found. "
        "An arm is on the front when none costs as little and gets as much; P(front) is over the "
        "model's uncertainty of what is got, not of costs. Replies: model interactions, those "
        "behind the artifact included. Tokens: the investigator's. Dollars: the investigator's and "
        "the tools', where they have a price.",
        _columns(what, "apart" in gains),
        tuple(rows),
        evidence,
    )


def _columns(what: str, apart: bool) -> tuple[Column, ...]:
    label = "hits" if what == "detection" else MEASURES["success"]
    columns = [
        Column("cost", "cost", "What is counted, each apart."),
        Column("arm", "arm", "What the investigator saw."),
        Column("mean", "of a sample", "Mean cost of a sample."),
        Column("success", label, f"Probability of a {what} on a new organism."),
        Column("each", f"of a {what}", "Cost ÷ probability."),
        Column("front", "on the front", "By medians."),
        Column("front_p", "P(front)", f"That no arm as cheap has more {what}s."),
    ]
    if apart:
        columns += [
            Column("apart", MEASURES["discrimination"], "0 for an arm that always claims."),
            Column("apart_front", "on its front", "By medians, of hits − false alarms."),
            Column("apart_front_p", "P(its front)", "That no arm as cheap sets more apart."),
        ]
    return (*columns, Column("why", "undefined because", "Empty where all is defined."))


def _line(
    one: Answer, arm: str, costs: Mapping[str, float], gains: Mapping[str, Mapping[str, Draws]]
) -> dict[str, Value]:
    """Returns what one arm gets for one kind of cost."""
    counts, n_found = _found(one, arm)
    why = _UNTOLD if math.isnan(costs[arm]) else ""
    if not n_found:
        why = f"nothing was found in {counts[0]} samples"
    values: dict[str, Value] = {
        "mean": costs[arm],
        "each": Estimate(math.nan, math.nan, math.nan, *counts)
        if why
        else summed(costs[arm] / gains["success"][arm], *counts),
        "why": why,
    }
    for name, of in gains.items():
        middles = {other: _median(draws) for other, draws in of.items()}
        front = "front" if name == "success" else f"{name}_front"
        values[name] = summed(of[arm], *counts)
        values[front] = None
        if not math.isnan(costs[arm]):
            values[front] = "yes" if arm in pareto_front(costs, middles) else "no"
        values[f"{front}_p"] = _on_front(arm, of, costs)
    return values


def _median(draws: Draws) -> float:
    import numpy as np

    return float(np.median(draws))


def _found(one: Answer, arm: str) -> tuple[tuple[int, int], int]:
    """Returns an arm's samples and organisms, planted ones alone, and how many rows succeed."""
    rows = one.design.table
    rows = rows[rows["arm_id"] == arm]
    if "kind" in rows:
        rows = rows[rows["kind"] == one.design.levels["kind"][0]]
    counts = int(rows["run"].nunique()), int(rows["organism"].nunique())
    return counts, int(rows["obs"].sum())


def _mean_costs(one: Answer, of: Callable[[DataFrame], Series[float]]) -> dict[str, float]:
    """Returns each arm's mean cost of a sample; NaN where no sample says it."""
    frame = one.stratum.frame
    planted = frame[frame["null"] == PLANTED].drop_duplicates(["task_id", "sample_id", "epoch"])
    means = of(planted).groupby(planted["arm_id"]).mean()
    return {arm: float(means.get(arm, math.nan)) for arm in one.design.levels["arm_id"]}


def _on_front(arm: str, gained: Mapping[str, Draws], costs: Mapping[str, float]) -> float:
    """Returns the probability that no arm that costs at most as much gets more."""
    import numpy as np

    if math.isnan(costs[arm]):
        return math.nan
    beaten = np.zeros(len(gained[arm]), dtype=bool)
    for other, draws in gained.items():
        if other != arm and costs[other] <= costs[arm]:
            beaten |= draws > gained[arm]
    return float(1 - beaten.mean())
