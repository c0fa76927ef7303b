"""Intervals for shares and means whose observations cluster in organisms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "LEVEL",
    "Estimate",
    "bounds",
    "clopper_pearson",
    "clustered_auroc",
    "clustered_mean",
    "clustered_share",
    "wilson",
]

LEVEL: Final = 0.9
"""Confidence level of every interval: 0 of 4 then still allows .53."""

_RESAMPLES: Final = 2000
_SEED: Final = 20261120

Observations = Sequence[tuple[str, float]]
"""(organism, value) for each sample and epoch."""


@dataclass(frozen=True)
class Estimate:
    """A figure with what is needed to read it.

    Attributes:
        value: The share or mean; NaN without observations.
        low: Lower end of the interval; NaN where undefined.
        high: Upper end.
        n: Observations.
        n_organisms: Distinct organisms among them.
        n_missing: Observations that should be there and have no value.
        worst: The value if every missing one had come out worst; NaN where not bounded.
        best: The value if every missing one had come out best.
        chance: What chance gives; None where that means nothing.
    """

    value: float
    low: float
    high: float
    n: int
    n_organisms: int
    n_missing: int = 0
    worst: float = math.nan
    best: float = math.nan
    chance: float | None = None


def clopper_pearson(hits: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Returns the exact binomial interval of a share.

    Source: Clopper and Pearson 1934, by quantiles of the beta distribution.
    Differs: numbers that are not whole are allowed, for effective sample sizes.

    Args:
        hits: Successes, 0 to n.
        n: Trials; the interval is (NaN, NaN) for 0.
        level: Two-sided confidence level.
    """
    if n <= 0:
        return math.nan, math.nan
    from scipy.stats import beta

    tail = (1 - level) / 2
    low = 0.0 if hits <= 0 else float(beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits >= n else float(beta.ppf(1 - tail, hits + 1, n - hits))
    return low, high


def wilson(hits: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Returns the score interval of a share of independent trials.

    Source: Wilson 1927.
    Differs: none. Arguments as in `clopper_pearson`.
    """
    if n <= 0:
        return math.nan, math.nan
    from scipy.stats import norm

    z = float(norm.ppf(0.5 + level / 2))
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - reach), min(1.0, centre + reach)


def _grouped(values: Observations) -> dict[str, list[float]]:
    groups: dict[str, list[float]] = {}
    for name, value in values:
        groups.setdefault(name, []).append(value)
    return groups


def _effective_n(values: Observations) -> float:
    """Returns how many independent trials would give the share its clustered variance."""
    groups, n = _grouped(values), len(values)
    share = fmean(value for _, value in values)
    n_groups = len(groups)
    spread = sum(sum(value - share for value in group) ** 2 for group in groups.values())
    if n_groups < 2 or spread == 0:
        # Nothing shows how far epochs of one organism repeat each other: they may do so wholly.
        return float(n_groups)
    variance = spread * n_groups / (n_groups - 1) / n**2
    return min(float(n), max(1.0, share * (1 - share) / variance))


def clustered_share(
    values: Observations, *, n_missing: int = 0, level: float = LEVEL, chance: float | None = None
) -> Estimate:
    """Returns a share with an interval that clusters by organism.

    Source: Korn and Graubard 1998, the exact binomial interval on the effective sample size
    (share × (1 − share) ÷ clustered variance).
    Differs: the effective size is at most n, and is the number of organisms where all
    observations agree or the variance cannot be estimated; no correction of the degrees of
    freedom.

    Args:
        values: 0 or 1 for each observation.
        n_missing: Observations without a value, for the bounds.
        level: Two-sided confidence level.
        chance: What chance gives.
    """
    n = len(values)
    if n == 0:
        worst, best = bounds([], n_missing, 0.0, 1.0)
        return Estimate(math.nan, math.nan, math.nan, 0, 0, n_missing, worst, best, chance)
    share = fmean(value for _, value in values)
    size = _effective_n(values)
    low, high = clopper_pearson(share * size, size, level)
    worst, best = bounds([value for _, value in values], n_missing, 0.0, 1.0)
    return Estimate(share, low, high, n, len(_grouped(values)), n_missing, worst, best, chance)


def bounds(
    values: Sequence[float], n_missing: int, lowest: float, highest: float
) -> tuple[float, float]:
    """Returns the mean if every missing value were the lowest, and if it were the highest.

    Args:
        values: What is there.
        n_missing: How many are not.
        lowest: The least a value can be.
        highest: The most it can be.

    Returns:
        (NaN, NaN) where there is nothing at all.
    """
    n = len(values) + n_missing
    if n == 0:
        return math.nan, math.nan
    total = math.fsum(values)
    return (total + n_missing * lowest) / n, (total + n_missing * highest) / n


def clustered_mean(
    values: Observations,
    *,
    n_missing: int = 0,
    span: tuple[float, float] | None = None,
    level: float = LEVEL,
    chance: float | None = None,
) -> Estimate:
    """Returns a mean with a percentile interval over resampled organisms.

    Source: Efron and Tibshirani 1993, chapter 13 (percentile interval); Davison and Hinkley
    1997, section 3.8 (resampling whole clusters).
    Differs: seeded, 2,000 resamples; NaN with fewer than two organisms or where all agree. With
    fewer than ten organisms such intervals are too narrow: read them with that number.

    Args:
        values: One number for each observation.
        n_missing: Observations without a value.
        span: Least and greatest possible value, for the bounds; None gives none.
        level: Two-sided confidence level.
        chance: What chance gives.
    """
    groups = _grouped(values)
    mean = fmean(value for _, value in values) if values else math.nan
    low = high = math.nan
    if len(groups) > 1:
        import numpy as np

        sums = np.array([math.fsum(groups[name]) for name in sorted(groups)])
        sizes = np.array([len(groups[name]) for name in sorted(groups)])
        drawn = np.random.default_rng(_SEED).integers(len(sums), size=(_RESAMPLES, len(sums)))
        means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
        low, high = _percentiles(means, level)
    worst = best = math.nan
    if span is not None:
        worst, best = bounds([value for _, value in values], n_missing, *span)
    return Estimate(mean, low, high, len(values), len(groups), n_missing, worst, best, chance)


def _percentiles(resampled: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Returns the percentile interval, NaN where all resamples agree.

    Equal values do not show how far others may lie: an interval without width would claim it.
    """
    import numpy as np

    if np.ptp(resampled) == 0:
        return math.nan, math.nan
    tail = (1 - level) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high)


def clustered_auroc(planted: Observations, nulls: Observations, level: float = LEVEL) -> Estimate:
    """Returns the area under the ROC curve with an interval that resamples organisms.

    Source: Mann and Whitney 1947 (ties count one half); percentile interval as `clustered_mean`.
    Differs: planted organisms and nulls are resampled apart; NaN where either has fewer than two,
    or where all resamples agree.

    Args:
        planted: (organism, probability given) on planted organisms.
        nulls: Likewise on nulls.
        level: Two-sided confidence level.
    """
    groups = [_grouped(planted), _grouped(nulls)]
    n, n_organisms = len(planted) + len(nulls), len(groups[0]) + len(groups[1])
    if not planted or not nulls:
        return Estimate(math.nan, math.nan, math.nan, n, n_organisms, chance=0.5)
    import numpy as np

    names = [sorted(group) for group in groups]
    # Wins of each planted organism over each null: resampling then only adds up blocks.
    wins = np.array(
        [
            [
                sum((a > b) + (a == b) / 2 for a in groups[0][one] for b in groups[1][other])
                for other in names[1]
            ]
            for one in names[0]
        ]
    )
    sizes = [
        np.array([len(group[name]) for name in order])
        for group, order in zip(groups, names, strict=True)
    ]
    pairs = np.outer(sizes[0], sizes[1])
    low = high = math.nan
    if min(len(order) for order in names) > 1:
        draw = np.random.default_rng(_SEED)
        counts = [
            draw.multinomial(len(order), [1 / len(order)] * len(order), size=_RESAMPLES)
            for order in names
        ]
        areas = np.einsum("ri,ij,rj->r", counts[0], wins, counts[1]) / np.einsum(
            "ri,ij,rj->r", counts[0], pairs, counts[1]
        )
        low, high = _percentiles(areas, level)
    return Estimate(float(wins.sum() / pairs.sum()), low, high, n, n_organisms, chance=0.5)
