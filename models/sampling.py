"""Seeded sampling whose result for a row does not depend on the rows it travels with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["RowSampler"]

_NOISE_VALUES = 16_384
"""Noise values drawn at a time for a row: fewer calls on small vocabularies, bounded memory."""


class RowSampler:
    """Draws one token for each row by the Gumbel-max rule, noise from the row's own generator.

    ``argmax(logits + temperature · gumbel)`` is a draw from ``softmax(logits / temperature)``,
    and the greedy choice at temperature 0. The noise of a row is a function of its seed and of
    the vocabulary's size alone.

    Source: Gumbel (1954); Maddison et al., A* Sampling (2014), section 2.
    Differs: none; the noise is drawn on the CPU in float32, so that devices agree.

    Args:
        seeds: One for each row.
        temperatures: One for each row, at least 0.
        d_vocab: Number of logits.
        device: Where the logits are.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        temperatures: Sequence[float],
        d_vocab: int,
        device: torch.device,
    ) -> None:
        import torch

        self._device = device
        self._temperatures = torch.tensor(temperatures, dtype=torch.float32)
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._steps = max(1, _NOISE_VALUES // d_vocab)
        self._noise = torch.zeros(len(seeds), self._steps, d_vocab)
        self._step = 0

    def draw(self, logits: torch.Tensor) -> torch.Tensor:
        """Draws the next token of every row.

        Args:
            logits: (batch, d_vocab) float32.

        Returns:
            (batch,) token ids.
        """
        position = self._step % self._steps
        if position == 0:
            self._refill()
        self._step += 1
        return (logits + self._noise[:, position].to(self._device)).argmax(dim=-1)

    def keep(self, rows: torch.Tensor) -> None:
        """Forgets all rows but these, given as indices in rising order."""
        self._noise = self._noise[rows]
        self._temperatures = self._temperatures[rows]
        self._generators = [self._generators[row] for row in rows.tolist()]

    def _refill(self) -> None:
        import torch

        warm = self._temperatures > 0
        for row in warm.nonzero().flatten().tolist():
            torch.rand(
                self._noise[row].shape, generator=self._generators[row], out=self._noise[row]
            )
        # A uniform draw of exactly 0 becomes -inf: that token is then never chosen, as it should.
        self._noise.log_().neg_().log_().neg_().mul_(self._temperatures[:, None, None])
        self._noise[~warm] = 0.0
