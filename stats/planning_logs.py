"""What logs tell a plan: where blackbox stands, how organisms differ, what was run and cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from diffgauge.records.errors import DiffgaugeError
from diffgauge.stats.answers import answer, interval, response
from diffgauge.stats.cells import PLANTED
from diffgauge.stats.engines.choice import choose
from diffgauge.stats.engines.fits import Sampling
from diffgauge.stats.features import Outcome
from diffgauge.stats.logs import read_logs
from diffgauge.stats.rows import as_frame, rows_of
from diffgauge.stats.strata import BLACKBOX, strata, without_repeats

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Costs", "Seen", "seen"]

_SAMPLE: Final = ["task_id", "sample_id", "epoch"]
_MONEY: Final = ("cost_investigator", "cost_tools", "cost_graders")


@dataclass(frozen=True)
class Costs:
    """Means of one sample; NaN where no log says.

    Attributes:
        interactions: Replies asked for.
        seconds: Of wall-clock time.
        dollars: By Inspect's prices.
    """

    interactions: float
    seconds: float
    dollars: float


@dataclass(frozen=True)
class Seen:
    """What logs tell.

    Attributes:
        outcome: What counts as a success there.
        level: Posterior median of blackbox's success probability on a new organism.
        organism: Likewise of the spread of organisms, in logits.
        slope: Likewise of the spread of organism × arm; NaN where one arm ran.
        n_organisms: Truths that every arm met.
        n_epochs: Runs of an arm on a truth, the median, rounded down.
        baseline: What a sample of blackbox cost.
        methods: What a sample of the other arms cost, on average.
        words: All of this, told.
    """

    outcome: Outcome
    level: float
    organism: float
    slope: float
    n_organisms: int
    n_epochs: int
    baseline: Costs
    methods: Costs
    words: tuple[str, ...]


def seen(logs: Sequence[str], *, engine: str = "auto") -> Seen:
    """Fits the model of successes to logs, or reads the fit that is kept.

    Args:
        logs: ``.eval`` files or folders.
        engine: As in `engines.choice.choose`.

    Returns:
        Posterior medians in the stratum with most samples. The spreads are taken as known then,
        which they are the less the fewer organisms were run.

    Raises:
        DiffgaugeError: The logs hold no graded sample of blackbox on planted organisms.
    """
    rows = [row for row in rows_of(read_logs(logs)) if row.graded and row.null == PLANTED]
    frame, _ = without_repeats(as_frame(rows)) if rows else (as_frame(rows), 0)
    parts = strata(frame) if rows else []
    if not parts or BLACKBOX not in parts[0].arms:
        raise DiffgaugeError(
            "The logs hold no graded sample of blackbox on planted organisms within the budget "
            "that most samples have.",
            advice="Run the arm blackbox too, or leave --logs out and state --level.",
        )
    outcome: Outcome = "good_grades" if parts[0].frame["grade"].notna().any() else "successes"
    one = answer(parts[0], outcome, choose(engine).fit, Sampling())
    level = response(one.posterior, BLACKBOX, "success", "new")
    spreads = {name: one.posterior.spread(name, False) for name in ("organism", "organism_arm_id")}
    runs = one.design.table.drop_duplicates("run").groupby(["organism", "arm_id"]).size()
    met = runs.groupby("organism").size()
    n_organisms = int((met == len(one.design.levels["arm_id"])).sum())
    n_epochs = int(runs.median())
    told = [
        f"Logs ({parts[0].words}, {outcome}, {len(one.design.levels['arm_id'])} arms): blackbox "
        f"succeeds on a new organism with {_summed(level)}.",
        *(
            f"Spread of {name}: {_summed(held)} logits."
            for name, held in zip(("organisms", "organism × arm"), spreads.values(), strict=True)
            if not isinstance(held, float)
        ),
        f"Run so far: {n_organisms} organisms that every arm met, {n_epochs} epochs each.",
    ]
    if not one.diagnosis.believed:
        told.append(f"That fit is not to be believed: {'; '.join(one.diagnosis.reasons)}.")
    return Seen(
        outcome,
        _median(level),
        _median(spreads["organism"]),
        _median(spreads["organism_arm_id"]),
        n_organisms,
        n_epochs,
        _costs(parts[0].frame, True),
        _costs(parts[0].frame, False),
        tuple(told),
    )


def _median(draws: Any) -> float:
    import numpy as np

    return math.nan if isinstance(draws, float) else float(np.median(draws))


def _summed(draws: Any) -> str:
    low, high = interval(draws)
    return f"{_median(draws):.2f} [{low:.2f}, {high:.2f}]"


def _costs(frame: DataFrame, baseline: bool) -> Costs:
    samples = frame.drop_duplicates(_SAMPLE)
    of = samples[(samples["arm_id"] == BLACKBOX) == baseline]
    means: Mapping[str, float] = {
        name: float(of[name].astype(float).mean()) for name in ("interactions", "seconds")
    }
    paid = of[list(_MONEY)].astype(float)
    # A part without a price is unknown; one that was not asked for is missing as well, and the
    # investigator's is what every sample has.
    priced = paid["cost_investigator"].notna()
    dollars = float(paid[priced].sum(axis=1).mean()) if priced.any() else math.nan
    return Costs(means["interactions"], means["seconds"], dollars)
