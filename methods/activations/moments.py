"""Running moments of paired activations: memory does not grow with the tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from diffgauge.records.errors import DiffgaugeError

__all__ = ["DIFFERENCE", "SERIES", "Moments"]

DIFFERENCE: Final = "difference"

SERIES: Final = ("base", "finetuned", DIFFERENCE)
"""Vectors whose moments are kept; the difference is finetuned less base."""


@dataclass
class Moments:
    """Sums over tokens, float64.

    Attributes:
        n: Tokens.
        sums: Sum of the vectors (series d_model), series as in `names`.
        squares: Sum of their squared entries (series d_model).
        norms: Sum of their norms (series).
        names: Series that are there: all of `SERIES`, or the difference alone.
    """

    n: int
    sums: Tensor
    squares: Tensor
    norms: Tensor
    names: tuple[str, ...] = SERIES

    @classmethod
    def empty(cls, d_model: int, names: tuple[str, ...] = SERIES) -> "Moments":
        """Returns the moments of no tokens."""

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(len(names), *shape, dtype=torch.float64)

        return cls(0, zeros(d_model), zeros(d_model), zeros(), names)

    def add(self, activations: Tensor) -> None:
        """Adds tokens.

        Args:
            activations: (token side d_model), base first; one side is the difference.
        """
        values = activations.float()
        if values.shape[1] > 1:
            values = torch.cat([values, values[:, 1:] - values[:, :1]], dim=1)
        self.n += len(values)
        self.norms += values.norm(dim=-1).double().sum(0).cpu()
        exact = values.double()
        self.sums += exact.sum(0).cpu()
        self.squares += exact.square().sum(0).cpu()

    def mean(self, of: str = DIFFERENCE) -> Tensor:
        """Returns the mean vector of a series (d_model); NaN without tokens."""
        return self.sums[self._at(of)] / (self.n or torch.nan)

    def variance(self, of: str = DIFFERENCE) -> Tensor:
        """Returns each entry's variance over tokens (d_model); NaN without tokens."""
        mean_square = self.squares[self._at(of)] / (self.n or torch.nan)
        return (mean_square - self.mean(of).square()).clamp(min=0)

    def mean_square_norm(self, of: str = DIFFERENCE) -> float:
        """Returns the mean of the squared norms; NaN without tokens."""
        return float(self.squares[self._at(of)].sum() / (self.n or torch.nan))

    def mean_norm(self, of: str = DIFFERENCE) -> float:
        """Returns the mean norm; NaN without tokens."""
        return float(self.norms[self._at(of)] / (self.n or torch.nan))

    def _at(self, of: str) -> int:
        if of not in self.names:
            raise DiffgaugeError(
                f"The moments of {of!r} were asked of activations that do not have them.",
                allowed=", ".join(self.names),
                advice="Collect both models' activations, not their difference alone.",
            )
        return self.names.index(of)

    def tensors(self) -> dict[str, Tensor]:
        """Returns everything as named tensors."""
        count = torch.tensor([self.n], dtype=torch.int64)
        return {"n": count, "sums": self.sums, "squares": self.squares, "norms": self.norms}

    @classmethod
    def restored(cls, tensors: Mapping[str, Tensor]) -> "Moments":
        """Returns the moments that `tensors` described."""
        sums = tensors["sums"]
        names = SERIES if len(sums) == len(SERIES) else (DIFFERENCE,)
        return cls(int(tensors["n"]), sums, tensors["squares"], tensors["norms"], names)
