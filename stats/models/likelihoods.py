"""Ordered logits in a form that stays finite."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax.nn import log_sigmoid

__all__ = ["cut_points", "ordered_log_probs"]

_EDGE = 1e-6


def cut_points(probabilities: Any) -> Any:
    """Returns the cut-points that give levels these probabilities at the reference.

    Args:
        probabilities: Of the levels, summing to 1, shape ``n_levels``.

    Returns:
        The logit of their cumulative sums, increasing, shape ``n_levels - 1``.
    """
    below = jnp.clip(jnp.cumsum(probabilities)[:-1], _EDGE, 1 - _EDGE)
    return jnp.log(below) - jnp.log1p(-below)


def ordered_log_probs(eta: Any, cuts: Any) -> Any:
    """Returns the log-probability of each level, shape ``n_rows n_levels``.

    Source: McCullagh 1980, the proportional-odds model.
    Differs: none; a middle level's σ(a) − σ(b) is taken as σ(a)·σ(−b)·(1 − e^(b−a)), which keeps
    its logarithm finite where both round to 1.

    Args:
        eta: Logit of each row against the reference level, shape ``n_rows``.
        cuts: Increasing cut-points, shape ``n_levels - 1``.
    """
    above = cuts[None, :] - eta[:, None]
    gaps = jnp.maximum(cuts[1:] - cuts[:-1], _EDGE)
    middle = log_sigmoid(above[:, 1:]) + log_sigmoid(-above[:, :-1]) + jnp.log(-jnp.expm1(-gaps))
    return jnp.concatenate([log_sigmoid(above[:, :1]), middle, log_sigmoid(-above[:, -1:])], axis=1)
