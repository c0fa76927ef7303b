"""What a success costs in each arm, and which arms are beaten in both cost and success."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from diffgauge.stats.answer_tables import MEASURES, summed
from diffgauge.stats.answers import Answer, measures, response
from diffgauge.stats.intervals import Estimate
from diffgauge.stats.tables import Column, Table, Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

__all__ = ["success_cost_table"]


def _replies(rows: DataFrame) -> Series[float]:
    asked = rows["interactions"].astype(float)
    return asked + rows["precompute_interactions"].astype(float).fillna(0)


_COSTS: Final[Mapping[str, tuple[str, Callable[[DataFrame], Series[float]]]]] = {
    "replies": ("model interactions, those behind the artifact included", _replies),
    "tokens": (
        "tokens of the investigator",
        lambda rows: rows["tokens_investigator"].astype(float),
    ),
    "seconds": ("seconds", lambda rows: rows["seconds"].astype(float)),
}


def success_cost_table(one: Answer, evidence: str) -> Table | None:
    """Cost of each arm's sample and success, and its chance of being on the Pareto front.

    Args:
        one: An answer whose first measure is a success probability.
        evidence: The mark.

    Returns:
        The table; None for outcomes without successes, or where no log says what a sample took.
    """
    if measures(one.design)[0] != "success":
        return None
    arms = list(one.design.levels["arm_id"])
    costs = {name: _mean_costs(one, of) for name, (_, of) in _COSTS.items()}
    told = [name for name, means in costs.items() if not all(map(math.isnan, means.values()))]
    if not told:
        return None
    success = {arm: response(one.posterior, arm, "success", "new") for arm in arms}
    rows: list[dict[str, Value]] = []
    for arm in arms:
        part = one.design.table[one.design.table["arm_id"] == arm]
        counts = int(part["run"].nunique()), int(part["organism"].nunique())
        values: dict[str, Value] = {"arm": arm, "success": summed(success[arm], *counts)}
        for name in told:
            mean = costs[name][arm]
            values[name] = mean
            values[f"{name}_success"] = (
                Estimate(math.nan, math.nan, math.nan, *counts)
                if math.isnan(mean)
                else summed(mean / success[arm], *counts)
            )
            values[f"{name}_front"] = _on_front(arm, success, costs[name])
        rows.append(values)
    return Table(
        f"costs_{one.outcome}",
        "What a success costs",
        "Mean of a sample's cost over all samples on planted organisms that say it, divided by the "
        "success probability on a new organism. An arm is on the front when none that costs as "
        "little succeeds more often; its probability is over the models' uncertainty of success "
        "alone.",
        (
            Column("arm", "arm", "What the investigator saw."),
            Column("success", MEASURES["success"], "On a new organism."),
            *_columns(told),
        ),
        tuple(rows),
        evidence,
    )


def _columns(told: list[str]) -> list[Column]:
    columns = []
    for name in told:
        words = _COSTS[name][0]
        columns += [
            Column(name, name, f"Mean {words} of a sample."),
            Column(f"{name}_success", f"{name} a success", "Cost ÷ success probability."),
            Column(
                f"{name}_front", f"P(front), {name}", "That no cheaper arm succeeds more often."
            ),
        ]
    return columns


def _mean_costs(one: Answer, of: Callable[[DataFrame], Series[float]]) -> dict[str, float]:
    """Returns each arm's mean cost of a sample; NaN where no sample says it."""
    frame = one.stratum.frame
    planted = frame[frame["null"] == "none"].drop_duplicates(["task_id", "sample_id", "epoch"])
    means = of(planted).groupby(planted["arm_id"]).mean()
    return {arm: float(means.get(arm, math.nan)) for arm in one.design.levels["arm_id"]}


def _on_front(
    arm: str, success: Mapping[str, NDArray[np.float64]], costs: Mapping[str, float]
) -> float:
    """Returns the probability that no arm that costs at most as much succeeds more often."""
    import numpy as np

    if math.isnan(costs[arm]):
        return math.nan
    beaten = np.zeros(len(success[arm]), dtype=bool)
    for other, draws in success.items():
        if other != arm and costs[other] <= costs[arm]:
            beaten |= draws > success[arm]
    return float(1 - beaten.mean())
