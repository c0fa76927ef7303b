"""One model for each kind of outcome: grades, successes, 0–1 scores, claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from diffgauge.stats.models.effects import (
    ARM,
    ORGANISM,
    Features,
    arm_effects,
    linear_predictor,
    scale,
)
from diffgauge.stats.models.likelihoods import cut_points, ordered_log_probs
from diffgauge.stats.models.priors import Priors

__all__ = [
    "MODELS",
    "binary_success",
    "bounded_scores",
    "model_of",
    "ordinal_grades",
    "signal_detection",
]

Pairs = Sequence[Sequence[str]]


def ordinal_grades(
    features: Features,
    *,
    main: Sequence[str],
    interactions: Pairs,
    pooled: Sequence[str],
    n_levels: int,
    priors: Priors,
) -> None:
    """Ordinal grades 0 to ``n_levels - 1`` by ordered logits.

    Source: McCullagh 1980; the Dirichlet prior of the levels' probabilities, Betancourt 2019.
    Differs: none. Arguments as in `effects.linear_predictor`; ``obs`` may be None.
    """
    levels = numpyro.sample("level_probs", dist.Dirichlet(jnp.full(n_levels, priors.concentration)))
    cuts = numpyro.deterministic("cuts", cut_points(levels))
    eta = linear_predictor(
        features, main=main, interactions=interactions, pooled=pooled, priors=priors
    )
    logits = ordered_log_probs(_rows(features, eta), cuts)
    _observe(features, dist.Categorical(logits=logits))


def binary_success(
    features: Features,
    *,
    main: Sequence[str],
    interactions: Pairs,
    pooled: Sequence[str],
    priors: Priors,
) -> None:
    """Success, 0 or 1, by a hierarchical logistic. Arguments as in `ordinal_grades`."""
    intercept = numpyro.sample("intercept", dist.Normal(0, priors.intercept))
    eta = intercept + linear_predictor(
        features, main=main, interactions=interactions, pooled=pooled, priors=priors
    )
    _observe(features, dist.Bernoulli(logits=_rows(features, eta)))


def bounded_scores(
    features: Features,
    *,
    main: Sequence[str],
    interactions: Pairs,
    pooled: Sequence[str],
    n_levels: int,
    priors: Priors,
) -> None:
    """Scores from 0 to 1 as the ordered levels they take. Arguments as in `ordinal_grades`.

    Shares and reciprocal ranks take few values and pile up at 0 and 1. A beta density is 0 or
    infinite there, and where they pile up between, its precision runs away; a logistic on shares is
    no distribution that could be checked against the data. Ordered logits assume no shape.

    Source: Liu, Shepherd, Li and Harrell 2017, cumulative probability models.
    Differs: at most `features.MOST_VALUES` levels, each standing for the mean of its values.
    """
    ordinal_grades(
        features,
        main=main,
        interactions=interactions,
        pooled=pooled,
        n_levels=n_levels,
        priors=priors,
    )


def signal_detection(
    features: Features,
    *,
    main: Sequence[str],
    interactions: Pairs,
    pooled: Sequence[str],
    priors: Priors,
) -> None:
    """Claims, 0 or 1, on planted organisms (hits) and on nulls (false alarms), jointly.

    The factor ``kind`` has ``planted`` first and then each kind of null. An arm moves the logit of
    every claim (its criterion) and, apart from that, what sets planted organisms apart from nulls
    (its sensitivity): one that always claims gains in the first alone.

    Source: Green and Swets 1966, with logistic in place of normal noise; DeCarlo 1998.
    Differs: planted organisms and nulls have spreads of their own; arms are shrunk.

    Args:
        features: Beside the usual, ``kind_index``, ``num_kind``, and ``null_index``: 0 for planted.
        main: As in `ordinal_grades`.
        interactions: Pairs beside organism × arm, which is always there for several arms.
        pooled: Beside organisms, which are always there.
        priors: Scales.
    """
    n_arms, n_kinds = features[f"num_{ARM}"], features["num_kind"]
    arm, kind, null = features[f"{ARM}_index"], features["kind_index"], features["null_index"]
    organism = features[f"{ORGANISM}_index"]
    intercept = numpyro.sample("intercept", dist.Normal(0, priors.intercept))
    others = [one for one in pooled if one != ORGANISM]
    pairs = [one for one in interactions if tuple(one) != (ORGANISM, ARM)]
    eta = intercept + linear_predictor(
        features, main=main, interactions=pairs, pooled=others, priors=priors
    )
    if n_kinds > 1:
        apart = numpyro.sample(
            "separation", dist.Normal(0, priors.separation).expand([n_kinds - 1]).to_event(1)
        )
        gain = arm_effects(n_arms, priors.arm, "sensitivity")
        more = 0.0
        if n_kinds > 2 and n_arms > 1:
            shape = [n_kinds - 1, n_arms]
            raw = numpyro.sample("kind_arm_raw", dist.Normal(0, 1).expand(shape).to_event(2))
            table = numpyro.deterministic(
                "kind_arm_effects", scale("kind_arm", priors.interaction) * raw
            )
            more = table[jnp.maximum(kind - 1, 0), arm]
        eta = eta - null * (apart[jnp.maximum(kind - 1, 0)] + gain[arm] + more)
    eta = eta + _organisms_of_two_kinds(features, organism, arm, null, priors)
    _observe(features, dist.Bernoulli(logits=_rows(features, eta)))


def _organisms_of_two_kinds(
    features: Features, organism: Any, arm: Any, null: Any, priors: Priors
) -> Any:
    """Organism and organism × arm effects whose spread is another one for nulls."""
    n, n_arms = features[f"num_{ORGANISM}"], features[f"num_{ARM}"]
    is_null = jnp.zeros(n, dtype=jnp.int32).at[organism].max(null)
    spread = numpyro.sample(
        f"{ORGANISM}_scale", dist.HalfNormal(priors.organism).expand([2]).to_event(1)
    )
    raw = numpyro.sample(f"{ORGANISM}_raw", dist.Normal(0, 1).expand([n]).to_event(1))
    effects = numpyro.deterministic(f"{ORGANISM}_effects", spread[is_null] * raw)
    total = effects[organism]
    if n_arms > 1:
        crossed = f"{ORGANISM}_{ARM}"
        slope = numpyro.sample(
            f"{crossed}_scale", dist.HalfNormal(priors.slope).expand([2]).to_event(1)
        )
        steep = numpyro.sample(f"{crossed}_raw", dist.Normal(0, 1).expand([n, n_arms]).to_event(2))
        slopes = numpyro.deterministic(f"{crossed}_effects", slope[is_null][:, None] * steep)
        total = total + slopes[organism, arm]
    return total


def _rows(features: Features, eta: Any) -> Any:
    """Gives a predictor one value for each row also where no factor has several levels."""
    return jnp.broadcast_to(eta, jnp.shape(features[f"{ORGANISM}_index"]))


def _observe(features: Features, outcome: Any) -> None:
    """Observes the rows; one that stands for several counts as often (``weight``)."""
    with numpyro.handlers.scale(scale=features.get("weight", 1.0)):
        numpyro.sample("obs", outcome, obs=features.get("obs"))


MODELS: Final[Mapping[str, Callable[..., None]]] = {
    "claims": signal_detection,
    "grades": ordinal_grades,
    "scores": bounded_scores,
    "successes": binary_success,
}
"""By kind of outcome."""


def model_of(
    outcome: str,
    *,
    main: Sequence[str] = (),
    interactions: Pairs = (),
    pooled: Sequence[str] = (),
    n_levels: int | None = None,
    priors: Priors | None = None,
) -> Callable[[Features], None]:
    """Returns the model of an outcome as a function of the features alone.

    Args:
        outcome: A key of `MODELS`.
        main: As in `effects.linear_predictor`.
        interactions: Likewise.
        pooled: Likewise.
        n_levels: Levels of a grade; None for other outcomes.
        priors: None takes the defaults.
    """
    settings: dict[str, Any] = {
        "main": tuple(main),
        "interactions": tuple(tuple(pair) for pair in interactions),
        "pooled": tuple(pooled),
        "priors": priors or Priors(),
    }
    if n_levels is not None:
        settings["n_levels"] = n_levels

    def model(features: Features) -> None:
        MODELS[outcome](features, **settings)

    return model
