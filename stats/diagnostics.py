"""Whether a fit can be believed: convergence, and whether the model gives data like these."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from diffgauge.stats.engines.fits import Fit
from diffgauge.stats.responses import Posterior, replicated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Check", "Diagnosis", "diagnose", "posterior_of"]

_R_HAT: Final = 1.01
_FEWEST_EFFECTIVE: Final = 400
_MOST_DIVERGENT: Final = 0.005
_REPLICATES: Final = 400
_ODD: Final = 0.01
_SEED: Final = 20261128


@dataclass(frozen=True)
class Check:
    """One figure of the data beside what the model gives for it.

    Attributes:
        name: Of the figure.
        observed: In the data.
        low: 5th percentile over replicated data.
        high: 95th.
        p: Two-sided share of replicates at least as far out; ties count half.
    """

    name: str
    observed: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Diagnosis:
    """What is known of a fit's worth.

    Attributes:
        r_hat: Largest split R-hat over all sites; NaN where it cannot be had (one chain's draws
            all equal).
        r_hat_site: Where.
        n_effective: Least effective sample size.
        n_divergent: Divergent transitions; None where the engine does not say.
        n_draws: Draws in all.
        checks: Posterior predictive checks.
        reasons: Why it is not to be believed; empty where it is.
    """

    r_hat: float
    r_hat_site: str
    n_effective: float
    n_divergent: int | None
    n_draws: int
    checks: tuple[Check, ...]
    reasons: tuple[str, ...]

    @property
    def believed(self) -> bool:
        """Whether the sampler reached what it was to sample."""
        return not self.reasons

    @property
    def odd(self) -> tuple[Check, ...]:
        """Checks in which the data are unlike what the model gives."""
        return tuple(check for check in self.checks if check.p < _ODD)


def posterior_of(fit: Fit) -> Posterior:
    """Returns a fit's draws with chains joined."""
    return Posterior(fit.design, {name: fit.flat(name) for name in fit.draws})


def diagnose(fit: Fit) -> Diagnosis:
    """Judges a fit.

    Source: Gelman and Rubin 1992 in the split form, and the effective sample size of Geyer's
    initial monotone sequence, as NumPyro has them; Gelman, Meng and Stern 1996 for the checks.
    Differs: not rank-normalised. A fit fails from an R-hat of 1.01, under 400 effective draws, or
    when more than 1 in 200 transitions diverged. An odd predictive check is told and fails nothing.
    """
    r_hat, site, effective = _convergence(fit.draws)
    reasons = []
    if not r_hat < _R_HAT:
        reasons.append(f"R-hat {r_hat:.3f} at {site}, which should be under {_R_HAT}")
    if not effective >= _FEWEST_EFFECTIVE:
        reasons.append(f"{effective:.0f} effective draws, which should be {_FEWEST_EFFECTIVE}")
    if fit.n_divergent is not None and fit.n_divergent > _MOST_DIVERGENT * fit.n_draws:
        reasons.append(f"{fit.n_divergent} of {fit.n_draws} transitions diverged")
    return Diagnosis(
        r_hat,
        site,
        effective,
        fit.n_divergent,
        fit.n_draws,
        _predictive_checks(posterior_of(fit)),
        tuple(reasons),
    )


def _convergence(draws: Mapping[str, NDArray[np.float64]]) -> tuple[float, str, float]:
    """Returns the largest R-hat, its site and the least effective size over what varies."""
    import numpy as np
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

    worst, where, least = math.nan, "none", math.inf
    for name, held in draws.items():
        flat = held.reshape(*held.shape[:2], -1)
        flat = flat[:, :, np.ptp(flat, axis=(0, 1)) > 0]
        if not flat.shape[2]:
            continue
        r_hat = float(np.max(split_gelman_rubin(flat)))
        least = min(least, float(np.min(effective_sample_size(flat))))
        if not worst >= r_hat:
            worst, where = r_hat, name
    return worst, where, least


def _predictive_checks(of: Posterior) -> tuple[Check, ...]:
    """Compares each arm's mean, and how far organisms differ in it, with replicated data."""
    import numpy as np

    features = of.design.features
    seen = features["obs"].astype(float)
    replicates = replicated(of, _REPLICATES, _SEED)
    arms, organisms = features["arm_id_index"], features["organism_index"]
    null = features.get("null_index", np.zeros_like(arms))
    found = []
    for at, arm in enumerate(of.design.levels["arm_id"]):
        for kind, words in ((0, "planted"), (1, "nulls")):
            of_arm = (arms == at) & (null == kind)
            if not of_arm.any():
                continue
            where = f"{arm}, {words}"
            means = _by_organism(replicates[:, of_arm], organisms[of_arm])
            own = _by_organism(seen[None, of_arm], organisms[of_arm])
            found.append(_check(f"mean, {where}", own.mean(axis=1), means.mean(axis=1)))
            if own.shape[1] > 2:
                found.append(
                    _check(f"spread over organisms, {where}", own.std(axis=1), means.std(axis=1))
                )
    return tuple(found)


def _by_organism(values: NDArray[np.float64], organisms: NDArray[np.int32]) -> NDArray[np.float64]:
    import numpy as np

    names = np.unique(organisms)
    return np.stack([values[:, organisms == name].mean(axis=1) for name in names], axis=1)


def _check(name: str, seen: NDArray[np.float64], drawn: NDArray[np.float64]) -> Check:
    import numpy as np

    value = float(seen[0])
    above = float(np.mean(drawn > value) + np.mean(drawn == value) / 2)
    low, high = np.quantile(drawn, [0.05, 0.95])
    return Check(name, value, float(low), float(high), min(1.0, 2 * min(above, 1 - above)))
