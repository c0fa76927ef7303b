"""Prompts that an investigator has subject models answer, with stored ones for a bare call."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from diffgauge.methods.directions import directions
from diffgauge.methods.seeds import derived_seed
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record
from diffgauge.records.subjects import SIDES, Side

__all__ = [
    "MAX_PROMPTS",
    "MAX_REPLIES",
    "DirectedReply",
    "GivenPrompts",
    "asked_models",
    "directed_replies",
    "given_prompts",
]

MAX_PROMPTS = 8
MAX_REPLIES = 8
_MAX_CHARS = 2000


class GivenPrompts(Record):
    """Parameters that every operation on given prompts has."""

    prompts: tuple[str, ...] = Field(
        default=(),
        max_length=MAX_PROMPTS,
        description=f"What is asked, at most {MAX_PROMPTS} prompts; omit for stored ones.",
    )
    n: int = Field(
        default=1, ge=1, le=MAX_REPLIES, description="Replies for each prompt and model."
    )
    model: Side | None = Field(
        default=None, description="Ask only this model; omit for both models."
    )


def given_prompts(parameters: GivenPrompts, stored: Sequence[str]) -> list[str]:
    """Returns the prompts to ask.

    Args:
        parameters: As given.
        stored: For a call that gives none.

    Raises:
        DiffgaugeError: None at all, or one that is blank or too long.
    """
    prompts = list(parameters.prompts or stored)
    if not prompts:
        raise DiffgaugeError(
            "No prompts were given and none are stored.", allowed=f"1 to {MAX_PROMPTS} prompts"
        )
    for prompt in prompts:
        if not prompt.strip() or len(prompt) > _MAX_CHARS:
            raise DiffgaugeError(
                f"A prompt of {len(prompt)} characters was given.",
                allowed=f"1 to {_MAX_CHARS} characters that are not all blank",
            )
    return prompts


def asked_models(parameters: GivenPrompts) -> tuple[Side, ...]:
    """Returns the models to ask: one, or both."""
    return SIDES if parameters.model is None else (parameters.model,)


@dataclass(frozen=True)
class DirectedReply:
    """A reply to be sampled while a model is steered.

    Attributes:
        toward: The model toward which.
        prompt: What is asked.
        model: Who is asked.
        seed: Of the sampling.
    """

    toward: Side
    prompt: str
    model: Side
    seed: int


def directed_replies(
    parameters: GivenPrompts, toward: Side | None, prompts: Sequence[str], seed: int, method: str
) -> list[DirectedReply]:
    """Returns the replies that a steering samples, direction by direction.

    Args:
        parameters: As given; `n` replies of each model asked.
        toward: The one direction; None for both.
        prompts: Of `given_prompts`.
        seed: Of the call.
        method: Tells its seeds from another method's.
    """
    return [
        DirectedReply(
            side, prompt, model, derived_seed(seed, method, "steer", number, side, model, repeat)
        )
        for side in directions(toward)
        for number, prompt in enumerate(prompts)
        for model in asked_models(parameters)
        for repeat in range(parameters.n)
    ]
