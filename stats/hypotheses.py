"""Hypotheses in numbers: how often they apply, how well they tell two models apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from diffgauge.records.hypotheses import Hypothesis, Judged, Rating, RatingScale
from diffgauge.stats.intervals import Estimate, clopper_pearson, clustered_mean, clustered_share

__all__ = ["Measured", "accepted_share", "accuracy", "effect", "frequency", "gap", "measured"]


@dataclass(frozen=True)
class Measured:
    """One hypothesis in numbers; intervals cluster by prompt.

    Attributes:
        hypothesis: The claim.
        test: Its verdicts on held-out prompts; None where there are none.
        train: On training prompts; likewise.
        accuracy: Of decided held-out pairs, the share that fits the prediction.
        frequency: Of held-out pairs, the share in which it applies to one reply more.
        effect: Share for the prediction less share against it, over all held-out pairs.
        gap: Accuracy on training prompts less that on held-out ones.
        legacy_accepted: Whether the published rule accepts it; None without training prompts.
        legacy_accuracy: The published accuracy on held-out prompts; NaN where nothing was decided.
        legacy_frequency: The published frequency: what is missing counts as applying.
        ratings: Mean of all raters' dimensions by scale; NaN without any.
    """

    hypothesis: Hypothesis
    test: Judged | None
    train: Judged | None
    accuracy: Estimate
    frequency: Estimate
    effect: Estimate
    gap: Estimate
    legacy_accepted: bool | None
    legacy_accuracy: float
    legacy_frequency: float
    ratings: dict[RatingScale, float]


def measured(
    hypotheses: Sequence[Hypothesis], judged: Iterable[Judged], ratings: Iterable[Rating] = ()
) -> list[Measured]:
    """Puts numbers to hypotheses.

    Args:
        hypotheses: In the order they are returned in.
        judged: Of both splits, as they are there.
        ratings: Of any rater.
    """
    by_split = {(one.hypothesis, one.split): one for one in judged}
    rated: dict[tuple[str, RatingScale], list[float]] = {}
    for rating in ratings:
        if rating.parts:
            given = rated.setdefault((rating.hypothesis, rating.scale), [])
            given.append(fmean(rating.parts.values()))
    return [
        _measured(one, by_split.get((one.id, "train")), by_split.get((one.id, "test")), rated)
        for one in hypotheses
    ]


def _measured(
    hypothesis: Hypothesis,
    train: Judged | None,
    test: Judged | None,
    rated: Mapping[tuple[str, RatingScale], Sequence[float]],
) -> Measured:
    scales: tuple[RatingScale, ...] = ("interestingness", "abstraction")
    n = 0 if test is None else _n_pairs(test)
    decided = 0 if test is None else test.n_predicted + test.n_other
    return Measured(
        hypothesis=hypothesis,
        test=test,
        train=train,
        accuracy=accuracy(test),
        frequency=frequency(test),
        effect=effect(test),
        gap=gap(accuracy(train), accuracy(test)),
        legacy_accepted=None if train is None else train.legacy_direction == hypothesis.predicted,
        legacy_accuracy=test.n_predicted / decided if test is not None and decided else math.nan,
        legacy_frequency=1 - test.n_neither / n if test is not None and n else math.nan,
        ratings={
            scale: fmean(rated[hypothesis.id, scale])
            if (hypothesis.id, scale) in rated
            else math.nan
            for scale in scales
        },
    )


def _n_pairs(judged: Judged) -> int:
    told = judged.n_predicted + judged.n_other + judged.n_neither
    return told + judged.n_disputed + judged.n_unjudged


def _values(judged: Judged | None, *worth: float | None) -> list[tuple[str, float]]:
    """(prompt, value) for each pair, by what was said of it; None leaves it out."""
    if judged is None:
        return []
    return [
        (str(at), value)
        for at, counts in enumerate(judged.by_prompt)
        for n, value in zip(counts, worth, strict=True)
        if value is not None
        for _ in range(n)
    ]


def accuracy(judged: Judged | None) -> Estimate:
    """Returns the share of decided pairs that fit the prediction; chance gives a half.

    Source: arXiv 2602.10371, accuracy: p_pred ÷ (p_A + p_B).
    Differs: verdicts that failed or are missing stand outside; NaN where nothing was decided (0
        as released).
    """
    return clustered_share(_values(judged, 1.0, 0.0, None), chance=0.5)


def frequency(judged: Judged | None) -> Estimate:
    """Returns the share of pairs in which one reply fits better.

    Source: arXiv 2602.10371, frequency: 1 − p_neither.
    Differs: verdicts that failed or are missing do not count as applying.
    """
    return clustered_share(_values(judged, 1.0, 1.0, 0.0))


def effect(judged: Judged | None) -> Estimate:
    """Returns the share of pairs for the prediction less that against it, -1 to 1."""
    return clustered_mean(_values(judged, 1.0, -1.0, 0.0), chance=0.0)


def gap(train: Estimate, test: Estimate) -> Estimate:
    """Returns a share on training prompts less the same on held-out ones.

    Source: Newcombe 1998, method 10 (the two intervals' arms, squared and added).
    Differs: the intervals are those that cluster by prompt.
    """
    difference = train.value - test.value
    low = difference - math.hypot(train.value - train.low, test.high - test.value)
    high = difference + math.hypot(train.high - train.value, test.value - test.low)
    n = train.n + test.n
    return Estimate(difference, low, high, n, train.n_organisms + test.n_organisms)


def accepted_share(judged: Iterable[Judged]) -> Estimate:
    """Returns the share of tested hypotheses that hold, with its exact binomial interval."""
    tested = [one.accepted for one in judged if one.accepted is not None]
    n, n_held = len(tested), sum(tested)
    low, high = clopper_pearson(n_held, n)
    return Estimate(n_held / n if n else math.nan, low, high, n, n)
