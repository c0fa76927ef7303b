"""Activations that fit into memory: read once, then shuffled and read as often as is asked."""

from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

from diffgauge.methods.activations.moments import Moments
from diffgauge.methods.activations.source import (
    PARTS,
    Block,
    PairedActivations,
    Part,
    epochs_from,
)
from diffgauge.methods.method import Progress
from diffgauge.methods.seeds import derived_seed
from diffgauge.records.errors import DiffgaugeError

__all__ = ["HeldActivations", "held"]

_MOST_BYTES: Final = 2**29


class HeldActivations:
    """`PairedActivations` in memory.

    Args:
        layer: 0-based block.
        blocks: Whole texts of each part, in order; the training part has at least one.
    """

    def __init__(self, layer: int, blocks: dict[Part, list[Block]]) -> None:
        self.layer = layer
        self._blocks = blocks
        train = [block.activations for block in blocks["train"]]
        self._rows: dict[Part, Tensor] = {
            part: torch.cat([train[0][:0], *(block.activations for block in of_part)])
            for part, of_part in blocks.items()
        }
        self.d_model, self.n_tokens = train[0].shape[-1], len(self._rows["train"])

    def batches(
        self,
        batch_tokens: int,
        seed: int,
        *,
        part: Part = "train",
        epochs: int | None = 1,
        start: int = 0,
    ) -> Iterator[Tensor]:
        """Yields shuffled batches. See `PairedActivations.batches`."""
        rows = self._rows[part]
        for epoch, left_out in epochs_from(len(rows), batch_tokens, part, epochs, start):
            drawn = torch.Generator().manual_seed(derived_seed(seed, part, epoch))
            batches = torch.split(torch.randperm(len(rows), generator=drawn), batch_tokens)
            whole = batches if part != "train" else batches[: len(rows) // batch_tokens]
            for batch in whole[left_out:]:
                yield rows[batch]

    def moments(self) -> Moments:
        """Returns the moments of the training part."""
        moments = Moments.empty(self.d_model)
        for block in self._blocks["train"]:
            moments.add(block.activations)
        return moments

    def in_order(self, part: Part) -> Iterator[Block]:
        """Yields a part's texts whole, always in the same order."""
        yield from self._blocks[part]


def held(
    source: PairedActivations, n_texts: int, progress: Progress | None = None
) -> PairedActivations:
    """Returns a source in memory where it fits there, else the source itself.

    Args:
        source: Live or stored, of both models.
        n_texts: Texts there are, for `progress`.
        progress: Told texts read.

    Raises:
        DiffgaugeError: The training part has no tokens.
    """
    size = source.n_tokens * 2 * source.d_model * torch.float32.itemsize
    if size > _MOST_BYTES:
        return source
    if source.n_tokens == 0:
        raise DiffgaugeError(
            f"None of {n_texts} texts is long enough to be read.",
            advice="Lower min_tokens, or give longer texts.",
        )
    blocks: dict[Part, list[Block]] = {part: [] for part in PARTS}
    done = 0
    for part in PARTS:
        for block in source.in_order(part):
            blocks[part].append(block)
            done += len(block.texts)
            if progress is not None:
                progress("texts", done, n_texts)
    return HeldActivations(source.layer, blocks)
