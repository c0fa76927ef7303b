"""What differences noise alone would leave between the activations of two models."""

import math

import torch

__all__ = ["IDENTICAL", "NOISE", "noise_floor"]

_WRITES_OF_BLOCK = 2

IDENTICAL = (
    "The two models' activations are identical on everything that was read: the difference is "
    "exactly zero everywhere."
)
NOISE = (
    "The differences are not above what equal weights give when they are served otherwise, so "
    "that they are not decoded."
)


def noise_floor(layer: int, dtype: str, scale: float, reserved_floor: float) -> float:
    """Returns the norm up to which a difference at one token is noise.

    Rounding leaves the roundings of the residual stream in the coarser compute dtype, two in each
    block, as independent errors add up.

    Source: none published.
    Differs: none.

    Args:
        layer: 0-based block.
        dtype: The coarser of the pair's compute dtypes.
        scale: Mean norm of the activations.
        reserved_floor: Share of `scale` that a reserved null's differences have on average.
    """
    rounding = float(torch.finfo(getattr(torch, dtype)).eps) / 2
    n_roundings = math.sqrt(_WRITES_OF_BLOCK * (layer + 1))
    return max(n_roundings * rounding, reserved_floor) * scale
