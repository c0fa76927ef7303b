"""Replies of both models while the mean difference is added to their residual streams."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from diffgauge.methods.adl.settings import ADLSettings
from diffgauge.methods.method import Progress
from diffgauge.methods.seeds import derived_seed
from diffgauge.records.subjects import SIDES, ChatMessage, Prompt, Reply, Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair, Row

__all__ = ["Steered", "sample", "steered_plan", "steering_vector"]


@dataclass(frozen=True)
class Steered:
    """One reply to be sampled.

    Attributes:
        layer: Where the vector is added; None when nothing is.
        position: Label of the slot the vector comes from; None likewise.
        toward: The model toward which; None likewise.
        strength: In expected residual norms; 0 when nothing is added.
        model: Who replies.
        prompt: What is asked, as one user turn.
        seed: Of this reply.
    """

    layer: int | None
    position: str | None
    toward: Side | None
    strength: float
    model: Side
    prompt: str
    seed: int


def steering_vector(difference: Tensor, toward: Side, strength: float, scale: float) -> Tensor:
    """Returns what is added to the residual stream, float32 (d_model).

    Args:
        difference: Mean ``finetuned - base`` (d_model), not zero: a difference below its floor
            must never come here.
        toward: The model toward which.
        strength: In expected residual norms.
        scale: Expected residual norm.

    Source: arXiv 2510.13900 section 3 (steering), at every prompt and generated position.
    Differs: both directions and both models; given strengths instead of the largest that a
    grader finds coherent.
    """
    norm = difference.norm()
    assert norm > 0, "a zero difference has no direction"
    sign = 1.0 if toward == "finetuned" else -1.0
    vector: Tensor = difference * (sign * strength * scale / norm)
    return vector.float()


def steered_plan(
    slots: Sequence[tuple[int, str]], settings: ADLSettings, prompts: Sequence[str], seed: int
) -> list[Steered]:
    """Returns the replies to sample for an artifact: unsteered ones, then each slot's.

    A reply's seed depends on its prompt alone: both models and all strengths draw the same
    noise, so that what differs between their replies is the models' or the vector's doing, and
    swapping the models swaps the replies.

    Args:
        slots: Layer and position label of every slot to steer with.
        settings: Settled.
        prompts: All of them are asked.
        seed: The artifact's.
    """
    seeds = [derived_seed(seed, "adl", "steered", prompt) for prompt in prompts]
    asked = list(zip(prompts, seeds, strict=True))
    plan = [
        Steered(None, None, None, 0.0, model, prompt, prompt_seed)
        for prompt, prompt_seed in asked
        for model in SIDES
    ]
    plan += [
        Steered(layer, position, toward, strength, model, prompt, prompt_seed)
        for layer, position in slots
        for strength in settings.strengths
        for toward in SIDES
        for prompt, prompt_seed in asked
        for model in SIDES
    ]
    return plan


def sample(
    pair: "ModelPair",
    plan: Sequence[Steered],
    vectors: "dict[tuple[int, str], tuple[Tensor, float]]",
    settings: ADLSettings,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> list[Reply]:
    """Samples the planned replies, in batches.

    Args:
        pair: The two models.
        plan: What to sample.
        vectors: Mean difference and expected residual norm by layer and position.
        settings: For the replies' length and the batch size.
        progress: Told replies done, of all.
        checkpoint: File to continue from and to keep up to date, or None.

    Returns:
        One reply for each item of the plan, in order.
    """
    replies = _restored(checkpoint)
    while len(replies) < len(plan):
        batch = plan[len(replies) : len(replies) + settings.batch_replies]
        replies += pair.generate([_row(item, vectors, settings) for item in batch])
        if progress is not None:
            progress("steered replies", len(replies), len(plan))
        if checkpoint is not None:
            _keep(replies, checkpoint)
    return replies


def _row(
    item: Steered, vectors: "dict[tuple[int, str], tuple[Tensor, float]]", settings: ADLSettings
) -> "Row":
    from diffgauge.models.pair import Row, Steering

    prompt = Prompt(
        messages=(ChatMessage(role="user", content=item.prompt),),
        seed=item.seed,
        max_new_tokens=settings.max_new_tokens,
    )
    if item.layer is None or item.position is None or item.toward is None:
        return Row(item.model, prompt)
    difference, scale = vectors[item.layer, item.position]
    vector = steering_vector(difference, item.toward, item.strength, scale)
    return Row(item.model, prompt, Steering(item.layer, vector))


def _keep(replies: Sequence[Reply], checkpoint: Path) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    partial = checkpoint.with_suffix(".partial")
    partial.write_text(json.dumps([reply.model_dump(mode="json") for reply in replies]))
    partial.replace(checkpoint)


def _restored(checkpoint: Path | None) -> list[Reply]:
    if checkpoint is None or not checkpoint.is_file():
        return []
    stored: list[dict[str, Any]] = json.loads(checkpoint.read_text())
    return [Reply.model_validate(reply) for reply in stored]
