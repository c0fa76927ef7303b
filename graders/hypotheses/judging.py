"""Judging hypotheses on replies: every verdict is one row, also those that failed."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from inspect_ai.model import Model
from inspect_ai.util import collect

from diffgauge.graders.asking import ask
from diffgauge.graders.hypotheses.verdict_prompt import (
    Fits,
    Verdicts,
    read_fits,
    verdict_prompt,
)
from diffgauge.records.hypotheses import (
    Hypothesis,
    ModelName,
    PairedReplies,
    Verdict,
    VerdictRow,
)

__all__ = ["BATCH", "DrawnPair", "Key", "judge", "key_of", "null_pairs", "pairs_of"]

BATCH: Final = 10
"""Hypotheses in one question."""

Key = tuple[str, str, int, str, str]
"""What makes a verdict one: hypothesis, prompt, number, how its replies were drawn, grader."""


@dataclass(frozen=True)
class DrawnPair:
    """Two replies that are judged: of both models, or of one model twice (`VerdictRow.drawn`)."""

    replies: PairedReplies
    drawn: Literal["pair", "null:a", "null:b"] = "pair"


@dataclass(frozen=True)
class _Question:
    """One question to one grader: a batch of hypotheses in the order they are shown."""

    grader: Model
    pair: DrawnPair
    hypotheses: tuple[Hypothesis, ...]
    first: ModelName


def key_of(row: VerdictRow) -> Key:
    """Returns what makes a verdict one."""
    return row.hypothesis, row.prompt, row.number, row.drawn, row.grader


def pairs_of(replies: Sequence[PairedReplies]) -> list[DrawnPair]:
    """Returns the pairs of replies of both models."""
    return [DrawnPair(one) for one in replies]


def null_pairs(replies: Sequence[PairedReplies]) -> list[DrawnPair]:
    """Pairs two replies of one model, for what a hypothesis is accepted by where nothing differs.

    Args:
        replies: Those to one prompt that both models gave, two and two in order.

    Returns:
        For each model one pair of every two held-out replies to a prompt; none where each prompt
        has but one.
    """
    by_prompt: dict[str, list[PairedReplies]] = {}
    for one in replies:
        if one.split == "test" and one.problem is None:
            by_prompt.setdefault(one.prompt, []).append(one)
    found = []
    for given in by_prompt.values():
        for one, again in zip(given[::2], given[1::2], strict=False):
            found.append(DrawnPair(one.model_copy(update={"b": again.a}), "null:a"))
            found.append(DrawnPair(one.model_copy(update={"a": again.b}), "null:b"))
    return found


async def judge(
    hypotheses: Sequence[Hypothesis],
    pairs: Sequence[DrawnPair],
    graders: Sequence[Model],
    keep: Callable[[list[VerdictRow]], None],
    *,
    seed: int,
    done: Collection[Key] = frozenset(),
    at_once: int = 64,
) -> None:
    """Has graders judge every hypothesis on every pair of replies.

    The order of the two replies and of the hypotheses is drawn for every question; a question
    holds at most `BATCH` hypotheses. Replies that are the same to the letter fit no hypothesis
    better than the other, and where one is missing there is nothing to judge: nobody is asked
    then, and the rows say so.

    Args:
        hypotheses: What is judged, each with an id of its own.
        pairs: On what.
        graders: Each judges everything.
        keep: Takes the rows of one question as soon as it is answered.
        seed: Seeds the orders.
        done: Verdicts that are there already and are not asked again.
        at_once: Questions under way at the same time.
    """
    waiting = _questions(hypotheses, pairs, graders, seed, done)

    async def work() -> None:
        for question in waiting:
            keep(await _answered(question))

    await collect(*(work() for _ in range(at_once)))


def _questions(
    hypotheses: Sequence[Hypothesis],
    pairs: Sequence[DrawnPair],
    graders: Sequence[Model],
    seed: int,
    done: Collection[Key],
) -> Iterator[_Question]:
    for pair in pairs:
        replies = pair.replies
        for grader in graders:
            name = str(grader)
            draw = random.Random(f"{seed}:{replies.prompt}:{replies.number}:{pair.drawn}:{name}")
            order = list(hypotheses)
            draw.shuffle(order)
            for start in range(0, len(order), BATCH):
                batch = order[start : start + BATCH]
                first: ModelName = draw.choice(("a", "b"))
                left = tuple(
                    one
                    for one in batch
                    if (one.id, replies.prompt, replies.number, pair.drawn, name) not in done
                )
                if left:
                    yield _Question(grader, pair, left, first)


async def _answered(question: _Question) -> list[VerdictRow]:
    replies = question.pair.replies
    if replies.a is None or replies.b is None:
        return _rows(question, [("missing", replies.problem)] * len(question.hypotheses), 0)
    if replies.a == replies.b:
        return _rows(question, [("neither", None)] * len(question.hypotheses), 0)
    first, second = (replies.a, replies.b)
    if question.first == "b":
        first, second = second, first
    n = len(question.hypotheses)
    prompt = verdict_prompt(
        [one.text for one in question.hypotheses], replies.prompt, first, second
    )
    answer = await ask(question.grader, prompt, Verdicts, lambda text: read_fits(text, n))
    if answer.verdict is None:
        return _rows(question, [("error", answer.problem)] * n, answer.attempts)
    return _rows(question, [_told(fits) for fits in answer.verdict], answer.attempts)


def _told(fits: Fits | None) -> tuple[Verdict, str | None]:
    return (fits, None) if fits is not None else ("missing", "the reply holds no single verdict")


def _rows(
    question: _Question, verdicts: Sequence[tuple[Verdict, str | None]], attempts: int
) -> list[VerdictRow]:
    replies = question.pair.replies
    return [
        VerdictRow(
            hypothesis=hypothesis.id,
            prompt=replies.prompt,
            split=replies.split,
            number=replies.number,
            drawn=question.pair.drawn,
            first=question.first,
            verdict=verdict,
            grader=str(question.grader),
            attempts=attempts,
            problem=problem,
        )
        for hypothesis, (verdict, problem) in zip(question.hypotheses, verdicts, strict=True)
    ]
