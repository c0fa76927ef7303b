"""How far graders agree on the same reports, and with themselves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from diffgauge.stats.features import GRADES
from diffgauge.stats.intervals import LEVEL, Estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

__all__ = ["krippendorff_alpha", "retest_alpha"]

_RUN: Final = ("task_id", "sample_id", "epoch")
_RESAMPLES: Final = 500
_SEED: Final = 20261128


def krippendorff_alpha(frame: DataFrame) -> Estimate:
    """Returns the agreement of graders on rubric grades, 1 for perfect and 0 for chance.

    Source: Krippendorff 2004, chapter 11, the ordinal metric, by the package of that name.
    Differs: units are reports, coders are graders (the mean of a grader's repeats is rounded); the
    interval is of percentiles over 500 resamples of whole organisms.

    Args:
        frame: Rows, columns as in `records.rows.Row`.

    Returns:
        Its ``n`` counts reports with two or more graders. NaN with one grader, where no report has
        two grades, or where all grades are equal: then nothing could have disagreed.
    """
    held = frame[frame["grade"].notna() & frame["grader"].notna()]
    return _alpha(held, "grader")


def retest_alpha(frame: DataFrame) -> Estimate:
    """Returns a single grader's agreement with itself over repeats, as `krippendorff_alpha`.

    Args:
        frame: Rows of one grader. Where the rows say which repeat they are by their order alone,
            that order counts.
    """
    held = frame[frame["grade"].notna() & frame["grader"].notna()]
    repeat = held.groupby(list(_RUN)).cumcount()
    return _alpha(held.assign(repeat=repeat), "repeat")


def _alpha(held: DataFrame, coder: str) -> Estimate:
    import numpy as np

    nothing = Estimate(math.nan, math.nan, math.nan, 0, 0)
    if held.empty or held[coder].nunique() < 2:
        return nothing
    table = held.pivot_table(
        index=[*_RUN, "truth_id"], columns=coder, values="grade", aggfunc="mean"
    ).round()
    table = table[table.notna().sum(axis=1) > 1]
    if table.empty:
        return nothing
    counts = np.stack([(table == grade).sum(axis=1).to_numpy() for grade in GRADES], axis=1)
    organisms = table.index.get_level_values("truth_id")
    names = sorted(set(organisms))
    groups = [np.flatnonzero(organisms == name) for name in names]
    low = high = math.nan
    if len(names) > 1:
        draw = np.random.default_rng(_SEED)
        drawn = [
            _of_counts(counts[np.concatenate([groups[at] for at in chosen])])
            for chosen in draw.integers(len(names), size=(_RESAMPLES, len(names)))
        ]
        known = np.array([one for one in drawn if not math.isnan(one)])
        if len(known) and np.ptp(known) > 0:
            low, high = map(float, np.quantile(known, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]))
    return Estimate(_of_counts(counts), low, high, len(table), len(names))


def _of_counts(counts: NDArray[np.int64]) -> float:
    """Returns alpha of a table of grades' counts, one row for each report; NaN where undefined."""
    import krippendorff

    if (counts.sum(axis=0) > 0).sum() < 2:
        return math.nan
    return float(
        krippendorff.alpha(
            value_counts=counts,
            level_of_measurement="ordinal",
            value_domain=list(GRADES),
        )
    )
