"""What dictionaries are trained on: the difference of both models' activations, or the two."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from diffgauge.methods.activations.moments import DIFFERENCE, Moments
from diffgauge.methods.activations.source import differences
from diffgauge.records.subjects import SIDES

__all__ = ["Input", "difference_input", "orientation", "paired_input"]


@dataclass(frozen=True)
class Input:
    """How stored activations become what is trained on.

    Attributes:
        sides: (token side d_model) as stored to float32 of the same axes, base first; one side
            where differences are taken.
        mean: What is subtracted, float64 (side d_model).
        variance: Its mean squared distance from it, summed over entries and averaged over sides.
        has_bias: Whether something is decoded where nothing fires, the same for both sides; else
            `mean` is zero, too.
    """

    sides: Callable[[Tensor], Tensor]
    mean: Tensor
    variance: float
    has_bias: bool


def orientation(moments: Moments) -> float:
    """Returns 1 or -1: the sign with which differences are taken in training.

    The largest entry of the mean difference, by size, is made positive, so that a pair and the
    same pair with its models exchanged train on the same numbers.
    """
    mean = moments.mean(DIFFERENCE)
    return -1.0 if float(mean[mean.abs().argmax()]) < 0 else 1.0


def difference_input(moments: Moments, sign: float) -> Input:
    """Returns the differences finetuned less base, times a sign, as what is trained on.

    Their mean stays in: less it, a latent could as well tell where the models differ less than
    they do on average. Where nothing fires, nothing is decoded.
    """
    return Input(
        sides=lambda stored: sign * differences(stored)[:, None],
        mean=torch.zeros(1, len(moments.mean(DIFFERENCE)), dtype=torch.float64),
        variance=moments.mean_square_norm(DIFFERENCE),
        has_bias=False,
    )


def paired_input(moments: Moments) -> Input:
    """Returns both models' activations side by side, as what is trained on.

    One mean is taken from both, and one bias serves both: what differs everywhere alike is then
    for the latents to tell.
    """
    base, finetuned = (moments.mean(side) for side in SIDES)
    spread = float(moments.variance(SIDES[0]).sum()) + float(moments.variance(SIDES[1]).sum())
    return Input(
        sides=_as_they_are,
        mean=((base + finetuned) / 2).repeat(len(SIDES), 1),
        variance=spread / 2 + float((finetuned - base).square().sum()) / 4,
        has_bias=True,
    )


def _as_they_are(stored: Tensor) -> Tensor:
    return stored.float()
