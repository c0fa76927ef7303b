"""How far two activations are apart, in three ways, and how long each is."""

from typing import Final

import torch
from torch import Tensor

from diffgauge.methods.activations.source import differences

__all__ = ["MEASURES", "NORMS", "ORDERS", "measured"]

ORDERS: Final = ("norm", "cosine", "relative")
"""``norm`` of the difference, ``cosine`` distance, and ``relative`` size: the norm of the
difference over the sum of both norms. None of them changes when the models change places."""

NORMS: Final = ("base", "finetuned")

MEASURES: Final = (*ORDERS, *NORMS)


def measured(activations: Tensor) -> Tensor:
    """Returns `MEASURES` of every token, float64 (token measure).

    Source: diffing-toolkit, method "activation analysis" (formerly normdiff).
    Differs: the cosine distance is half the squared distance of the unit vectors, which is
        exactly zero for equal ones and keeps its digits for nearly equal ones; 0 where both norms
        are 0.

    Args:
        activations: (token side d_model), base first.
    """
    exact = activations.double()
    norms = exact.norm(dim=-1)
    units = exact / torch.where(norms > 0, norms, 1.0)[..., None]
    distance = differences(activations).double().norm(dim=-1)
    both = norms.sum(1)
    measures = [
        distance,
        (units[:, 1] - units[:, 0]).square().sum(-1) / 2,
        distance / torch.where(both > 0, both, 1.0),
        norms[:, 0],
        norms[:, 1],
    ]
    return torch.stack(measures, dim=1)
