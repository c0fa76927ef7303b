"""An engine without a sampler: draws around a known truth, for what is computed from draws."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffgauge.stats.answers import Engine
from diffgauge.stats.engines.fits import Fit, Sampling
from diffgauge.stats.features import Design

__all__ = ["CUTS", "SAMPLING", "Engine", "known"]

CUTS = (-1.5, -0.5, 0.3, 1.2)
SAMPLING = Sampling(n_draws=500)

Draws = dict[str, NDArray[np.float64]]


def known(effects: dict[str, float], *, spread: float = 0.2, stuck: bool = False) -> Engine:
    """Returns an engine whose arms have these effects, in logits, give or take `spread`.

    Args:
        effects: By arm; 0 for one that is not named.
        spread: Standard deviation of every draw.
        stuck: Whether the chains disagree, so that nothing is to be believed.
    """

    def engine(design: Design, sampling: Sampling) -> Fit:
        draw = np.random.default_rng(7)
        shape = (sampling.n_chains, sampling.n_draws)

        def noise(*wide: int) -> NDArray[np.float64]:
            made: NDArray[np.float64] = spread * draw.standard_normal((*shape, *wide))
            return made

        arms = design.levels["arm_id"]
        draws = {name: noise(*wide) for name, wide in _sites(design).items()}
        draws["arm_id_effects"][..., 0] = 0
        draws["arm_id_effects"] += np.array([effects.get(arm, 0.0) for arm in arms])
        scales = (2,) if "kind" in design.levels else ()
        for name in ("organism", "organism_arm_id"):
            draws[f"{name}_scale"] = np.abs(0.5 + noise(*scales) / 2)
        draws |= {f"{name}_scale": np.full(shape, 0.3) for name in design.pooled[1:]}
        if design.values:
            n_cuts = len(design.values) - 1
            cuts = np.array(CUTS) if n_cuts == len(CUTS) else np.linspace(-1.5, 1.2, n_cuts)
            draws["cuts"] = cuts + noise(1) / 4
        if "separation" in draws:
            draws["separation"] += 1
        if stuck:
            draws["arm_id_effects"] += np.arange(sampling.n_chains)[:, None, None]
        return Fit(design, sampling, draws, 0, "known", 0.0, Path("known.nc"))

    return engine


def _sites(design: Design) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every site that is drawn around 0."""
    n = {name: len(levels) for name, levels in design.levels.items()}
    sites: dict[str, tuple[int, ...]] = {
        "arm_id_effects": (n["arm_id"],),
        "organism_effects": (n["organism"],),
        "organism_arm_id_effects": (n["organism"], n["arm_id"]),
    }
    sites |= {f"{name}_effects": (n[name],) for name in design.main if name != "arm_id"}
    sites |= {f"{one}_{two}_effects": (n[one], n[two]) for one, two in design.interactions[1:]}
    if "card" in design.pooled:
        sites["card_effects"] = (n["card"],)
    if not design.values:
        sites["intercept"] = ()
    if n.get("kind", 0) > 1:
        sites |= {"separation": (n["kind"] - 1,), "sensitivity_effects": (n["arm_id"],)}
    return sites
