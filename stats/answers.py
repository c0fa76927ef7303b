"""Fits to answers: how much each arm adds over its reference, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from diffgauge.stats.diagnostics import Diagnosis, diagnose, posterior_of
from diffgauge.stats.engines.fits import Fit, Sampling
from diffgauge.stats.features import GOOD_GRADE, Design, Outcome, design
from diffgauge.stats.intervals import LEVEL, Estimate
from diffgauge.stats.responses import (
    Measure,
    Population,
    Posterior,
    beneficiaries,
    new_organism,
    these_organisms,
)
from diffgauge.stats.strata import Stratum, references

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Draws = NDArray[np.float64]

__all__ = [
    "WORTHWHILE",
    "Answer",
    "Contrast",
    "Engine",
    "answer",
    "as_measure",
    "contrasts",
    "discrimination",
    "interval",
    "measures",
    "ranks",
    "response",
    "uplift",
]

WORTHWHILE: Final[Mapping[str, float]] = {
    "success": 0.1,
    "grade": 0.5,
    "score": 0.1,
    "discrimination": 0.1,
}
"""The smallest uplift worth having, by measure: a tenth of all organisms, half a grade."""

_SPANS: Final = {"success": (0.0, 1.0), "grade": (1.0, 5.0), "score": (0.0, 1.0)}

_LONGER: Final = 3

Engine = Callable[[Design, Sampling], Fit]


@dataclass(frozen=True)
class Contrast:
    """One arm against its reference.

    Attributes:
        arm: The arm.
        reference: What it is compared with.
        headline: Whether that is the fairest reference that ran.
        measure: ``success``, ``grade``, ``score`` or ``discrimination``.
        new: Uplift on organisms drawn anew: median, 90 % interval, samples, organisms; its worst
            and best are the difference of plain shares or means with all unscored samples of the
            two arms set against the arm, and in its favour.
        these: Uplift on these organisms.
        p_positive: Probability that the uplift on new organisms is above 0.
        p_worthwhile: That it is above `WORTHWHILE`.
        benefits: Share of new organisms on which the arm does better; NaN where not computed.
    """

    arm: str
    reference: str
    headline: bool
    measure: str
    new: Estimate
    these: Estimate
    p_positive: float
    p_worthwhile: float
    benefits: float


@dataclass(frozen=True)
class Answer:
    """What one model says of one stratum.

    Attributes:
        stratum: The rows.
        outcome: What was modelled.
        fit: The fit.
        posterior: Its draws with chains joined.
        diagnosis: Whether it is to be believed.
        contrasts: Every arm against each of its references.
    """

    stratum: Stratum
    outcome: Outcome
    fit: Fit
    posterior: Posterior
    diagnosis: Diagnosis
    contrasts: tuple[Contrast, ...]

    @property
    def design(self) -> Design:
        """What was fitted."""
        return self.fit.design


def answer(
    stratum: Stratum,
    outcome: Outcome,
    engine: Engine,
    sampling: Sampling,
    *,
    without: str | None = None,
) -> Answer:
    """Fits a model to a stratum and reads the contrasts off it.

    A fit that is not to be believed is made once more with `_LONGER` times the draws.

    Args:
        stratum: Rows that may be compared.
        outcome: What to model.
        engine: What fits.
        sampling: How.
        without: A truth to leave out.

    Raises:
        DiffgaugeError: Nothing has a value of the outcome, or the engine fails.
    """
    made = design(stratum, outcome, without=without)
    fit = engine(made, sampling)
    diagnosis = diagnose(fit)
    if not diagnosis.believed:
        fit = engine(made, replace(sampling, n_draws=_LONGER * sampling.n_draws))
        diagnosis = diagnose(fit)
    of = posterior_of(fit)
    return Answer(stratum, outcome, fit, of, diagnosis, tuple(contrasts(of)))


def measures(of: Design) -> tuple[str, ...]:
    """Returns what an outcome is told in, the headline's measure first."""
    if of.model == "claims":
        return ("discrimination",)
    return ({"grades": "grade", "scores": "score"}.get(of.outcome, "success"),)


def contrasts(of: Posterior) -> list[Contrast]:
    """Returns each arm against each of its references, in each measure.

    Args:
        of: The posterior.

    Returns:
        Nothing where there is one arm, or, for claims, where no null was met: without false alarms
        hits say nothing.
    """
    arms = list(of.design.levels["arm_id"])
    if len(arms) < 2 or (of.design.model == "claims" and len(of.design.levels["kind"]) < 2):
        return []
    return [
        _contrast(of, arm, reference, measure, at == 0)
        for measure in measures(of.design)
        for arm in arms
        for at, reference in enumerate(references(arm, arms))
    ]


