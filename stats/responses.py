"""Draws to what happens: success probabilities and expected grades of arms, not logits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from diffgauge.stats.features import GOOD_GRADE, Design

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

__all__ = [
    "Measure",
    "Population",
    "Posterior",
    "beneficiaries",
    "new_organism",
    "replicated",
    "row_logits",
    "these_organisms",
]

Measure = Literal["success", "grade", "score", "claim"]
"""``success``: probability of a grade of `features.GOOD_GRADE` or more, or of top-1. ``grade``:
expected grade, 1 to 5. ``score``: expected score, 0 to 1. ``claim``: probability of a claim."""

Population = Literal["new", "these"]
"""An organism drawn anew from where these came from, or exactly these."""

_NODES: Final = 21
_ARM: Final = "arm_id"
_ORGANISM: Final = "organism"

if TYPE_CHECKING:
    Draws = NDArray[np.float64]


@dataclass(frozen=True)
class Posterior:
    """What responses are computed from: a design and its draws with chains joined.

    Attributes:
        design: What was fitted.
        draws: By site, shape ``draws …``.
    """

    design: Design
    draws: Mapping[str, Draws]

    @property
    def n_draws(self) -> int:
        """Draws in all."""
        return len(next(iter(self.draws.values())))

    def spread(self, name: str, null: bool) -> Draws | float:
        """Returns the spread of a pooled factor, 0 where the design has none, shape ``draws``."""
        held = self.draws.get(f"{name}_scale")
        if held is None:
            return 0.0
        return held if held.ndim == 1 else held[:, int(null)]


def _sigmoid(x: Draws) -> Draws:
    from scipy.special import expit

    made: Draws = expit(x)
    return made


def _respond(of: Posterior, eta: Draws, measure: Measure) -> Draws:
    """Returns the response to logits of shape ``draws``, likewise shaped.

    An expectation over ordered levels is the lowest value and, for each cut, the step over it times
    the probability of being above it.
    """
    if measure == "claim" or (measure == "success" and "intercept" in of.draws):
        return _sigmoid(eta + of.draws["intercept"])
    above = [_sigmoid(eta - cut) for cut in of.draws["cuts"].T]
    if measure == "success":
        return above[GOOD_GRADE - 2]
    values = of.design.values
    steps = [high - low for low, high in pairwise(values)]
    return (
        sum((step * one for step, one in zip(steps, above, strict=True)), start=0 * eta) + values[0]
    )


def _over_normal(of: Posterior, eta: Draws, spread: Draws | float, measure: Measure) -> Draws:
    """Returns the response averaged over normal noise of a spread, by Gauss–Hermite nodes."""
    import numpy as np

    if isinstance(spread, float):
        return _respond(of, eta, measure)
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    total = sum(
        weight * _respond(of, eta + spread * node, measure)
        for node, weight in zip(nodes, weights, strict=True)
    )
    made: Draws = np.asarray(total) / math.sqrt(2 * math.pi)
    return made


def _joined(*spreads: Draws | float) -> Draws | float:
    """Returns the spread of a sum of independent normals."""
    import numpy as np

    squares = [one**2 for one in spreads if not isinstance(one, float)]
    made: Draws | float = np.sqrt(sum(squares[1:], start=squares[0])) if squares else 0.0
    return made


def _fixed(of: Posterior, arm: int, at: Mapping[str, int], kind: int) -> Draws:
    """Returns the logit of an arm from factors alone, without organisms and runs, ``draws``."""
    import numpy as np

    design, total = of.design, np.zeros(of.n_draws)
    if _ARM in design.main:
        total = total + of.draws[f"{_ARM}_effects"][:, arm]
    for name in design.main:
        if name != _ARM:
            total = total + of.draws[f"{name}_effects"][:, at[name]]
    for one, other in design.interactions:
        if one != _ORGANISM:
            total = total + of.draws[f"{one}_{other}_effects"][:, at[one], arm]
    if kind > 0:
        total = total - of.draws["separation"][:, kind - 1]
        if "sensitivity_effects" in of.draws:
            total = total - of.draws["sensitivity_effects"][:, arm]
        if "kind_arm_effects" in of.draws:
            total = total - of.draws["kind_arm_effects"][:, kind - 1, arm]
    return total


def _mix(
    design: Design, rows: DataFrame, held: Mapping[str, str] | None = None
) -> Iterator[tuple[float, dict[str, int]]]:
    """Yields the combinations of the other factors that occur in rows, with their shares of them.

    Every arm is averaged over the same mix, so that a lenient grader who saw more of one arm gives
    it no advantage. Factors that are `held` at a level are there alone.
    """
    fixed = {name: design.levels[name].index(level) for name, level in (held or {}).items()}
    names = [name for name in design.main if name != _ARM and name not in fixed]
    if not names:
        yield 1.0, fixed
        return
    counts = rows[names].value_counts()
    for combination, n in counts.items():
        chosen = combination if isinstance(combination, tuple) else (combination,)
        levels = zip(names, chosen, strict=True)
        places = {name: design.levels[name].index(value) for name, value in levels}
        yield n / counts.sum(), places | fixed


def new_organism(
    of: Posterior,
    arm: str,
    measure: Measure,
    kind: int = 0,
    held: Mapping[str, str] | None = None,
) -> Draws:
    """Returns the mean response of an arm on organisms drawn anew, shape ``draws``.

    Args:
        of: The posterior.
        arm: The arm.
        measure: What of.
        kind: For claims, the place of the kind among its levels; 0 is planted.
        held: Factors held at one level each: a dose, a grader; the others vary as they did.

    Returns:
        The expectation over organisms, their slopes and runs: uncertain as the parameters are, not
        as one organism's luck is.
    """
    at = of.design.levels[_ARM].index(arm)
    null = kind > 0
    spread = _joined(
        *(of.spread(name, null) for name in (_ORGANISM, f"{_ORGANISM}_{_ARM}", "card", "run"))
    )
    parts = [
        share * _over_normal(of, _fixed(of, at, levels, kind), spread, measure)
        for share, levels in _mix(of.design, _kind_rows(of.design, kind), held)
    ]
    return sum(parts[1:], start=parts[0])


def these_organisms(
    of: Posterior,
    arm: str,
    measure: Measure,
    kind: int = 0,
) -> dict[str, Draws]:
    """Returns an arm's mean response on each organism there is, averaged over its cards and runs.

    Args:
        of: The posterior.
        arm: The arm, also where it did not meet the organism.
        measure: What of.
        kind: As in `new_organism`.

    Returns:
        By organism, shape ``draws``.
    """
    design = of.design
    at = design.levels[_ARM].index(arm)
    table = _kind_rows(design, kind)
    spread = of.spread("run", kind > 0)
    found = {}
    for organism, rows in table.groupby("organism"):
        own = _organism_logit(of, str(organism), at)
        cards = sorted(rows["card"].unique())
        parts = []
        for share, levels in _mix(design, rows):
            base = _fixed(of, at, levels, kind) + own
            for card in cards:
                eta = base + _card_logit(of, card)
                parts.append(share / len(cards) * _over_normal(of, eta, spread, measure))
        found[str(organism)] = sum(parts[1:], start=parts[0])
    return found


def _kind_rows(design: Design, kind: int) -> DataFrame:
    """Returns the rows of planted organisms or of one kind of null."""
    if "kind" not in design.levels:
        return design.table
    return design.table[design.table["kind"] == design.levels["kind"][kind]]


def _organism_logit(of: Posterior, organism: str, arm: int) -> Draws:
    """Returns what an organism adds, its slope in the arm included, shape ``draws``."""
    place = of.design.levels[_ORGANISM].index(organism)
    name, crossed = f"{_ORGANISM}_effects", f"{_ORGANISM}_{_ARM}_effects"
    total = of.draws[name][:, place]
    return total + of.draws[crossed][:, place, arm] if crossed in of.draws else total


def _card_logit(of: Posterior, card: str) -> Draws | float:
    held = of.draws.get("card_effects")
    return 0.0 if held is None else held[:, of.design.levels["card"].index(card)]


def beneficiaries(of: Posterior, arm: str, reference: str) -> Draws:
    """Returns the share of organisms drawn anew on which an arm does better, shape ``draws``.

    In logits, the difference of two arms on an organism is normal around the difference of their
    effects, with √2 times the spread of the slopes.
    """
    from scipy.stats import norm

    levels = of.design.levels[_ARM]
    effects = of.draws[f"{_ARM}_effects"]
    gap = effects[:, levels.index(arm)] - effects[:, levels.index(reference)]
    slope = of.spread(f"{_ORGANISM}_{_ARM}", False)
    made: Draws = norm.cdf(gap / (math.sqrt(2) * slope))
    return made


def replicated(of: Posterior, n: int, seed: int) -> Draws:
    """Returns outcomes drawn anew for every row, shape ``n n_rows``.

    Organisms and cards keep what was estimated of them; runs are drawn anew.

    Args:
        of: The posterior.
        n: Replicates, each from another draw.
        seed: Of the draws.
    """
    import numpy as np

    draw = np.random.default_rng(seed)
    chosen = draw.choice(of.n_draws, size=n, replace=n > of.n_draws)
    part = Posterior(of.design, {name: held[chosen] for name, held in of.draws.items()})
    eta = row_logits(part)
    runs = of.design.features["run_index"]
    spread = part.spread("run", False)
    if not isinstance(spread, float):
        noise = draw.standard_normal((n, runs.max() + 1)) * spread[:, None]
        eta = eta + noise[:, runs]
    chance = draw.random(eta.shape)
    if not of.design.values:
        return (chance < _sigmoid(eta + part.draws["intercept"][:, None])).astype(float)
    cuts = part.draws["cuts"]
    above = [chance < _sigmoid(eta - cuts[:, [at]]) for at in range(cuts.shape[1])]
    made: Draws = np.sum(above, axis=0).astype(float)
    return made


def row_logits(of: Posterior) -> Draws:
    """Returns the logit of every row, its run apart, shape ``draws n_rows``."""
    import numpy as np

    features = of.design.features
    names = [name for name in of.design.levels if name != "run"]
    coded = np.stack([features[f"{name}_index"] for name in names], axis=1)
    # Rows that differ in their run alone share a logit.
    distinct, place = np.unique(coded, axis=0, return_inverse=True)
    logits = [_row_logit(of, dict(zip(names, map(int, row), strict=True))) for row in distinct]
    made: Draws = np.stack(logits, axis=1)[:, place.reshape(-1)]
    return made


def _row_logit(of: Posterior, row: Mapping[str, int]) -> Draws:
    levels = of.design.levels
    eta = _fixed(of, row[_ARM], row, row.get("kind", 0))
    eta = eta + _organism_logit(of, levels[_ORGANISM][row[_ORGANISM]], row[_ARM])
    return eta + _card_logit(of, levels["card"][row["card"]])
