"""Differences at single tokens and directions, as tokens they read as, toward either model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from diffgauge.methods.activations.capture import PairedCapture
from diffgauge.methods.activations.source import differences
from diffgauge.methods.activations.spots import Spot
from diffgauge.methods.adl.lens import top_tokens
from diffgauge.methods.passes import Row, row_batches
from diffgauge.records.subjects import SIDES, Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["differences_at", "read_as"]


def differences_at(
    pair: "ModelPair", layer: int, spots: Sequence[Spot], batch_texts: int
) -> Tensor:
    """Reads the differences at some tokens again, float32 (spot d_model).

    Args:
        pair: The two models.
        layer: 0-based block.
        spots: At least one.
        batch_texts: Texts in one forward pass.
    """
    texts = {spot.text: Row(spot.text, spot.ids) for spot in spots}
    rows = sorted(texts.values(), key=lambda row: (-len(row.ids), row.index))
    capture, found = PairedCapture(pair, [layer], 0), dict[int, Tensor]()
    for batch in row_batches(rows, batch_texts):
        values = differences(capture.blocks(batch)[layer].activations)
        parts = torch.split(values, [len(row.ids) for row in batch])
        found |= {row.index: part for row, part in zip(batch, parts, strict=True)}
    return torch.stack([found[spot.text][spot.position] for spot in spots])


def read_as(
    pair: "ModelPair", directions: Tensor, names: Sequence[str | None], k: int
) -> dict[Side, list[list[tuple[str, float]]]]:
    """Decodes directions toward the finetuned model, and their opposites toward the base.

    Args:
        pair: Each model's own head decodes what points toward it.
        directions: Finetuned less base, (n d_model).
        names: As `readable_tokens` gives them.
        k: Tokens for each.

    Returns:
        By side, for each direction the best tokens with their scores (`top_tokens`).
    """
    found: dict[Side, list[list[tuple[str, float]]]] = {}
    for side, sign in zip(SIDES, (-1.0, 1.0), strict=True):
        # A norm before the head takes scale away, but for what it adds to keep clear of zero.
        units = directions.float() / directions.float().norm(dim=-1, keepdim=True)
        width = directions.shape[-1] ** 0.5
        logits = pair.lens(side, (sign * width * units).to(pair.device)).float().cpu()
        found[side] = [top_tokens(row, names, k) for row in logits]
    return found
