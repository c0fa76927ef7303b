"""Agreement of two graders on an ordinal scale, beyond what chance gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from diffgauge.stats.intervals import LEVEL, Estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["GRADES", "weighted_kappa"]

GRADES: Final = (1, 2, 3, 4, 5)

_RESAMPLES: Final = 2000
_SEED: Final = 20261128

Pair = tuple[str, int, int]
"""(organism, grade by one, grade by the other)."""


def weighted_kappa(pairs: Sequence[Pair], level: float = LEVEL) -> Estimate:
    """Returns quadratically weighted kappa with an interval that resamples organisms.

    Source: Cohen 1968, disagreements weighted by the square of their distance; percentile interval
    over resampled clusters as in `intervals.clustered_mean`.
    Differs: none. NaN where both graders give one and the same grade throughout, for there is
    nothing to agree on; resamples in which that happens are left out of the interval.

    Args:
        pairs: Grades from 1 to 5.
        level: Two-sided confidence level.

    Returns:
        The coefficient, −1 to 1; 0 is agreement as by chance. No interval with fewer than two
        organisms or where all resamples agree.
    """
    import numpy as np

    organisms = sorted({organism for organism, _, _ in pairs})
    if not pairs:
        return Estimate(math.nan, math.nan, math.nan, 0, 0, chance=0.0)
    place = {organism: at for at, organism in enumerate(organisms)}
    counts = np.zeros((len(organisms), len(GRADES), len(GRADES)))
    for organism, one, other in pairs:
        counts[place[organism], one - 1, other - 1] += 1
    value = float(_kappas(counts.sum(axis=0)[None])[0])
    low = high = math.nan
    if len(organisms) > 1:
        drawn = np.random.default_rng(_SEED).multinomial(
            len(organisms), [1 / len(organisms)] * len(organisms), size=_RESAMPLES
        )
        resampled = _kappas(np.einsum("ro,oij->rij", drawn, counts))
        defined = resampled[~np.isnan(resampled)]
        if defined.size and np.ptp(defined) > 0:
            tail = (1 - level) / 2
            low, high = (float(one) for one in np.quantile(defined, [tail, 1 - tail]))
    return Estimate(value, low, high, len(pairs), len(organisms), chance=0.0)


def _kappas(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns kappa of each table (table, grade, grade); NaN where chance alone agrees wholly."""
    import numpy as np

    grades = np.array(GRADES)
    weights = (grades[:, None] - grades[None, :]) ** 2
    totals = counts.sum(axis=(1, 2))
    expected = counts.sum(axis=2)[:, :, None] * counts.sum(axis=1)[:, None, :]
    observed = (weights * counts).sum(axis=(1, 2)) * totals
    by_chance = (weights * expected).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(by_chance > 0, 1 - observed / by_chance, np.nan)
