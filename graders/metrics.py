"""Metrics over graded samples, each with its interval, its n and the number of organisms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any, Final

from inspect_ai.scorer import Metric, SampleScore, metric

__all__ = ["area_under_curve", "by_family", "clustered", "clustered_mean", "clustered_top1"]

_LEVEL: Final = 0.9
_CLUSTER: Final = "truth_id"
_FAMILY: Final = "family"
_UNKNOWN: Final = "unknown"


def clustered(
    values: Sequence[tuple[str, float]], lowest: float = 0.0, highest: float = 1.0
) -> dict[str, float]:
    """Returns the mean with its 90 % interval, clustered by organism.

    Source: Liang and Zeger 1986, cluster-robust variance of a mean (working independence), with
    the factor C / (C - 1) and Student's t on C - 1 degrees of freedom.
    Differs: the interval is NaN, not a point, where there is one organism only or all of them
    agree, and is cut at the ends of the scale.

    Args:
        values: (organism, value) for each sample and epoch; values finite.
        lowest: Lower end of the scale.
        highest: Upper end of the scale.

    Returns:
        ``mean``, ``low``, ``high`` (NaN where undefined), ``n`` and ``n_organisms``.
    """
    groups: dict[str, list[float]] = {}
    for name, value in values:
        groups.setdefault(name, []).append(value)
    n, n_groups = len(values), len(groups)
    mean = fmean(value for _, value in values) if n else math.nan
    low = high = math.nan
    spread = sum(sum(value - mean for value in group) ** 2 for group in groups.values())
    if n_groups > 1 and spread > 0:
        from scipy.stats import t

        error = math.sqrt(spread * n_groups / (n_groups - 1)) / n
        reach = float(t.ppf(0.5 + _LEVEL / 2, n_groups - 1)) * error
        low, high = max(lowest, mean - reach), min(highest, mean + reach)
    return {
        "mean": mean,
        "low": low,
        "high": high,
        "n": float(n),
        "n_organisms": float(n_groups),
    }


def _cluster(score: SampleScore) -> str:
    held = score.sample_metadata or {}
    return str(held.get(_CLUSTER, score.sample_id))


def _details(score: SampleScore) -> dict[str, Any]:
    return score.score.metadata or {}


@metric(scores="unreduced")
def clustered_mean(lowest: float = 0.0, highest: float = 1.0) -> Metric:
    """Mean of the scored values with a 90 % interval clustered by organism (`clustered`).

    Args:
        lowest: Lower end of the scale.
        highest: Upper end of the scale.
    """

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        values = [(_cluster(score), score.score.as_float()) for score in scores]
        return clustered(values, lowest, highest)

    return compute


@metric(scores="unreduced")
def by_family(lowest: float = 0.0, highest: float = 1.0) -> Metric:
    """What `clustered_mean` gives, for each family of organisms by itself.

    Args:
        lowest: Lower end of the scale.
        highest: Upper end of the scale.

    Returns:
        The metric; its keys are ``FAMILY_mean``, ``FAMILY_low``, ``FAMILY_high``, ``FAMILY_n`` and
        ``FAMILY_n_organisms``. Samples whose metadata name no family are those of ``unknown``;
        families without a scored sample are not there.
    """

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        groups: dict[str, list[tuple[str, float]]] = {}
        for score in scores:
            family = str((score.sample_metadata or {}).get(_FAMILY, _UNKNOWN))
            groups.setdefault(family, []).append((_cluster(score), score.score.as_float()))
        return {
            f"{family}_{name}": value
            for family in sorted(groups)
            for name, value in clustered(groups[family], lowest, highest).items()
        }

    return compute


@metric(scores="unreduced")
def clustered_top1() -> Metric:
    """Share of samples whose true candidate ranks first alone, on planted organisms.

    Nulls are left out: their candidate is "no difference", which `detection` judges.
    """

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        planted = [score for score in scores if _details(score).get("null") == "none"]
        found = clustered([(_cluster(one), float(_details(one)["top1"])) for one in planted])
        return {
            "top1": found["mean"],
            "top1_low": found["low"],
            "top1_high": found["high"],
            "top1_n": found["n"],
            "top1_n_organisms": found["n_organisms"],
        }

    return compute


@metric(scores="unreduced")
def area_under_curve() -> Metric:
    """Area under the ROC curve of a probability, planted organisms against nulls.

    Source: Mann and Whitney 1947, the probability that a planted sample is given a higher
    probability than a null's, ties counting one half.
    Differs: none. NaN where one of the two kinds is missing.
    """

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        # A Brier score of one probability p is (p - y)²: with y known, p comes back exactly
        # enough to be ordered, so that both keys of a dict score can share this metric.
        planted, nulls = [], []
        for score in scores:
            distance = math.sqrt(max(score.score.as_float(), 0.0))
            if _details(score).get("null") == "none":
                planted.append(round(1 - distance, 9))
            else:
                nulls.append(round(distance, 9))
        return {
            "auroc": auroc(planted, nulls),
            "n_planted": float(len(planted)),
            "n_null": float(len(nulls)),
        }

    return compute


def auroc(planted: Sequence[float], nulls: Sequence[float]) -> float:
    """Returns the area under the ROC curve; NaN where either side is empty."""
    if not planted or not nulls:
        return math.nan
    wins = sum((high > low) + (high == low) / 2 for high in planted for low in nulls)
    return wins / (len(planted) * len(nulls))
