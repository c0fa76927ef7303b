"""The linear predictor all models share: arms, organisms, organism × arm, and the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from diffgauge.stats.models.priors import Priors

__all__ = [
    "ARM",
    "ORGANISM",
    "RUN",
    "arm_effects",
    "crossed",
    "grouped",
    "linear_predictor",
    "scale",
]

ARM: Final = "arm_id"
ORGANISM: Final = "organism"
RUN: Final = "run"

Features = Mapping[str, Any]
"""``obs``, and for each factor f ``f_index`` (int32, one for each row) and ``num_f`` (int)."""


def scale(name: str, width: float) -> Any:
    """Returns a draw of a spread with a half-normal prior."""
    return numpyro.sample(f"{name}_scale", dist.HalfNormal(width))


def arm_effects(n_arms: int, width: float, name: str = ARM) -> Any:
    """Returns one effect for each arm, shape ``n_arms``; the first, the reference, is 0.

    The others share Normal(0, τ): the more arms, the more each is shrunk towards no effect. That is
    the control for multiplicity.
    """
    if n_arms == 1:
        return jnp.zeros(1)
    spread = scale(name, width)
    raw = numpyro.sample(f"{name}_raw", dist.Normal(0, 1).expand([n_arms - 1]).to_event(1))
    effects = jnp.concatenate([jnp.zeros(1), spread * raw])
    return numpyro.deterministic(f"{name}_effects", effects)


def grouped(name: str, n: int, width: float, *, fixed: bool = False) -> Any:
    """Returns exchangeable effects of a factor's levels, shape ``n``.

    Args:
        name: The factor.
        n: Its levels.
        width: Scale of the half-normal prior of their spread.
        fixed: Whether `width` is the spread itself: two levels say nothing of one.
    """
    spread = width if fixed else scale(name, width)
    raw = numpyro.sample(f"{name}_raw", dist.Normal(0, 1).expand([n]).to_event(1))
    return numpyro.deterministic(f"{name}_effects", spread * raw)


def crossed(one: str, other: str, shape: tuple[int, int], width: float) -> Any:
    """Returns exchangeable effects of all pairs of two factors' levels, shape ``shape``."""
    name = f"{one}_{other}"
    raw = numpyro.sample(f"{name}_raw", dist.Normal(0, 1).expand(list(shape)).to_event(2))
    return numpyro.deterministic(f"{name}_effects", scale(name, width) * raw)


def linear_predictor(
    features: Features,
    *,
    main: Sequence[str],
    interactions: Sequence[Sequence[str]],
    pooled: Sequence[str],
    priors: Priors,
) -> Any:
    """Returns the logit of each row against the reference level, shape ``n_rows``.

    Args:
        features: What `Features` says.
        main: Factors with an effect for each level; `ARM` has its reference at 0.
        interactions: Pairs of factors; (`ORGANISM`, `ARM`) are the slopes.
        pooled: Factors whose levels are a sample of more: organisms, cards, runs.
        priors: Scales.
    """
    total: Any = 0.0
    for name in main:
        n = features[f"num_{name}"]
        if name == ARM:
            effects = arm_effects(n, priors.arm)
        else:
            effects = grouped(name, n, priors.factor, fixed=n == 2)
        total = total + effects[features[f"{name}_index"]]
    for name in pooled:
        width = getattr(priors, name, priors.factor)
        effects = grouped(name, features[f"num_{name}"], width)
        total = total + effects[features[f"{name}_index"]]
    for one, other in interactions:
        width = priors.slope if (one, other) == (ORGANISM, ARM) else priors.interaction
        effects = crossed(one, other, (features[f"num_{one}"], features[f"num_{other}"]), width)
        total = total + effects[features[f"{one}_index"], features[f"{other}_index"]]
    return total
