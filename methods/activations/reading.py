"""Statistics of paired activations, gathered live or from a store with the same result."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from diffgauge.methods.activations.capture import PairedCapture
from diffgauge.methods.activations.live import LiveActivations
from diffgauge.methods.activations.settings import ActivationSettings, layer_of
from diffgauge.methods.activations.source import PARTS, Block, PairedActivations, Part
from diffgauge.methods.activations.writing import collect
from diffgauge.methods.method import Progress
from diffgauge.methods.passes import Counts, Row, Tally, read_corpus
from diffgauge.records.corpora import Corpus

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair

__all__ = ["Statistic", "paired_activations", "read_statistic"]


class Statistic(ABC):
    """What is kept of activations. Its memory does not grow with the tokens."""

    @abstractmethod
    def add(self, part: Part, block: Block) -> None:
        """Adds whole texts of one part."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Returns its numbers, for a checkpoint."""

    @abstractmethod
    def state(self) -> Any:
        """Returns the rest of it as plain JSON values."""

    @abstractmethod
    def restore(self, tensors: dict[str, Tensor], state: Any) -> None:
        """Takes over what `tensors` and `state` gave."""


def paired_activations(
    pair: "ModelPair",
    corpus: Corpus,
    settings: ActivationSettings,
    progress: Progress | None = None,
) -> PairedActivations:
    """Returns a pair's activations over a corpus: live, or from a store that is collected first.

    Args:
        pair: The two models.
        corpus: Where they read.
        settings: `store` says which.
        progress: Told of the collection, where there is one.

    Raises:
        DiffgaugeError: As `collect`.
    """
    if settings.store == "live":
        return LiveActivations(pair, corpus, settings)
    layer = layer_of(settings, pair.n_layers)
    return collect(pair, corpus, settings, [layer], progress=progress)[layer]


def read_statistic(
    pair: "ModelPair",
    corpus: Corpus,
    settings: ActivationSettings,
    statistic: Statistic,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> Counts:
    """Gathers a statistic over both parts of a corpus, in one pass.

    Live activations have the pair's dtype, stored ones are rounded to bfloat16: entries differ by
    at most a 256th of their size.

    Args:
        pair: The two models.
        corpus: Where they read.
        settings: `store` says whether a store is read, and collected where it is missing.
        statistic: Empty, or what a checkpoint restores.
        progress: Told texts taken, of all; or stored tokens read.
        checkpoint: File to continue from and to keep up to date, or None.

    Returns:
        The counts.

    Raises:
        DiffgaugeError: As `read_corpus` and `collect`.
    """
    if settings.store == "live":
        tally = _Live(pair, settings, statistic)
        return read_corpus(pair, corpus, settings, tally, progress, checkpoint)
    layer = layer_of(settings, pair.n_layers)
    store = collect(pair, corpus, settings, [layer], progress=progress)[layer]
    n_tokens, done = sum(part.n_tokens for part in store.header.parts.values()), 0
    for part in PARTS:
        for block in store.in_order(part):
            statistic.add(part, block)
            done += len(block.activations)
            if progress is not None:
                progress("stored tokens", done, n_tokens)
    return Counts(store.header.n_seen, store.header.n_dropped)


class _Live(Tally):
    """A statistic that is fed by forward passes."""

    def __init__(
        self, pair: "ModelPair", settings: ActivationSettings, statistic: Statistic
    ) -> None:
        self._layer = layer_of(settings, pair.n_layers)
        self._capture = PairedCapture(pair, [self._layer], settings.skip_positions)
        self._every, self._statistic = settings.validation_every, statistic

    def add(self, batch: Sequence[Row]) -> None:
        """Reads a batch through both models and adds it."""
        block = self._capture.blocks(batch)[self._layer]
        for part in PARTS:
            mine = block.of_part(part, self._every)
            if len(mine.activations):
                self._statistic.add(part, mine)

    def tensors(self) -> dict[str, Tensor]:
        """Returns the statistic's numbers."""
        return self._statistic.tensors()

    def state(self) -> Any:
        """Returns the rest of the statistic."""
        return self._statistic.state()

    def restore(self, tensors: dict[str, Tensor], state: Any) -> None:
        """Takes over what `tensors` and `state` gave."""
        self._statistic.restore(tensors, state)
