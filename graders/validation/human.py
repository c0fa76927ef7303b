"""The door for labels that humans give: Inspect's `precomputed_scores`, checked beforehand."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from inspect_ai.scorer import Scorer, precomputed_scores, scorer

from diffgauge.graders.metrics import clustered_mean
from diffgauge.records.errors import DiffgaugeError, unknown_name

__all__ = ["check_human_labels", "human_labels"]

_LOWEST: Final = 1
_HIGHEST: Final = 5
_ALLOWED: Final = (
    'JSON or JSON Lines of {"id": …, "value": 1 to 5}, with `explanation` and `metadata` if wanted'
)


@scorer(metrics=[clustered_mean(lowest=1.0, highest=5.0)])
def human_labels(scores: str) -> Scorer:
    """Grades that humans gave reports of the validation set, by Inspect's `precomputed_scores`.

    Source: Inspect's `precomputed_scores`, whose file format it takes.
    Differs: it has a name of its own, and an interval.

    Args:
        scores: A ``.json`` or ``.jsonl`` file of records with `id` (an example's) and `value`
            (1 to 5).

    Returns:
        The scorer; a report without a record is not requested.
    """
    given: Scorer = precomputed_scores(scores)
    return given


def check_human_labels(path: Path, known: Collection[str]) -> int:
    """Checks a file of human labels before a grader is paid.

    Args:
        path: The file.
        known: Ids of the validation set.

    Returns:
        How many labels it holds.

    Raises:
        DiffgaugeError: It cannot be read, names a report that is not in the set (which Inspect
            alone would pass over), gives one twice, or a value is none of the scale.
    """
    records = _records(path)
    seen: set[str] = set()
    for number, record in enumerate(records, 1):
        where = f"{path}, record {number}"
        if not isinstance(record, dict) or "id" not in record or "value" not in record:
            raise DiffgaugeError(f"{where} has no `id` and `value`.", allowed=_ALLOWED)
        name, value = str(record["id"]), record["value"]
        if name not in known:
            error = unknown_name("report of the validation set", name, known)
            raise DiffgaugeError(f"{where}: {error.what}", advice=error.advice)
        if name in seen:
            raise DiffgaugeError(f"{where}: the report {name!r} is labelled twice.")
        real = isinstance(value, int | float) and not isinstance(value, bool)
        if not real or not _LOWEST <= value <= _HIGHEST:
            raise DiffgaugeError(f"{where}: the label {value!r} is no grade.", allowed="1 to 5")
        seen.add(name)
    if not seen:
        raise DiffgaugeError(f"{path} holds no label.", allowed=_ALLOWED)
    return len(seen)


def _records(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix.lower() == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        found = json.loads(text)
    except (OSError, ValueError) as error:
        raise DiffgaugeError(f"{path} cannot be read: {error}.", allowed=_ALLOWED) from error
    if not isinstance(found, list):
        raise DiffgaugeError(f"{path} holds no list.", allowed=_ALLOWED)
    return found