def _contrast(of: Posterior, arm: str, reference: str, measure: str, headline: bool) -> Contrast:
    new = uplift(of, arm, reference, measure, "new")
    n, n_organisms, n_missing = _counts(of.design, (arm, reference))
    worst, best = _bounds(of.design, arm, reference, measure)
    low, high = interval(new)
    these = uplift(of, arm, reference, measure, "these")
    benefits = math.nan
    if measure == "success":
        benefits = float(beneficiaries(of, arm, reference).mean())
    return Contrast(
        arm,
        reference,
        headline,
        measure,
        Estimate(_median(new), low, high, n, n_organisms, n_missing, worst, best),
        Estimate(_median(these), *interval(these), n, n_organisms),
        float((new > 0).mean()),
        float((new > WORTHWHILE[measure]).mean()),
        benefits,
    )


def uplift(of: Posterior, arm: str, reference: str, measure: str, population: Population) -> Draws:
    """Returns the response of an arm minus its reference's, shape ``draws``."""
    made: Draws = response(of, arm, measure, population) - response(
        of, reference, measure, population
    )
    return made


def response(of: Posterior, arm: str, measure: str, population: Population) -> Draws:
    """Returns the mean response of an arm, shape ``draws``.

    Args:
        of: The posterior.
        arm: The arm.
        measure: As in `Contrast`.
        population: New organisms or these.
    """
    if measure == "discrimination":
        return discrimination(of, arm, population)
    return _response(of, arm, as_measure(measure), population, 0)


def _response(
    of: Posterior, arm: str, measure: Measure, population: Population, kind: int
) -> Draws:
    if population == "new":
        return new_organism(of, arm, measure, kind)
    held = list(these_organisms(of, arm, measure, kind).values())
    made: Draws = sum(held[1:], start=held[0]) / len(held)
    return made


def as_measure(name: str) -> Measure:
    """Returns a measure of `responses` by its name."""
    named: dict[str, Measure] = {"success": "success", "grade": "grade", "score": "score"}
    return named[name]


def discrimination(of: Posterior, arm: str, population: Population, kind: int = 1) -> Draws:
    """Returns hits minus false alarms, shape ``draws``: 0 for an arm that always claims.

    Source: Youden 1950.
    Differs: none.

    Args:
        of: The posterior of a design of claims.
        arm: The arm.
        population: New organisms or these.
        kind: The kind of null, by its place among the levels; 1 is the first.
    """
    hits = _response(of, arm, "claim", population, 0)
    made: Draws = hits - _response(of, arm, "claim", population, kind)
    return made


def interval(draws: Draws) -> tuple[float, float]:
    """Returns the central interval of `intervals.LEVEL`."""
    import numpy as np

    low, high = np.quantile(draws, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return float(low), float(high)


def _median(draws: Draws) -> float:
    import numpy as np

    return float(np.median(draws))


def _counts(of: Design, arms: Sequence[str]) -> tuple[int, int, int]:
    rows = of.table[of.table["arm_id"].isin(arms)]
    missing = sum(of.n_unscored.get(arm, 0) for arm in arms)
    return int(rows["run"].nunique()), int(rows["organism"].nunique()), missing


def _bounds(of: Design, arm: str, reference: str, measure: str) -> tuple[float, float]:
    """Returns the plain difference with all unscored samples against the arm, and for it."""
    if measure not in _SPANS:
        return math.nan, math.nan
    low, high = _SPANS[measure]
    ends = []
    for mine, theirs in ((low, high), (high, low)):
        ends.append(_filled(of, arm, measure, mine) - _filled(of, reference, measure, theirs))
    return ends[0], ends[1]


def _filled(of: Design, arm: str, measure: str, fill: float) -> float:
    """Returns an arm's plain mean over samples, unscored ones filled in."""
    rows = of.table[of.table["arm_id"] == arm]
    values = rows["obs"].astype(float)
    if measure == "success" and of.values:
        values = (values >= GOOD_GRADE - 1).astype(float)
    elif of.values:
        values = rows["obs"].map(dict(enumerate(of.values))).astype(float)
    by_run = values.groupby(rows["run"]).mean()
    n = of.n_unscored.get(arm, 0)
    return float((by_run.sum() + n * fill) / (len(by_run) + n))


def ranks(of: Posterior, population: Population = "new") -> dict[str, tuple[float, ...]]:
    """Returns, for each arm, the probability of each rank in the headline measure, best first.

    Ties, which draws do not have but equal arms may, are broken by the order of arms.
    """
    import numpy as np

    arms = list(of.design.levels["arm_id"])
    measure = measures(of.design)[0]
    table = np.stack([response(of, arm, measure, population) for arm in arms], axis=1)
    order = np.argsort(-table, axis=1, kind="stable")
    places = np.argsort(order, axis=1)
    return {
        arm: tuple(float((places[:, at] == rank).mean()) for rank in range(len(arms)))
        for at, arm in enumerate(arms)
    }
