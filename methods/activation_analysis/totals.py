"""Running totals of the analysis: means, quantiles, curves, template tokens, largest positions."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from diffgauge.methods.activation_analysis.measures import MEASURES, ORDERS, measured
from diffgauge.methods.activation_analysis.settings import AnalysisSettings
from diffgauge.methods.activations.reading import Statistic
from diffgauge.methods.activations.source import KINDS, PARTS, Block, Part
from diffgauge.methods.activations.spots import Spots
from diffgauge.methods.clusters import ClusteredMean
from diffgauge.methods.quantiles import LogHistogram

__all__ = ["ALL", "GROUPS", "QUANTILES", "AnalysisTotals"]

ALL: Final = "all"

GROUPS: Final = (ALL, *KINDS)
"""Tokens that are told apart."""

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

_SPECIAL: Final = KINDS.index("special")


class AnalysisTotals(Statistic):
    """Sums over tokens, each part for itself; memory does not grow with them.

    Args:
        settings: Settled.
        n_vocab: Token ids are below it.

    Attributes:
        spots: Largest positions by part and order.
    """

    def __init__(self, settings: AnalysisSettings, n_vocab: int) -> None:
        def zeros(*shape: int) -> Tensor:
            return torch.zeros(len(PARTS), *shape, dtype=torch.float64)

        n_measures = len(MEASURES)
        self._sums = {
            "largest": zeros(n_measures),
            "curve": zeros(settings.n_tokens, 1 + n_measures),
            "special": zeros(n_vocab, 1 + n_measures),
        }
        self._means = ClusteredMean.empty(len(PARTS) * len(GROUPS), n_measures)
        self._histogram = LogHistogram.empty(len(PARTS), n_measures)
        self.spots = {
            (part, order): Spots(settings.top_positions, settings.positions_per_text)
            for part in PARTS
            for order in ORDERS
        }

    def add(self, part: Part, block: Block) -> None:
        """Adds whole texts of one part."""
        at, values = PARTS.index(part), measured(block.activations)
        counted = torch.cat([torch.ones(len(values), 1, dtype=torch.float64), values], dim=1)
        self._sums["largest"][at] = torch.maximum(self._sums["largest"][at], values.amax(0))
        self._sums["curve"][at].index_add_(0, block.position, counted)
        special = block.kind == _SPECIAL
        self._sums["special"][at].index_add_(0, block.token_ids[special], counted[special])
        for column in range(len(MEASURES)):
            self._histogram.add((at, column), values[:, column])
        for order, column in zip(ORDERS, range(len(ORDERS)), strict=True):
            self.spots[part, order].add(block, values[:, column])
        self._add_means(at, block, counted)

    def _add_means(self, at: int, block: Block, counted: Tensor) -> None:
        numbers = {text: number for number, text in enumerate(block.texts)}
        text = torch.tensor([numbers[index] for index in block.text_index.tolist()])
        for group in range(len(GROUPS)):
            inside = slice(None) if group == 0 else block.kind == group - 1
            sums = torch.zeros(len(numbers), counted.shape[1], dtype=torch.float64)
            sums.index_add_(0, text[inside], counted[inside])
            for row in sums[sums[:, 0] > 0]:
                self._means.add(at * len(GROUPS) + group, row[1:], int(row[0]))

    def summary(self) -> Iterator[dict[str, Any]]:
        """Yields a row for each part, group that was met and measure.

        Columns: ``part group measure n_texts n_tokens mean``; ``standard_error`` of it, tokens
        clustered by text (None below two texts); of the group ``all`` one for each of `QUANTILES`,
        e.g. ``q0.5``, and ``largest``; None elsewhere.
        """
        means, errors = self._means.mean(), self._means.standard_error()
        for at, part in enumerate(PARTS):
            for number, group in enumerate(GROUPS):
                row = at * len(GROUPS) + number
                n_texts = int(self._means.n_texts[row, 0])
                for column, measure in enumerate(MEASURES if n_texts else ()):
                    error = float(errors[row, column])
                    yield {
                        "part": part,
                        "group": group,
                        "measure": measure,
                        "n_texts": n_texts,
                        "n_tokens": int(self._means.n_positions[row, column]),
                        "mean": float(means[row, column]),
                        "standard_error": None if math.isnan(error) else error,
                        **self._spread(at, column, whole=group == ALL),
                    }

    def _spread(self, at: int, column: int, *, whole: bool) -> dict[str, float | None]:
        where = (at, column)
        found: dict[str, float | None] = {
            f"q{share:g}": self._histogram.quantile(where, share) if whole else None
            for share in QUANTILES
        }
        return found | {"largest": float(self._sums["largest"][where]) if whole else None}

    def curve(self) -> Iterator[dict[str, Any]]:
        """Yields ``part position n`` and each measure's mean, of every position that was met."""
        yield from self._averages("curve", "position")

    def special(self) -> Iterator[dict[str, Any]]:
        """Yields ``part token n`` and each measure's mean, of every template token met, by id."""
        yield from self._averages("special", "token")

    def _averages(self, name: str, label: str) -> Iterator[dict[str, Any]]:
        for part, sums in zip(PARTS, self._sums[name], strict=True):
            for index in sums[:, 0].nonzero()[:, 0].tolist():
                n, *totals = sums[index].tolist()
                means = {
                    measure: total / n for measure, total in zip(MEASURES, totals, strict=True)
                }
                yield {"part": part, label: index, "n": int(n), **means}

    def tensors(self) -> dict[str, Tensor]:
        """Returns the sums."""
        return self._sums | {"means": self._means.sums, "histogram": self._histogram.counts}

    def state(self) -> Any:
        """Returns the largest positions."""
        return [spots.state() for spots in self.spots.values()]

    def restore(self, tensors: dict[str, Tensor], state: Any) -> None:
        """Takes over what `tensors` and `state` gave."""
        named = dict(tensors)
        self._histogram = LogHistogram(named.pop("histogram"))
        self._means = ClusteredMean(named.pop("means"))
        self._sums = named
        kept: Sequence[Any] = state
        for spots, one in zip(self.spots.values(), kept, strict=True):
            spots.restore(one)
