"""Activations computed as they are read: a rolling buffer, and nothing on disk."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from diffgauge.methods.activations.buffer import RollingBuffer
from diffgauge.methods.activations.capture import PairedCapture
from diffgauge.methods.activations.moments import Moments
from diffgauge.methods.activations.settings import ActivationSettings, layer_of
from diffgauge.methods.activations.source import Block, Part, epochs_from, part_of
from diffgauge.methods.passes import WINDOW_TEXTS, Row, kept_rows, row_batches
from diffgauge.methods.seeds import derived_seed
from diffgauge.records.corpora import Corpus

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["LiveActivations"]


class LiveActivations:
    """`PairedActivations` over live forward passes; memory is bounded by the buffer.

    Every epoch, and every call, runs both models anew.

    Args:
        pair: The two models; read on the thread that calls.
        corpus: Streamed once for each reading.
        settings: Which texts, how they are cut, and the buffer.
    """

    def __init__(self, pair: "ModelPair", corpus: Corpus, settings: ActivationSettings) -> None:
        self.layer = layer_of(settings, pair.n_layers)
        self.d_model = pair.d_model
        self._pair, self._corpus, self._settings = pair, corpus, settings
        self._moments: Moments | None = None
        self._sizes: dict[Part, int] = {}

    @property
    def n_tokens(self) -> int:
        """Tokens of the training part; the first call tokenizes the corpus."""
        return self._size("train")

    def batches(
        self,
        batch_tokens: int,
        seed: int,
        *,
        part: Part = "train",
        epochs: int | None = 1,
        start: int = 0,
    ) -> Iterator[Tensor]:
        """Yields shuffled batches. See `PairedActivations.batches`.

        The buffer is filled, half of it is drawn, and it is filled again: texts mix with those
        around them in the corpus. Batches that are left out run no model, but for the texts that
        are still in the buffer at `start`.
        """
        n_tokens = self._size(part)
        for epoch, left_out in epochs_from(n_tokens, batch_tokens, part, epochs, start):
            yield from self._epoch(batch_tokens, derived_seed(seed, part, epoch), part, left_out)

    def moments(self) -> Moments:
        """Returns the moments of the training part; the first call reads all of it."""
        if self._moments is None:
            self._moments = Moments.empty(self.d_model)
            for block in self.in_order("train"):
                self._moments.add(block.activations)
        return self._moments

    def in_order(self, part: Part) -> Iterator[Block]:
        """Yields a part's texts, those of like length together within each stretch of them."""
        capture = self._capture()
        for rows in self._windows(part):
            for batch in row_batches(rows, self._settings.batch_texts):
                yield capture.blocks(batch)[self.layer]

    def _epoch(self, batch_tokens: int, seed: int, part: Part, left_out: int) -> Iterator[Tensor]:
        buffer = RollingBuffer(self._read, self._settings.skip_positions)
        texts = (row for rows in self._windows(part) for row in rows)
        drawn = torch.Generator().manual_seed(seed)
        full = max(self._settings.buffer_tokens, 2 * batch_tokens)
        ended = False
        while not ended:
            ended = buffer.fill(texts, full)
            order = torch.randperm(len(buffer), generator=drawn)
            share = len(buffer) if ended else len(buffer) // 2
            n_batches = share // batch_tokens
            for number in range(n_batches):
                if left_out:
                    left_out -= 1
                    continue
                yield buffer.rows(order[number * batch_tokens : (number + 1) * batch_tokens])
            buffer.keep(order[n_batches * batch_tokens :])
        if part != "train" and len(buffer):
            yield buffer.rows(torch.arange(len(buffer)))

    def _read(self, texts: Sequence[Row]) -> Tensor:
        """Returns the rows of texts in their order, read in batches of like length."""
        capture, skip = self._capture(), self._settings.skip_positions
        order = sorted(range(len(texts)), key=lambda number: -len(texts[number].ids))
        found: dict[int, Tensor] = {}
        size = self._settings.batch_texts
        for first in range(0, len(order), size):
            numbers = order[first : first + size]
            rows = [texts[number] for number in numbers]
            block = capture.blocks(rows)[self.layer]
            parts = torch.split(block.activations, [len(row.ids) - skip for row in rows])
            found |= dict(zip(numbers, parts, strict=True))
        return torch.cat([found[number] for number in range(len(texts))])

    def _capture(self) -> PairedCapture:
        return PairedCapture(self._pair, [self.layer], self._settings.skip_positions)

    def _windows(self, part: Part) -> Iterator[list[Row]]:
        n_texts, first = min(self._settings.n_texts, self._corpus.n_texts), 0
        every = self._settings.validation_every
        stream = islice(self._corpus.stream(), n_texts)
        while texts := list(islice(stream, WINDOW_TEXTS)):
            rows = kept_rows(self._pair, texts, first, self._settings)
            first += len(texts)
            yield [row for row in rows if part_of(row.index, every) == part]

    def _size(self, part: Part) -> int:
        if part not in self._sizes:
            skip = self._settings.skip_positions
            self._sizes[part] = sum(
                len(row.ids) - skip for rows in self._windows(part) for row in rows
            )
        return self._sizes[part]
