"""Asking a grader model for a verdict, at most twice; what fails is an answer with its problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ResponseSchema,
)
from inspect_ai.util import json_schema
from pydantic import BaseModel

from diffgauge.graders.grading_prompt import again
from diffgauge.graders.verdict import UnreadableVerdict
from diffgauge.records.refusals import REFUSED, refuses

__all__ = ["Answer", "ask"]

T = TypeVar("T")

_ATTEMPTS: Final = 2
_SHOWN: Final = 2000
"""Characters of an unreadable reply that are kept."""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What a grader answered.

    Attributes:
        verdict: None where it gave none that can be read.
        problem: Why not; None beside a verdict.
        attempts: How often it was asked.
        reply: Its last reply where that could not be read, cut.
    """

    verdict: T | None
    problem: str | None
    attempts: int
    reply: str | None = None


async def ask(
    model: Model,
    prompt: str,
    schema: type[BaseModel],
    read: Callable[[str], T],
    *,
    seed: int | None = None,
) -> Answer[T]:
    """Asks one grader.

    Args:
        model: The grader; sampled at temperature 0.
        prompt: What it is asked.
        schema: Of its verdict, for providers with structured output.
        read: Reads the verdict out of the whole reply; raises `UnreadableVerdict`.
        seed: For providers that take one; None leaves it to them.

    Returns:
        The answer; nothing that the provider raises goes further.
    """
    messages: list[ChatMessage] = [ChatMessageUser(content=prompt)]
    config = GenerateConfig(
        temperature=0.0,
        seed=seed,
        response_schema=ResponseSchema(
            name="verdict", json_schema=json_schema(schema), strict=True
        ),
    )
    problem, reply = "", ""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            output = await model.generate(messages, config=config)
        except Exception as error:
            # This is the sample's border: raised, it would run the whole, paid investigation
            # anew; the grade can be repaired by re-scoring the log.
            failed = f"the grader could not be asked ({type(error).__name__})"
            return Answer(None, failed, attempt, reply[:_SHOWN] or None)
        try:
            return Answer(read(output.completion), None, attempt)
        except UnreadableVerdict as error:
            problem, reply = str(error), output.completion
            if output.stop_reason == "content_filter" or refuses(reply, str(model)):
                problem = f"{REFUSED}: {problem}"
            messages = [
                *messages,
                ChatMessageAssistant(content=reply or "(empty)"),
                ChatMessageUser(content=again(problem)),
            ]
    return Answer(None, problem, _ATTEMPTS, reply[:_SHOWN])
