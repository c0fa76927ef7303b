"""One pass over a corpus: texts of like length in one batch, and a checkpoint now and then."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from diffgauge.methods import checkpoints
from diffgauge.methods.method import MethodSettings, Progress
from diffgauge.records.corpora import Corpus, Text
from diffgauge.records.errors import DiffgaugeError

if TYPE_CHECKING:
    from torch import Tensor

    from diffgauge.models.pair import ModelPair

__all__ = [
    "WINDOW_TEXTS",
    "Counts",
    "Row",
    "Tally",
    "TextSettings",
    "kept_rows",
    "read_corpus",
    "row_batches",
]

WINDOW_TEXTS = 512
"""Texts sorted by length together, and texts between two checkpoints."""


class TextSettings(MethodSettings):
    """Settings of a method that reads whole texts.

    Attributes:
        n_tokens: A text is cut after so many tokens, or at the models' context where that is
            shorter.
        min_tokens: Texts that have fewer are dropped and counted.
        skip_positions: First positions of each text that are left out of every total: after the
            first token alone the state does not depend on the text.
        batch_texts: Texts in one forward pass.
    """

    n_tokens: int = Field(default=128, ge=2)
    min_tokens: int = Field(default=8, ge=2)
    skip_positions: int = Field(default=1, ge=0)
    batch_texts: int = Field(default=32, ge=1)

    def check_lengths(self, method: str) -> None:
        """Checks that something is left of a text.

        Args:
            method: Who reads, for the error.

        Raises:
            DiffgaugeError: Texts are cut shorter than they must be, or skipped altogether.
        """
        least = max(self.min_tokens, self.skip_positions + 1)
        if self.n_tokens < least or self.min_tokens <= self.skip_positions:
            raise DiffgaugeError(
                f"{method} was asked to read {self.n_tokens} tokens of each text, to drop texts "
                f"below {self.min_tokens} and to skip {self.skip_positions} positions.",
                allowed="skip_positions < min_tokens <= n_tokens",
            )


@dataclass(frozen=True)
class Row:
    """One text of a batch.

    Attributes:
        index: Which text of the corpus, from 0.
        ids: Its tokens, cut.
    """

    index: int
    ids: list[int]


@dataclass(frozen=True)
class Counts:
    """Texts taken from a corpus, and how many of them were too short."""

    n_seen: int = 0
    n_dropped: int = 0


class Tally(ABC):
    """What a pass keeps. Its memory does not grow with the texts.

    What it holds must not depend on the order or the size of batches, but for rounding: whatever
    is drawn or told apart goes by a text's index in the corpus.
    """

    @abstractmethod
    def add(self, batch: Sequence[Row]) -> None:
        """Reads a batch through both models and adds it."""

    @abstractmethod
    def tensors(self) -> "dict[str, Tensor]":
        """Returns its numbers, for a checkpoint."""

    @abstractmethod
    def state(self) -> Any:
        """Returns the rest of it as plain JSON values."""

    @abstractmethod
    def restore(self, tensors: "dict[str, Tensor]", state: Any) -> None:
        """Takes over what `tensors` and `state` gave."""


def read_corpus(
    pair: "ModelPair",
    corpus: Corpus,
    settings: TextSettings,
    tally: Tally,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> Counts:
    """Reads a corpus through both models into a tally.

    Args:
        pair: The two models.
        corpus: Streamed once; `settings.n_texts` of its texts are taken.
        settings: How texts are cut, dropped and batched.
        tally: Empty, or what a checkpoint restores.
        progress: Told texts taken, of all.
        checkpoint: File to continue from and to keep up to date, or None.

    Returns:
        The counts.

    Raises:
        DiffgaugeError: Fewer than two texts were long enough.
    """
    n_texts = min(settings.n_texts, corpus.n_texts)
    counts = _continued(tally, checkpoint)
    stream = islice(corpus.stream(), counts.n_seen, n_texts)
    while texts := list(islice(stream, WINDOW_TEXTS)):
        rows = kept_rows(pair, texts, counts.n_seen, settings)
        n_done = counts.n_seen + len(texts) - len(rows)
        counts = Counts(counts.n_seen + len(texts), counts.n_dropped + len(texts) - len(rows))
        for batch in row_batches(rows, settings.batch_texts):
            tally.add(batch)
            n_done += len(batch)
            if progress is not None:
                progress("texts", n_done, n_texts)
        if checkpoint is not None and counts.n_seen < n_texts:
            checkpoints.keep(
                checkpoint, tally.tensors(), [counts.n_seen, counts.n_dropped, tally.state()]
            )
    if (n_kept := counts.n_seen - counts.n_dropped) < 2:
        raise DiffgaugeError(
            f"Of {counts.n_seen} texts of the corpus {corpus.name!r}, {n_kept} have the "
            f"{settings.min_tokens} tokens that a text must have.",
            allowed="at least two such texts",
            advice="Lower min_tokens, or give longer texts.",
        )
    return counts


def _continued(tally: Tally, checkpoint: Path | None) -> Counts:
    if (found := checkpoints.restored(checkpoint)) is None:
        return Counts()
    tensors, (n_seen, n_dropped, state) = found
    tally.restore(tensors, state)
    return Counts(n_seen, n_dropped)


def kept_rows(
    pair: "ModelPair", texts: Sequence[Text], first: int, settings: TextSettings
) -> list[Row]:
    """Returns the texts that are long enough, longest first: the first batch takes most memory.

    Args:
        pair: Its tokenizer and template.
        texts: In the order of the corpus.
        first: Index of the first of them in the corpus.
        settings: How texts are cut and dropped.
    """
    longest = min(settings.n_tokens, pair.context or settings.n_tokens)
    rows = [
        Row(first + offset, ids[:longest])
        for offset, ids in enumerate(pair.tokenize_all(texts))
        if len(ids) >= settings.min_tokens
    ]
    return sorted(rows, key=lambda row: -len(row.ids))


def row_batches(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    """Yields rows in batches of a size, the last one smaller where they do not come out even."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
