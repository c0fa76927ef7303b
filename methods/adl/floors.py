"""Norms of the mean differences beside what noise alone would give."""

import math
from typing import Any

import torch

from diffgauge.methods.adl.moments import Moments
from diffgauge.methods.adl.settings import ADLSettings, slots

__all__ = ["norm_rows"]


def norm_rows(moments: Moments, settings: ADLSettings, dtype: str) -> list[dict[str, Any]]:
    """Returns one row for each layer and slot.

    Columns: ``layer``; ``position`` (the slot's label); ``norm`` of the mean difference;
    ``standard_error``, the norm that averaging over these texts alone would leave; ``floor``;
    ``noise``, whether the norm is at most the floor; ``identical``, whether it is exactly zero;
    ``half_cosine`` between the mean differences of two halves of the texts (None when a half has
    none); ``base_norm`` and ``finetuned_norm``, expected residual norms; ``scale``, their mean.

    The floor is the largest of: `floor_errors` standard errors, one rounding of the residual
    stream in the pair's dtype, and `reserved_floor` expected norms. At position 0 the state does
    not depend on the text, so that its standard error is zero and says nothing.

    Source: arXiv 2510.13900 for the difference; floor: none published.
    Differs: the paper has no floor; steering there uses the finetuned side's norm, here the
    mean of both, so that swapping the models mirrors the result.
    """
    norms = moments.mean.norm(dim=-1)
    errors = moments.standard_error()
    cosines = moments.half_cosine()
    expected = moments.expected_norms()
    rounding = torch.finfo(getattr(torch, dtype)).eps / 2
    rows: list[dict[str, Any]] = []
    for i, layer in enumerate(settings.layers):
        base_norm, finetuned_norm = (float(value) for value in expected[:, i])
        scale = (base_norm + finetuned_norm) / 2
        for j, slot in enumerate(slots(settings)):
            norm, error, cosine = float(norms[i, j]), float(errors[i, j]), float(cosines[i, j])
            floor = max(
                settings.floor_errors * error, max(rounding, settings.reserved_floor) * scale
            )
            rows.append(
                {
                    "layer": layer,
                    "position": slot.label,
                    "norm": norm,
                    "standard_error": error,
                    "floor": floor,
                    "noise": norm <= floor,
                    "identical": norm == 0.0,
                    "half_cosine": None if math.isnan(cosine) else cosine,
                    "base_norm": base_norm,
                    "finetuned_norm": finetuned_norm,
                    "scale": scale,
                }
            )
    return rows
