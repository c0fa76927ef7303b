"""The tool-to-agent gap as logs hold it: columns of a row, and each fact's path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from inspect_ai.scorer import Score
from pydantic import ValidationError

from diffgauge.records.gaps import STAGES, FactPath, Stage

if TYPE_CHECKING:
    from diffgauge.stats.logs import Logs

__all__ = ["Travelled", "gap_columns", "travelled", "travelled_in"]

_SCORER: Final = "gap"
_NOT_REQUESTED: Final = "not requested"
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True)
class Travelled:
    """The key facts of one sample.

    Attributes:
        paths: How far each got.
        others: What other cards' facts reach there; a stage without a figure is missing.
    """

    paths: tuple[FactPath, ...]
    others: Mapping[Stage, float]


def gap_columns(score: Score | None) -> dict[str, Any]:
    """Returns the columns of a row that tell the gap, and why they have no value.

    Args:
        score: Of the scorer `gap`; None where it did not run.
    """
    if score is None:
        return {"gap_reason": _NOT_REQUESTED}
    read = _read(score)
    if read is None:
        return {"gap_reason": score.reason or _UNKNOWN}
    furthest = max(read.paths, key=lambda path: _distance(path))
    return {
        **{
            f"gap_{stage}": sum(path.reached(stage) for path in read.paths) / len(read.paths)
            for stage in STAGES
        },
        "gap_exposed_others": read.others.get("exposed"),
        "gap_broke_at": furthest.broke_at,
    }


def _distance(path: FactPath) -> int:
    return len(STAGES) if path.broke_at == "none" else STAGES.index(path.broke_at)


def travelled(read: Logs) -> dict[tuple[str, str, int], Travelled]:
    """Returns the facts' paths of every sample that the scorer `gap` scored, by sample."""
    return {one.key: one.travelled for one in read.samples if one.travelled is not None}


def travelled_in(scores: Mapping[str, Score] | None) -> Travelled | None:
    """Returns the facts' paths of one sample; None where the scorer `gap` scored nothing."""
    score = (scores or {}).get(_SCORER)
    return None if score is None else _read(score)


def _read(score: Score) -> Travelled | None:
    """Returns what a score holds; None for an unscored one and one of another form."""
    held = score.metadata or {}
    if not isinstance(score.value, Mapping) or not held.get("facts"):
        return None
    try:
        paths = tuple(FactPath.model_validate(one) for one in held["facts"])
    except ValidationError:
        return None
    others = held.get("others") or {}
    return Travelled(
        paths, {stage: others[stage] for stage in STAGES if others.get(stage) is not None}
    )
