"""Whose a crosscoder's latents are: by the norms of decoder vectors, and by latent scaling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from diffgauge.records.subjects import SIDES

__all__ = [
    "DEAD",
    "OTHER",
    "OWN",
    "OWN_FROM",
    "SHARED",
    "Belonging",
    "belonging",
    "relative_norms",
]

OWN: Final = "own"
SHARED: Final = "shared"
OTHER: Final = "between"
DEAD: Final = "dead"

OWN_FROM: Final = 0.9
"""Specificity above which a latent is one model's own: the other has less than a fifth of it."""

_SHARED_WITHIN: Final = 0.1
_LEAST_RATIO: Final = 0.2
_MOST_RATIO: Final = 0.5
_QUANTILE: Final = 0.05
_LEAST_SHARED: Final = 20


@dataclass(frozen=True)
class Belonging:
    """Whose each latent is.

    Attributes:
        relative: As `relative_norms`, NaN for dead latents, float64 (latent).
        own: Whether it is one model's own by the norms, bool (side latent).
        kinds: `OWN`, `SHARED`, `OTHER` between the two, `DEAD` where it never fired.
        ratios: For each model whose latent it would be, and each x of latent scaling, what the
            other model has of it over what this one has, float64 (own x latent); 1 means that
            both have it alike.
        bounds: For each of these, from which ratio on a latent is no model's own (own x).
        rejected: Whether decoder norms call it one model's own and latent scaling does not, bool.
    """

    relative: Tensor
    own: Tensor
    kinds: list[str]
    ratios: Tensor
    bounds: Tensor
    rejected: Tensor


def relative_norms(norms: Tensor) -> Tensor:
    """Returns where the decoder norms stand between the models, 0 to 1, (latent).

    Args:
        norms: Of decoder vectors (side latent), base first.

    1 is the finetuned model's alone, 0 the base's, 0.5 shared alike; NaN where both are 0.

    Source: arXiv 2504.02922, relative decoder norm.
    Differs: published code has it the other way round.
    """
    base, finetuned = norms.double()
    largest = torch.maximum(base, finetuned)
    apart: Tensor = (finetuned - base) / torch.where(largest > 0, largest, torch.nan)
    return 0.5 * (apart + 1)


def belonging(norms: Tensor, fired: Tensor, scalings: Sequence[Tensor]) -> Belonging:
    """Says whose each latent is.

    A latent that is one model's own by its norms is rejected where, by either x, the other model
    has as much of it as it has of shared latents: from the 5 % quantile of the shared latents'
    ratios on, held between 0.2 and 0.5 (0.5 where fewer than 20 are shared).

    Args:
        norms: Of decoder vectors (side latent), base first.
        fired: Tokens at which each fires (latent).
        scalings: beta for each x, float64 (own model latent).

    Source: arXiv 2504.02922 (classes by norm; latent scaling with ratios of error and of
        reconstruction below 0.2 and 0.5 for a model's own latents).
    Differs: the bound is found from the shared latents, between the published two.
    """
    alive = fired > 0
    relative = torch.where(alive, relative_norms(norms), torch.nan)
    shared = (relative - 0.5).abs() <= _SHARED_WITHIN
    ratios = torch.stack(
        [
            torch.stack([beta[own, 1 - own] / beta[own, own] for beta in scalings])
            for own in range(len(SIDES))
        ]
    )
    bounds = torch.full(ratios.shape[:2], _MOST_RATIO, dtype=torch.float64)
    if int(shared.sum()) >= _LEAST_SHARED:
        lowest = ratios[..., shared].nanquantile(_QUANTILE, dim=-1)
        bounds = lowest.nan_to_num(_MOST_RATIO).clamp(_LEAST_RATIO, _MOST_RATIO)
    both_have = (ratios >= bounds[..., None]).any(dim=1)
    own = torch.stack([relative < 1 - OWN_FROM, relative > OWN_FROM])
    kinds = [
        DEAD if not lives else OWN if one else SHARED if both else OTHER
        for lives, one, both in zip(
            alive.tolist(), own.any(dim=0).tolist(), shared.tolist(), strict=True
        )
    ]
    return Belonging(relative, own, kinds, ratios, bounds, (own & both_have).any(dim=0))
