"""What verdicts come to: which hypotheses hold on held-out prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from diffgauge.graders.exchange import RATE, holding
from diffgauge.records.hypotheses import (
    SPLITS,
    Hypothesis,
    Judged,
    ModelName,
    Split,
    VerdictRow,
    other_model,
)

__all__ = ["LEGACY_MARGIN", "judged", "sign_flip_p"]

LEGACY_MARGIN: Final = 0.01
"""The flat margin of the published rule."""

_Vote = Literal["a", "b", "neither"]


def judged(
    hypotheses: Sequence[Hypothesis], rows: Iterable[VerdictRow], rate: float = RATE
) -> list[Judged]:
    """Counts verdicts and says which hypotheses hold.

    A hypothesis is accepted when, on held-out prompts, the reply of the model it predicts fits it
    more often than the other's: one-sided, paired by prompt (`sign_flip_p`), with the
    false-discovery rate controlled over the hypotheses tested together (`exchange.holding`). How
    it is worded counts nowhere.

    Source: METHODS.md, hypothesis evaluation. Published beside it (arXiv 2602.10371, released
    evaluation): the direction of verdicts on training prompts by a margin of 0.01, errors counted
    as decided.
    Differs: the rule for acceptance, as said; the published one is kept as `legacy_direction`.

    Args:
        hypotheses: What was judged together.
        rows: Verdicts; those on hypotheses that are not among them are passed over. Of several
            graders the majority counts.
        rate: The false-discovery rate.

    Returns:
        By hypothesis, then split; a split that was not judged has none.
    """
    given: dict[tuple[str, Split], list[VerdictRow]] = {}
    for row in rows:
        given.setdefault((row.hypothesis, row.split), []).append(row)
    found = [
        _counted(one, split, given[one.id, split])
        for one in hypotheses
        for split in SPLITS
        if (one.id, split) in given
    ]
    tested = [one for one in found if one.split == "test"]
    held = iter(holding([one.p_value for one in tested], rate))
    return [
        one.model_copy(update={"accepted": next(held)}) if one.split == "test" else one
        for one in found
    ]


def _counted(hypothesis: Hypothesis, split: Split, rows: Sequence[VerdictRow]) -> Judged:
    votes: dict[tuple[str, int], list[_Vote]] = {}
    for row in rows:
        mine = votes.setdefault((row.prompt, row.number), [])
        if row.verdict not in ("error", "missing"):
            mine.append(row.winner or "neither")
    decided = {key: _majority(mine) for key, mine in votes.items()}
    counts = Counter(decided.values())
    predicted, other = hypothesis.predicted, other_model(hypothesis.predicted)
    told = {predicted: 0, other: 1, "neither": 2}
    by_prompt: dict[str, list[int]] = {}
    for (prompt, _), vote in decided.items():
        counted = by_prompt.setdefault(prompt, [0, 0, 0])
        if vote in told:
            counted[told[vote]] += 1
    return Judged(
        hypothesis=hypothesis.id,
        split=split,
        n_predicted=counts[predicted],
        n_other=counts[other],
        n_neither=counts["neither"],
        n_disputed=counts["disputed"],
        n_unjudged=counts[None],
        n_error=sum(row.verdict == "error" for row in rows),
        n_missing=sum(row.verdict == "missing" for row in rows),
        by_prompt=tuple((own, others, none) for own, others, none in by_prompt.values()),
        p_value=sign_flip_p([own - others for own, others, _ in by_prompt.values()]),
        legacy_direction=_legacy(counts["a"], counts["b"], len(decided)),
    )


def _majority(votes: Sequence[_Vote]) -> _Vote | Literal["disputed"] | None:
    """The vote of more than half; None without any."""
    if not votes:
        return None
    [(most, n)] = Counter(votes).most_common(1)
    return most if 2 * n > len(votes) else "disputed"


def _legacy(n_a: int, n_b: int, n: int) -> ModelName | None:
    margin = (n_a - n_b) / n
    return "a" if margin > LEGACY_MARGIN else "b" if -margin > LEGACY_MARGIN else None


def sign_flip_p(scores: Sequence[int]) -> float:
    """Returns the one-sided p-value that a prompt's score is more often positive.

    Without a difference between the models each prompt's score is as likely with the other sign:
    both replies could have been the other model's, as the grader saw them in random order.

    Source: Fisher's randomisation test of matched pairs; with scores of 1 and -1 the sign test.
    Differs: none. The count is exact; nothing is drawn.

    Args:
        scores: One whole number for each prompt: verdicts for the prediction less those against.

    Returns:
        In (0, 1]; 1 where all are 0.
    """
    import numpy as np

    sizes = [abs(score) for score in scores if score]
    chances = np.ones(1)
    for size in sizes:
        widened = np.zeros(len(chances) + 2 * size)
        widened[: len(chances)] += chances / 2
        widened[2 * size :] += chances / 2
        chances = widened
    # Place s of the chances is the sum s - total.
    return min(1.0, float(chances[sum(scores) + sum(sizes) :].sum()))
