"""Running mean and variance of paired activations: memory does not grow with the texts."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Moments"]


@dataclass
class Moments:
    """Moments of ``finetuned - base`` and the means of both, float64.

    Axes are ``layer slot d_model`` unless said otherwise.

    Attributes:
        n: Texts seen.
        mean: Mean difference.
        squares: Sum over texts of squared deviations from the mean difference.
        base: Mean of the base's residuals.
        finetuned: Mean of the finetuned side's.
        half_sums: Sum of differences over texts of even and of odd index (half first).
        half_n: Texts in each half (half).
        norm_sums: Sum of residual norms (side, layer); base first.
        norm_n: Residuals in each of those sums.
    """

    n: int
    mean: Tensor
    squares: Tensor
    base: Tensor
    finetuned: Tensor
    half_sums: Tensor
    half_n: Tensor
    norm_sums: Tensor
    norm_n: int

    @classmethod
    def empty(cls, n_layers: int, n_slots: int, d_model: int) -> "Moments":
        """Returns moments over no texts."""

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(*shape, dtype=torch.float64)

        shape = (n_layers, n_slots, d_model)
        return cls(
            n=0,
            mean=zeros(*shape),
            squares=zeros(*shape),
            base=zeros(*shape),
            finetuned=zeros(*shape),
            half_sums=zeros(2, *shape),
            half_n=zeros(2),
            norm_sums=zeros(2, n_layers),
            norm_n=0,
        )

    def add(self, base: Tensor, finetuned: Tensor) -> None:
        """Adds a batch.

        Args:
            base: Residuals of the base, float32 (batch layer slot d_model).
            finetuned: Those of the finetuned side on the same texts.

        Source: Chan, Golub, LeVeque 1983, the pairwise update of Welford's recurrence.
        Differs: none.
        """
        difference = (finetuned - base).double()
        n_new = difference.shape[0]
        total = self.n + n_new
        new_mean = difference.mean(0)
        delta = new_mean - self.mean
        self.squares += (difference - new_mean).square().sum(0)
        self.squares += delta.square() * (self.n * n_new / total)
        self.mean += delta * (n_new / total)
        self.base += (base.double().mean(0) - self.base) * (n_new / total)
        self.finetuned += (finetuned.double().mean(0) - self.finetuned) * (n_new / total)
        odd = (torch.arange(n_new) + self.n) % 2
        for half in (0, 1):
            chosen = odd == half
            self.half_sums[half] += difference[chosen].sum(0)
            self.half_n[half] += chosen.sum()
        self.n = total

    def standard_error(self) -> Tensor:
        """Returns the length of the standard error of the mean difference (layer slot).

        The expected norm of a mean of n differences whose true mean is zero: the root of the
        summed variances over n. NaN below two texts.

        Source: E[norm of mean squared] = trace of the covariance / n.
        Differs: none.
        """
        if self.n < 2:
            return torch.full(self.mean.shape[:2], float("nan"), dtype=torch.float64)
        return (self.squares.sum(-1) / (self.n - 1) / self.n).sqrt()

    def half_cosine(self) -> Tensor:
        """Returns the cosine of the two halves' mean differences (layer slot), -1 to 1.

        NaN where a half's mean difference is exactly zero: it has no direction.
        """
        first, second = self.half_sums.unbind(0)
        lengths = first.norm(dim=-1) * second.norm(dim=-1)
        return (first * second).sum(-1) / torch.where(lengths > 0, lengths, torch.nan)

    def expected_norms(self) -> Tensor:
        """Returns the mean residual norm (side, layer), base first; NaN before any text."""
        return self.norm_sums / (self.norm_n if self.norm_n else float("nan"))

    def tensors(self) -> dict[str, Tensor]:
        """Returns everything as named tensors, for a checkpoint."""
        return {
            "counts": torch.tensor([self.n, self.norm_n], dtype=torch.int64),
            "mean": self.mean,
            "squares": self.squares,
            "base": self.base,
            "finetuned": self.finetuned,
            "half_sums": self.half_sums,
            "half_n": self.half_n,
            "norm_sums": self.norm_sums,
        }

    @classmethod
    def restored(cls, tensors: dict[str, Tensor]) -> "Moments":
        """Returns the moments that `tensors` described."""
        named = dict(tensors)
        n, norm_n = (int(count) for count in named.pop("counts"))
        return cls(n=n, norm_n=norm_n, **named)
