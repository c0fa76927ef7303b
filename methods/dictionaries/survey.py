"""What latents do over a corpus: how often they fire, on what, and how well they reconstruct.

Latent scaling asks whether a latent that only one model's decoder seems to use is really absent
from the other model. With f its activation and d its decoder vector of the model it belongs to, it
is the factor with which ``f d`` fits best what a model has there:

    beta = sum(f <x, d>) / (sum(f ** 2) |d| ** 2)

where x is what the dictionary leaves of the model's activation, with the latent's own part put
back (``error``), or what the dictionary makes of it (``reconstruction``).

Source: arXiv 2504.02922 (latent scaling, closed form).
Differs: for both models alike, d being that of the model whose latent it would be. Of an SAE on
differences x is each model's activation (``activation``), less the mean of the model that would
lack the latent: where that one is as it is on average, its beta is 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

import torch
from torch import Tensor

from diffgauge.methods.activations.source import Block
from diffgauge.methods.dictionaries.dictionary import Codes, Dictionary
from diffgauge.methods.dictionaries.inputs import Input

__all__ = ["Exemplars", "Scaled", "Survey", "variance_explained"]

Scaled = Literal["error", "reconstruction"]
"""What latent scaling of a crosscoder fits to."""

_NONE: Final = -1


@dataclass
class Exemplars:
    """Where latents fire most, at most once in each text.

    Attributes:
        values: Activations, largest first, 0 where there is none (latent place).
        texts: Index of the text (latent place), -1 where there is none.
        positions: In the text (latent place).
        ids: Tokens of the texts that are named.
    """

    values: Tensor
    texts: Tensor
    positions: Tensor
    ids: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def empty(cls, n_latents: int, n: int) -> "Exemplars":
        """Returns no exemplars, with places for n of each latent."""
        none = torch.full((n_latents, n), _NONE, dtype=torch.int64)
        return cls(torch.zeros(n_latents, n), none, none.clone())

    def add(self, codes: Codes, block: Block) -> None:
        """Takes over what fires more than what is held."""
        names, local = torch.unique(block.text_index, return_inverse=True)
        n_latents, n_texts = len(self.values), len(names)
        place = codes.latents * n_texts + local[codes.rows]
        best = torch.zeros(n_latents * n_texts)
        best.scatter_reduce_(0, place, codes.values, "amax")
        there = torch.full_like(best, len(block.position), dtype=torch.int64)
        top = codes.values == best[place]
        there.scatter_reduce_(0, place[top], codes.rows[top], "amin")
        positions = block.position[there.clamp(max=len(block.position) - 1)]
        values = torch.cat([self.values, best.view(n_latents, n_texts)], dim=1)
        texts = torch.cat([self.texts, names.expand(n_latents, n_texts)], dim=1)
        all_positions = torch.cat([self.positions, positions.view(n_latents, n_texts)], dim=1)
        order = values.argsort(dim=1, descending=True, stable=True)[:, : self.values.shape[1]]
        self.values = values.gather(1, order)
        fires = self.values > 0
        self.texts = torch.where(fires, texts.gather(1, order), _NONE)
        self.positions = torch.where(fires, all_positions.gather(1, order), _NONE)
        named = set(torch.unique(self.texts).tolist())
        self.ids = {at: ids for at, ids in {**self.ids, **block.texts}.items() if at in named}


class Survey:
    """Sums over tokens, one for each latent; memory does not grow with the tokens.

    Args:
        dictionary: Whose latents.
        made: What is made of stored activations.
        means: Mean activation of each model, float64 (side d_model).
        n_exemplars: Places of each latent.

    Attributes:
        n_tokens: Tokens read.
        fired: Tokens at which a latent fires, float64 (latent).
        sums: Sum of its activations, float64 (latent).
        squares: Sum of its squared activations, float64 (latent).
        exemplars: Where it fires most.
    """

    def __init__(
        self, dictionary: Dictionary, made: Input, means: Tensor, n_exemplars: int
    ) -> None:
        self._dictionary, self._made, self._means = dictionary, made, means
        self.n_tokens = 0
        n = dictionary.n_latents
        self.fired, self.sums, self.squares = torch.zeros(3, n, dtype=torch.float64)
        self.exemplars = Exemplars.empty(n, n_exemplars)
        self._fits: dict[str, Tensor] = {}

    def add(self, block: Block) -> None:
        """Adds whole texts, of both models."""
        dictionary = self._dictionary
        x = self._made.sides(block.activations)
        codes = dictionary.encode(x)
        self.n_tokens += codes.n_rows
        values = codes.values.double()
        self.fired.index_add_(0, codes.latents, torch.ones_like(values))
        self.sums.index_add_(0, codes.latents, values)
        self.squares.index_add_(0, codes.latents, values.square())
        self.exemplars.add(codes, block)
        if dictionary.n_sides == 1:
            middle = self._means.mean(0).float()
            self._fit("activation", codes, block.activations.float() - middle)
            return
        decoded = dictionary.decode(codes)
        self._fit("error", codes, x - decoded)
        self._fit("reconstruction", codes, decoded - dictionary.decoder_bias)

    def _fit(self, of: str, codes: Codes, x: Tensor) -> None:
        """Adds ``f <x, d>`` for each decoder vector d and each model's x, (own model latent)."""
        decoder = self._dictionary.decoder
        found = torch.stack(
            [
                torch.stack([codes.products(side.contiguous(), own) for side in x.unbind(1)])
                for own in decoder
            ]
        )
        sums = self._fits.setdefault(
            of, torch.zeros(*found.shape[:2], len(decoder[0]), dtype=torch.float64)
        )
        sums.index_add_(2, codes.latents, (found * codes.values).double())

    def scaling(self, of: Scaled) -> Tensor:
        """Returns beta of a crosscoder's latents, float64 (own model latent).

        Args:
            of: Which x.

        `own` is the side whose decoder vector is fitted, `model` the one whose x it is fitted to;
        NaN where a latent never fires.
        """
        decoder = self._dictionary.decoder.double()
        sums = self._fits[of]
        if of == "error":
            back = [torch.stack([(own * model).sum(-1) for model in decoder]) for own in decoder]
            sums = sums + self.squares * torch.stack(back)
        return sums / self._sizes(decoder)

    def gains(self) -> Tensor:
        """Returns beta of an SAE's latents, float64 (lacking model latent), NaN as in `scaling`.

        `lacking` is the side from whose mean activation both models' activations are taken,
        `model` the one to whose activations the decoder vector is fitted.
        """
        decoder = self._dictionary.decoder.double()
        middle = self._means.mean(0)
        shifts = [self.sums * (decoder[0] @ (mean - middle)) for mean in self._means]
        sums = torch.stack([self._fits["activation"][0] - shift for shift in shifts])
        return sums / self._sizes(decoder)

    def _sizes(self, decoder: Tensor) -> Tensor:
        size = self.squares * decoder.square().sum(-1)
        return torch.where(size > 0, size, torch.nan)[:, None]


def variance_explained(
    dictionary: Dictionary, made: Input, batches: Iterable[Tensor]
) -> tuple[Tensor, float]:
    """Measures how well a dictionary reconstructs activations.

    Args:
        dictionary: Which.
        made: What is made of stored activations.
        batches: Stored activations, none of which it was trained on; of any number.

    Returns:
        The share of each side's variance that is explained, float64 (side), NaN where there is no
        variance; and the mean number of latents that fire on a token, NaN without tokens.
    """
    n, n_fired = 0, 0
    left = sums = squares = torch.zeros(dictionary.n_sides, dictionary.d_model).double()
    for batch in batches:
        x = made.sides(batch)
        codes = dictionary.encode(x)
        n, n_fired = n + len(x), n_fired + len(codes.values)
        left = left + (x - dictionary.decode(codes)).square().double().sum(0)
        sums, squares = sums + x.double().sum(0), squares + x.double().square().sum(0)
    if n == 0:
        return torch.full((dictionary.n_sides,), torch.nan, dtype=torch.float64), float("nan")
    variance = (squares - sums.square() / n).sum(-1)
    return 1 - left.sum(-1) / torch.where(variance > 0, variance, torch.nan), n_fired / n
