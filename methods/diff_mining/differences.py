"""Differences of two models' logits, and which tokens they raise and lower at each position."""

from dataclasses import dataclass

import torch
from torch import Tensor

from diffgauge.methods.paired_logits import sum_dtype

__all__ = ["Raised", "bounds", "count", "differences", "largest"]

_SIDES = 2


def differences(base: Tensor, finetuned: Tensor, competing: Tensor, *, legacy: bool) -> Tensor:
    """Returns ``log p_finetuned - log p_base`` of each item, float32 (position d_vocab).

    Args:
        base: Logits, float32 (position d_vocab).
        finetuned: Likewise.
        competing: 1 for items that compete and 0 for others, float32 (d_vocab); the difference
            of those is set to 0, so that they are neither raised nor lowered.
        legacy: Whether raw logits are subtracted, of every item.

    Source: arXiv 2608.26462 (differences of logits over a corpus).
    Differs: log-probabilities, since a constant added to all logits of a position changes nothing
        that the model says; items that read as no text do not compete. `legacy` is as released.
    """
    difference = finetuned - base
    if legacy:
        return difference
    offset = finetuned.logsumexp(-1, keepdim=True) - base.logsumexp(-1, keepdim=True)
    return difference.sub_(offset).mul_(competing)


def bounds(difference: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Returns the k-th largest and the k-th smallest difference at each position.

    Args:
        difference: float32 (position d_vocab).
        k: At least 1.

    Returns:
        Two (position 1): the first above 0, the second below; where fewer than k differences
        have that sign, the bound lets all of them through.
    """
    if difference.device.type == "cpu":
        import numpy as np

        # One sort gives both bounds in less time than two selections.
        ordered = torch.from_numpy(np.sort(difference.numpy(), axis=-1))
        low, high = ordered[:, k - 1, None], ordered[:, -k, None]
    else:
        high = difference.topk(k, dim=-1, sorted=False).values.amin(-1, keepdim=True)
        low = difference.topk(k, dim=-1, largest=False, sorted=False).values.amax(-1, keepdim=True)
    least = torch.finfo(difference.dtype).tiny
    return high.clamp(min=least), low.clamp(max=-least)


@dataclass
class Raised:
    """Sums over positions by half of the corpus, float64.

    ``side`` is the model toward which: for the base, items with a negative difference.

    Attributes:
        difference: Of the differences (half d_vocab).
        top: Positions where an item is among the k largest toward a side, float64
            (side half d_vocab). Items that tie at the k-th place all are.
        strict: Positions where its difference has that side's sign (side half d_vocab).
    """

    difference: Tensor
    top: Tensor
    strict: Tensor

    @classmethod
    def empty(cls, d_vocab: int, device: str = "cpu") -> "Raised":
        """Returns sums over no positions."""

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(*shape, d_vocab, dtype=sum_dtype(device), device=device)

        return cls(zeros(2), zeros(_SIDES, 2), zeros(_SIDES, 2))

    def add(self, other: "Raised") -> None:
        """Adds the sums over other positions, from whatever device, to these on the CPU."""
        self.difference += other.difference.cpu()
        self.top += other.top.cpu()
        self.strict += other.strict.cpu()


def count(difference: Tensor, halves: Tensor, k: int, into: Raised) -> None:
    """Counts what is raised and lowered at some positions.

    Args:
        difference: float32 (position d_vocab).
        halves: 1 where a counted position belongs to a half, else 0, float32 (half position).
        k: As in `bounds`.
        into: The sums it is added to, on the same device.

    Source: arXiv 2608.26462: orderings by share among the K largest, mean, share above zero.
    Differs: both signs.
    """
    high, low = bounds(difference, k)
    into.difference += halves @ difference
    # One buffer of 0 and 1 for all four: comparisons as numbers, summed by a product.
    met = torch.empty_like(difference)
    into.top[0] += halves @ torch.le(difference, low, out=met)
    into.top[1] += halves @ torch.ge(difference, high, out=met)
    into.strict[0] += halves @ torch.lt(difference, 0.0, out=met)
    into.strict[1] += halves @ torch.gt(difference, 0.0, out=met)


def largest(difference: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Returns the k largest differences toward each side at some positions, in no order.

    Args:
        difference: float32 (position d_vocab).
        k: At least 1, at most d_vocab.

    Returns:
        Ids int64 and values float32 (side position k). Values are sizes toward that side; 0
        stands where there are fewer than k.
    """
    ids = torch.stack([_indices(sign * difference, k) for sign in (-1, 1)])
    values = torch.stack(
        [(sign * difference).gather(-1, of) for sign, of in zip((-1, 1), ids, strict=True)]
    )
    return ids, values.clamp(min=0)


def _indices(values: Tensor, k: int) -> Tensor:
    if values.device.type == "cpu":
        import numpy as np

        return torch.from_numpy(np.argpartition(values.numpy(), -k, axis=-1)[:, -k:])
    return values.topk(k, dim=-1, sorted=False).indices
