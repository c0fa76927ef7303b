"""A sparse dictionary of one or both models' activations, as it is used once it is trained."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from diffgauge.records.errors import DiffgaugeError

__all__ = ["Codes", "Dictionary", "added", "pre_activations", "total"]

_CHUNK_NUMBERS: Final = 2**22
"""Pre-activations that are held at once."""


@dataclass(frozen=True)
class Codes:
    """What fires where, row by row; nothing else is stored.

    Attributes:
        n_rows: Rows there are, most often tokens.
        rows: Row of each entry, ascending, int64 (entry).
        latents: Its latent, int64 (entry).
        values: Its activation, float32 (entry).
    """

    n_rows: int
    rows: Tensor
    latents: Tensor
    values: Tensor

    def sums(self, vectors: Tensor) -> Tensor:
        """Returns the sum of each row's vectors, each times its activation, (row width).

        Args:
            vectors: (latent width).
        """
        return self._bagged(vectors, self.values)

    def products(self, ends: Tensor, vectors: Tensor) -> Tensor:
        """Returns the inner products of each entry's row and latent, (entry).

        Args:
            ends: (row width).
            vectors: (latent width).
        """
        # The gradient of the weighted sums by their weights; as such it needs no gathered copies.
        weights = torch.zeros_like(self.values, requires_grad=True)
        with torch.enable_grad():
            summed = self._bagged(vectors, weights)
        return torch.autograd.grad(summed, weights, ends)[0]

    def by_latent(self, n_latents: int) -> "Codes":
        """Returns the same entries with rows and latents in each other's places."""
        order = self.latents.argsort(stable=True)
        return Codes(n_latents, self.latents[order], self.rows[order], self.values[order])

    def _bagged(self, vectors: Tensor, weights: Tensor) -> Tensor:
        counts = torch.bincount(self.rows, minlength=self.n_rows)
        starts = counts.cumsum(0) - counts
        return torch.nn.functional.embedding_bag(
            self.latents, vectors, starts, mode="sum", per_sample_weights=weights
        )


@dataclass(frozen=True)
class Dictionary:
    """Activations x (side d_model) to few latents, and back to x.

    An SAE of differences has one side, a crosscoder two, base first. Everything is in the
    activations' own units: whatever normalised them in training is folded in.

    Attributes:
        encoder: float32 (side latent d_model).
        encoder_bias: float32 (latent).
        decoder: float32 (side latent d_model).
        decoder_bias: What is decoded where nothing fires, float32 (side d_model).
        threshold: A latent counts where its activation times `weights` is above it, float32
            (latent).
        top_k: Of each token only so many latents count, the largest; None keeps all of them.
    """

    encoder: Tensor
    encoder_bias: Tensor
    decoder: Tensor
    decoder_bias: Tensor
    threshold: Tensor
    top_k: int | None = None

    @property
    def n_latents(self) -> int:
        """Latents there are."""
        return self.encoder.shape[1]

    @property
    def n_sides(self) -> int:
        """1 or 2."""
        return self.encoder.shape[0]

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.encoder.shape[2]

    def norms(self) -> Tensor:
        """Returns the norms of the decoder's vectors (side latent)."""
        norms: Tensor = self.decoder.norm(dim=-1)
        return norms

    def weights(self) -> Tensor:
        """Returns what an activation counts: the sum of its vectors' norms over sides (latent)."""
        return self.norms().sum(0)

    def check_width(self, d_model: int, n_sides: int) -> None:
        """Checks that it fits a pair's activations.

        Raises:
            DiffgaugeError: It is of another width or number of sides.
        """
        if (self.d_model, self.n_sides) != (d_model, n_sides):
            raise DiffgaugeError(
                f"The dictionary is of width {self.d_model} and of {self.n_sides} "
                f"side{'s' if self.n_sides > 1 else ''}.",
                allowed=f"width {d_model}, {n_sides} side{'s' if n_sides > 1 else ''}: those of "
                "this pair and method",
            )

    def encode(self, x: Tensor) -> Codes:
        """Returns what fires on activations, float32 (token side d_model)."""
        size = max(1, _CHUNK_NUMBERS // self.n_latents)
        found = [self._encode(part) for part in torch.split(x, size)]
        rows = [one.rows + size * number for number, one in enumerate(found)]
        return Codes(
            n_rows=len(x),
            rows=torch.cat(rows),
            latents=torch.cat([one.latents for one in found]),
            values=torch.cat([one.values for one in found]),
        )

    def _encode(self, x: Tensor) -> Codes:
        acts = pre_activations(x.unbind(1), self.encoder, self.encoder_bias).relu_()
        counted = (acts > 0) & (acts * self.weights() > self.threshold)
        if self.top_k is not None:
            best = (acts * self.weights()).topk(min(self.top_k, self.n_latents), dim=1).indices
            counted &= torch.zeros_like(counted).scatter_(1, best, True)
        rows, latents = counted.nonzero(as_tuple=True)
        return Codes(len(x), rows, latents, acts[rows, latents])

    def decode(self, codes: Codes) -> Tensor:
        """Returns reconstructed activations, float32 (token side d_model)."""
        sides = [codes.sums(vectors) for vectors in self.decoder]
        return torch.stack(sides, dim=1) + self.decoder_bias

    def to(self, device: str) -> "Dictionary":
        """Returns the same on another device."""
        return replace(
            self,
            encoder=self.encoder.to(device),
            encoder_bias=self.encoder_bias.to(device),
            decoder=self.decoder.to(device),
            decoder_bias=self.decoder_bias.to(device),
            threshold=self.threshold.to(device),
        )


def pre_activations(x: Iterable[Tensor], encoder: Iterable[Tensor], bias: Tensor) -> Tensor:
    """Returns what latents read before ReLU, float32 (token latent).

    Sides are multiplied one by one and then added, so that exchanging them changes no bit.

    Args:
        x: (token d_model) of each side.
        encoder: (latent d_model) of each side.
        bias: (latent).
    """
    first, *others = [part @ vectors.T for part, vectors in zip(x, encoder, strict=True)]
    for other in others:
        first += other
    first += bias
    return first


def added(by_side: Tensor) -> Tensor:
    """Returns the sum over sides of (side …)."""
    return by_side[0] if len(by_side) == 1 else by_side[0] + by_side[1]


def total(numbers: Tensor) -> Tensor:
    """Returns the sum of all of (side …), side by side first."""
    return added(numbers.flatten(1).sum(1))
