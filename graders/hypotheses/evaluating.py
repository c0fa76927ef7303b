"""An evaluation of hypotheses: verdicts and ratings asked for, continued, and counted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inspect_ai.model import Model

from diffgauge.graders.exchange import RATE
from diffgauge.graders.hypotheses.acceptance import judged
from diffgauge.graders.hypotheses.journal import Journal
from diffgauge.graders.hypotheses.judging import judge, key_of, null_pairs, pairs_of
from diffgauge.graders.hypotheses.rating import rate, rating_key
from diffgauge.graders.hypotheses.rating_prompt import RATING_DIGEST
from diffgauge.graders.hypotheses.verdict_prompt import VERDICT_DIGEST
from diffgauge.records.artifacts import hash_json
from diffgauge.records.hypotheses import Hypothesis, Judged, PairedReplies, Rating, VerdictRow

__all__ = ["NULLS", "Evaluation", "counted", "evaluated"]

NULLS: Final = ("null:a", "null:b")


@dataclass(frozen=True)
class Evaluation:
    """What was found.

    Attributes:
        hypotheses: What was judged.
        verdicts: One row for each.
        judged: What they come to on both models' replies.
        nulls: The same on two replies of one model, by `VerdictRow.drawn`; empty where no prompt
            has two replies.
        ratings: One for each hypothesis, scale, rater and repeat; may be empty.
        about: What was asked, as plain JSON values.
    """

    hypotheses: tuple[Hypothesis, ...]
    verdicts: tuple[VerdictRow, ...]
    judged: tuple[Judged, ...]
    nulls: dict[str, tuple[Judged, ...]]
    ratings: tuple[Rating, ...]
    about: dict[str, Any]


def evaluated(
    hypotheses: Sequence[Hypothesis],
    replies: Sequence[PairedReplies],
    graders: Sequence[Model],
    folder: Path,
    *,
    level: float = RATE,
    seed: int = 0,
    null: bool = True,
    repeats: int = 0,
    retry: bool = False,
    at_once: int = 64,
) -> Evaluation:
    """Has graders judge hypotheses on replies, and says which hold.

    Args:
        hypotheses: What is judged.
        replies: On what.
        graders: Of the verdicts, and of the ratings.
        folder: Where verdicts and ratings are kept as they come; what stands there already is not
            asked again.
        level: The false-discovery rate.
        seed: Seeds the orders in which replies and hypotheses are shown.
        null: Whether two replies of one model are judged as well, where there are two.
        repeats: How often each grader rates a hypothesis; 0 gives no ratings.
        retry: Whether verdicts and ratings that failed before are asked for again.
        at_once: Questions under way at the same time.

    Raises:
        DiffgaugeError: The folder holds verdicts on something else.
    """
    material = {
        "hypotheses": [one.model_dump(mode="json") for one in hypotheses],
        "replies": [one.model_dump(mode="json") for one in replies],
        "seed": seed,
    }
    rests_on = hash_json(material | {"prompt": VERDICT_DIGEST})
    verdicts = Journal(folder / "verdicts.jsonl", VerdictRow, rests_on)
    ratings = Journal(
        folder / "ratings.jsonl", Rating, hash_json([material["hypotheses"], RATING_DIGEST])
    )
    if retry:
        verdicts.drop(lambda row: row.problem is not None)
        ratings.drop(lambda row: row.problem is not None)
    pairs = [*pairs_of(replies), *(null_pairs(replies) if null else [])]

    async def ask_all() -> None:
        done = {key_of(row) for row in verdicts.rows}
        await judge(hypotheses, pairs, graders, verdicts.add, seed=seed, done=done, at_once=at_once)
        rated = {rating_key(one) for one in ratings.rows}
        await rate(hypotheses, graders, ratings.add, repeats=repeats, done=rated)

    asyncio.run(ask_all())
    about = {
        "graders": [str(one) for one in graders],
        "rate": level,
        "seed": seed,
        "prompt_hash": VERDICT_DIGEST,
        "n_pairs": len(replies),
        "n_pairs_missing": sum(one.problem is not None for one in replies),
    }
    return counted(hypotheses, verdicts.rows, ratings.rows, about, level)


def counted(
    hypotheses: Sequence[Hypothesis],
    verdicts: Sequence[VerdictRow],
    ratings: Sequence[Rating],
    about: dict[str, Any],
    level: float = RATE,
) -> Evaluation:
    """Counts verdicts and ratings that are there. Arguments as in `Evaluation` and `evaluated`."""
    by_drawn = {
        drawn: [row for row in verdicts if row.drawn == drawn] for drawn in ("pair", *NULLS)
    }
    return Evaluation(
        hypotheses=tuple(hypotheses),
        verdicts=tuple(verdicts),
        judged=tuple(judged(hypotheses, by_drawn["pair"], level)),
        nulls={
            drawn: tuple(judged(hypotheses, by_drawn[drawn], level))
            for drawn in NULLS
            if by_drawn[drawn]
        },
        ratings=tuple(ratings),
        about=about,
    )
