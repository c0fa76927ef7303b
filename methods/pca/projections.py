"""How far every token's difference goes along each component: a second pass over the corpus."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from diffgauge.methods.activations.reading import Statistic
from diffgauge.methods.activations.source import PARTS, Block, Part, differences
from diffgauge.methods.activations.spots import Spots
from diffgauge.methods.pca.components import Components
from diffgauge.methods.pca.settings import PCASettings

__all__ = ["ENDS", "Projections"]

ENDS = ("along", "against")
"""Where differences go furthest with a component, and furthest against it."""


class Projections(Statistic):
    """Shares explained in either part, and the positions at both ends of each component.

    Args:
        components: Of the difference.
        settings: Settled.

    Attributes:
        spots: By component and end, of the training part.
    """

    def __init__(self, components: Components, settings: PCASettings) -> None:
        self._components = components
        n = len(components.directions)
        self._squares = torch.zeros(len(PARTS), 1 + n, dtype=torch.float64)
        self._sums = torch.zeros(len(PARTS), 1 + n, dtype=torch.float64)
        self.spots = {
            (component, end): Spots(settings.exemplars, settings.exemplars_per_text)
            for component in range(n)
            for end in ENDS
        }

    def add(self, part: Part, block: Block) -> None:
        """Adds whole texts of one part."""
        values = differences(block.activations) - self._components.mean
        along = values @ self._components.directions.T
        at = PARTS.index(part)
        self._squares[at, 0] += values.double().square().sum()
        self._squares[at, 1:] += along.double().square().sum(0)
        self._sums[at, 0] += len(values)
        self._sums[at, 1:] += along.double().sum(0)
        if part == "train":
            for (component, end), spots in self.spots.items():
                spots.add(block, along[:, component] * (1 if end == "along" else -1))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields ``part component n_tokens share mean deviation`` of each part that has tokens.

        `share` of the part's mean square (None where that is 0); `mean` and `deviation` (root
        mean square about it) of how far differences go along the component.
        """
        for part, squares, sums in zip(PARTS, self._squares, self._sums, strict=True):
            n = int(sums[0])
            for component in range(len(squares) - 1 if n else 0):
                mean = float(sums[1 + component]) / n
                square = float(squares[1 + component])
                whole = float(squares[0])
                yield {
                    "part": part,
                    "component": component,
                    "n_tokens": n,
                    "share": square / whole if whole > 0 else None,
                    "mean": mean,
                    "deviation": max(0.0, square / n - mean * mean) ** 0.5,
                }

    def tensors(self) -> dict[str, Tensor]:
        """Returns the sums."""
        return {"squares": self._squares, "sums": self._sums}

    def state(self) -> Any:
        """Returns the positions."""
        return [spots.state() for spots in self.spots.values()]

    def restore(self, tensors: dict[str, Tensor], state: Any) -> None:
        """Takes over what `tensors` and `state` gave."""
        self._squares, self._sums = tensors["squares"], tensors["sums"]
        for spots, one in zip(self.spots.values(), state, strict=True):
            spots.restore(one)
