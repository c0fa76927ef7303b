"""The pass over the texts: two models, shared batches, no block above the last one needed."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from diffgauge.methods.adl.moments import Moments
from diffgauge.methods.adl.settings import ADLSettings, Slot, slots
from diffgauge.methods.method import Progress
from diffgauge.records.corpora import Corpus
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.subjects import SIDES, Side

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["Reading", "read"]

CHECKPOINT_TEXTS = 512
"""Texts between two checkpoints; a killed run loses at most the work on so many."""


@dataclass(frozen=True)
class Reading:
    """How far the pass has come.

    Attributes:
        moments: Over the texts kept.
        n_seen: Texts taken from the stream.
        n_dropped: Of these, how many were too short.
    """

    moments: Moments
    n_seen: int = 0
    n_dropped: int = 0


def read(
    pair: "ModelPair",
    corpus: Corpus,
    settings: ADLSettings,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> Reading:
    """Reads a corpus through both models.

    Args:
        pair: The two models.
        corpus: Streamed once; `settings.n_texts` of its texts are taken.
        settings: Settled.
        progress: Told texts taken, of all.
        checkpoint: File to continue from and to keep up to date, or None.

    Returns:
        The moments and the counts.

    Raises:
        DiffgaugeError: Fewer than two texts were long enough, or activations are not finite.
    """
    n_texts = min(settings.n_texts, corpus.n_texts)
    reading = _restored(checkpoint) or Reading(
        Moments.empty(len(settings.layers), len(slots(settings)), pair.d_model)
    )
    due = reading.n_seen + CHECKPOINT_TEXTS
    stream = islice(corpus.stream(), reading.n_seen, n_texts)
    for batch, n_seen, n_dropped in _batches(pair, stream, settings):
        if batch:
            _add(pair, batch, settings, reading.moments)
        reading = replace(
            reading, n_seen=reading.n_seen + n_seen, n_dropped=reading.n_dropped + n_dropped
        )
        if progress is not None:
            progress("texts", reading.n_seen, n_texts)
        if checkpoint is not None and due <= reading.n_seen < n_texts:
            _keep(reading, checkpoint)
            due = reading.n_seen + CHECKPOINT_TEXTS
    if reading.moments.n < 2:
        raise DiffgaugeError(
            f"Of {reading.n_seen} texts of the corpus {corpus.name!r}, {reading.moments.n} have "
            f"the {settings.n_tokens} tokens that ADL was asked to read of each.",
            allowed="at least two such texts",
            advice="Lower n_tokens, or give longer texts.",
        )
    return reading


def _batches(
    pair: "ModelPair", stream: Iterator[str], settings: ADLSettings
) -> Iterator[tuple[list[list[int]], int, int]]:
    """Yields batches of token ids with the texts seen and dropped on the way to each."""
    batch: list[list[int]] = []
    seen = dropped = 0
    while texts := list(islice(stream, settings.batch_texts)):
        for ids in pair.tokenize_all(texts):
            seen += 1
            if len(ids) < settings.n_tokens:
                dropped += 1
                continue
            batch.append(ids[: settings.n_tokens])
            if len(batch) == settings.batch_texts:
                yield batch, seen, dropped
                batch, seen, dropped = [], 0, 0
    if seen:
        yield batch, seen, dropped


def _add(
    pair: "ModelPair", batch: list[list[int]], settings: ADLSettings, moments: Moments
) -> None:
    kept = slots(settings)
    pooled: dict[Side, Tensor] = {}
    # Every second batch starts with the side the last one ended with: switching adapters costs.
    for side in SIDES if moments.n // settings.batch_texts % 2 == 0 else reversed(SIDES):
        captured = pair.capture(side, batch, settings.layers, "hooks")
        residuals = [captured[layer] for layer in settings.layers]
        pooled[side] = torch.stack([_pooled(residual, kept) for residual in residuals], 1)
        norms = [
            residual[:, settings.norm_from :].float().norm(dim=-1).sum() for residual in residuals
        ]
        moments.norm_sums[SIDES.index(side)] += torch.stack(norms).double().cpu()
    moments.norm_n += len(batch) * (settings.n_tokens - settings.norm_from)
    base, finetuned = pooled["base"], pooled["finetuned"]
    if not (base.isfinite().all() and finetuned.isfinite().all()):
        raise DiffgaugeError(
            f"Activations at layers {', '.join(map(str, settings.layers))} are not finite in "
            f"{pair.dtype}.",
            advice="Load the pair in float32 or bfloat16.",
        )
    moments.add(base, finetuned)


def _pooled(residual: Tensor, kept: Sequence[Slot]) -> Tensor:
    """Returns the mean over each slot's positions, float32 on the CPU (batch slot d_model)."""
    first = residual[:, : 1 + max(slot[-1] for slot in kept)].float().cpu()
    return torch.stack([first[:, slot[0] : slot[-1] + 1].mean(1) for slot in kept], 1)


def _keep(reading: Reading, checkpoint: Path) -> None:
    from safetensors.torch import save_file

    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    state = {"n_seen": reading.n_seen, "n_dropped": reading.n_dropped}
    partial = checkpoint.with_suffix(".partial")
    save_file(reading.moments.tensors(), partial, metadata={"state": json.dumps(state)})
    partial.replace(checkpoint)


def _restored(checkpoint: Path | None) -> Reading | None:
    if checkpoint is None or not checkpoint.is_file():
        return None
    from safetensors import safe_open

    with safe_open(checkpoint, "pt") as opened:
        state = json.loads(opened.metadata()["state"])
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    return Reading(Moments.restored(tensors), **state)
