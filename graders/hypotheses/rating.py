"""How interesting and how abstract hypotheses are, by several raters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from inspect_ai.model import Model
from inspect_ai.util import collect

from diffgauge.graders.asking import ask
from diffgauge.graders.hypotheses.rating_prompt import (
    PARTS,
    parts_model,
    rating_prompt,
    read_parts,
)
from diffgauge.graders.lexical import LexicalGrader
from diffgauge.records.hypotheses import Hypothesis, Rating, RatingScale

__all__ = ["RatingKey", "rate", "rating_key"]

RatingKey = tuple[str, str, str, int]
"""What makes a rating one: hypothesis, scale, rater, repeat."""

_AT_ONCE: Final = 16


def rating_key(one: Rating) -> RatingKey:
    """Returns what makes a rating one."""
    return one.hypothesis, one.scale, one.grader, one.repeat


async def rate(
    hypotheses: Sequence[Hypothesis],
    raters: Sequence[Model],
    keep: Callable[[list[Rating]], None],
    *,
    repeats: int = 1,
    done: Collection[RatingKey] = frozenset(),
) -> None:
    """Has raters rate every hypothesis on both scales.

    Source: the scales of arXiv 2602.10371 and their dimensions.
    Differs: no overall grade is asked for, the mean of the dimensions stands for it; the examples
        speak of no topic and change their order.

    Args:
        hypotheses: What is rated; its prediction is not shown.
        raters: Each rates everything. The offline grader rates nothing: it cannot tell.
        keep: Takes each rating as it comes.
        repeats: How often.
        done: Ratings that are there already.
    """
    waiting = (
        (hypothesis, scale, rater, repeat)
        for hypothesis in hypotheses
        for scale in PARTS
        for rater in raters
        if not isinstance(rater.api, LexicalGrader)
        for repeat in range(1, repeats + 1)
        if (hypothesis.id, scale, str(rater), repeat) not in done
    )

    async def work() -> None:
        for asked in waiting:
            keep([await _rated(*asked)])

    await collect(*(work() for _ in range(_AT_ONCE)))


async def _rated(hypothesis: Hypothesis, scale: RatingScale, rater: Model, repeat: int) -> Rating:
    answer = await ask(
        rater,
        rating_prompt(hypothesis.text, scale, repeat),
        parts_model(scale),
        lambda text: read_parts(text, scale),
        seed=repeat,
    )
    return Rating(
        hypothesis=hypothesis.id,
        scale=scale,
        grader=str(rater),
        repeat=repeat,
        parts=answer.verdict or {},
        problem=answer.problem,
    )
