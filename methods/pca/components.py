"""Principal components from sums of products, gathered in one pass."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from diffgauge.methods.activations.moments import SERIES, Moments
from diffgauge.methods.activations.reading import Statistic
from diffgauge.methods.activations.source import Block, Part, differences

__all__ = ["Components", "Products", "principal"]


@dataclass(frozen=True)
class Components:
    """Orthogonal directions, the one that explains most first.

    Attributes:
        directions: Unit vectors, float32 (component d_model). Each points the way its vectors go
            on average: their mean along it is not negative.
        shares: Of the training part's mean square that each explains, float64 (component); NaN
            where that is 0.
        mean: What was taken away before, float32 (d_model); zero unless centred.
    """

    directions: Tensor
    shares: Tensor
    mean: Tensor


class Products(Statistic):
    """Sums of products of entries over the training part, float64.

    Exact, and as small as one weight matrix of the model: d_model squared for each series.

    Args:
        d_model: Width of the residual stream.
        own: Whether the models' own activations are summed up beside their difference.
    """

    def __init__(self, d_model: int, *, own: bool) -> None:
        self._series = SERIES if own else SERIES[-1:]
        shape = (len(self._series), d_model, d_model)
        self._products = torch.zeros(shape, dtype=torch.float64)
        self.moments = Moments.empty(d_model)

    def add(self, part: Part, block: Block) -> None:
        """Adds whole texts; those that are held out are left alone."""
        if part != "train":
            return
        self.moments.add(block.activations)
        values = {"difference": differences(block.activations)}
        values |= {side: block.activations[:, at].float() for at, side in enumerate(SERIES[:2])}
        for at, of in enumerate(self._series):
            self._products[at] += (values[of].T @ values[of]).double()

    def components(self, of: str, n: int, *, centred: bool) -> Components:
        """Returns the first n components of a series. See `principal`."""
        return principal(
            self._products[self._series.index(of)] / self.moments.n,
            self.moments.mean(of),
            n,
            centred=centred,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Returns the sums."""
        return {"products": self._products, **self.moments.tensors()}

    def state(self) -> Any:
        """Returns nothing: all of it is numbers."""
        return None

    def restore(self, tensors: dict[str, Tensor], state: Any) -> None:
        """Takes over what `tensors` gave."""
        self._products = tensors["products"]
        self.moments = Moments.restored(tensors)


def principal(second: Tensor, mean: Tensor, n: int, *, centred: bool) -> Components:
    """Returns the first n principal components.

    Source: Pearson 1901; on the difference of two models' activations, the diffing-toolkit's PCA.
    Differs: exact, from sums of products, where the toolkit updates an approximation batch by
        batch; uncentred unless asked, so that what moves every activation the same way is a
        component, too; the sign is the mean's.

    Args:
        second: Mean of products of entries, float64 (d_model d_model).
        mean: Mean vector, float64 (d_model).
        n: At most d_model are there.
        centred: Whether the mean is taken away.
    """
    matrix = second - torch.outer(mean, mean) if centred else second
    values, vectors = torch.linalg.eigh(matrix)
    directions = vectors.flip(1)[:, :n].T
    along = directions @ mean
    # A mean that is exactly across tells no sign: the largest entry is then made positive.
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))[:, 0]
    signs = torch.where(along == 0, largest.sign(), along.sign())
    total = values.clamp(min=0).sum()
    shares = values.flip(0)[:n].clamp(min=0) / torch.where(total > 0, total, torch.nan)
    away = mean if centred else torch.zeros_like(mean)
    return Components((directions * signs[:, None]).float(), shares, away.float())
