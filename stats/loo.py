"""How well a model foretells a run it has not seen: leave-one-out from the draws of one fit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from diffgauge.stats.responses import Posterior, row_logits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Draws = NDArray[np.float64]

__all__ = ["Loo", "difference", "leave_one_out", "pareto_smoothed", "run_log_likelihood"]

_NODES: Final = 21
_MOST_DRAWS: Final = 2000
_FEWEST_IN_TAIL: Final = 5
_PRIOR_K: Final = 0.5
_PRIOR_WEIGHT: Final = 10
_MOST_K: Final = 0.7


@dataclass(frozen=True)
class Loo:
    """What a model foretells of each run from all others.

    Attributes:
        elpd: Expected log predictive density of each run, shape ``n_runs``.
        k: Pareto shape of each run's importance ratios, shape ``n_runs``.
        organisms: The organism of each run, by its place, shape ``n_runs``.
        most_k: The largest shape with which a run's figure can be relied on.
    """

    elpd: Draws
    k: Draws
    organisms: NDArray[np.int32]
    most_k: float

    @property
    def n_high(self) -> int:
        """Runs whose figure cannot be relied on."""
        return int((self.k > self.most_k).sum())


def leave_one_out(of: Posterior) -> Loo:
    """Returns what a model foretells of each run.

    Source: Vehtari, Gelman and Gabry 2017; Vehtari, Simpson, Gelman, Yao and Gabry 2024 (PSIS).
    Differs: a unit is a run, all its grades together, with run effects integrated out; the length
    of the tail takes draws for independent; at most 2,000 draws are used.
    """
    import numpy as np

    features = of.design.features
    _, first = np.unique(features["run_index"], return_index=True)
    likelihood = run_log_likelihood(of)
    elpd, k = np.empty(likelihood.shape[1]), np.empty(likelihood.shape[1])
    for at, column in enumerate(likelihood.T):
        weights, k[at] = pareto_smoothed(-column)
        elpd[at] = _log_sum(weights + column)
    most = min(1 - 1 / math.log10(len(likelihood)), _MOST_K)
    return Loo(elpd, k, features["organism_index"][first], most)


def run_log_likelihood(of: Posterior) -> Draws:
    """Returns the log-likelihood of each run's outcomes, shape ``draws n_runs``.

    A run effect is integrated out by Gauss–Hermite nodes: given a run's own effect, estimated from
    its own grades, its grades would be foretold by themselves.
    """
    import numpy as np
    from scipy.special import logsumexp

    step = max(1, math.ceil(of.n_draws / _MOST_DRAWS))
    part = Posterior(of.design, {name: held[::step] for name, held in of.draws.items()})
    features = of.design.features
    order = np.argsort(features["run_index"], kind="stable")
    eta, seen = row_logits(part)[:, order], features["obs"][order]
    _, starts = np.unique(features["run_index"][order], return_index=True)

    def of_runs(eta: Draws) -> Draws:
        made: Draws = np.add.reduceat(_of_rows(part, eta, seen), starts, axis=1)
        return made

    spread = part.spread("run", False)
    if isinstance(spread, float):
        return of_runs(eta)
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    shares = np.log(weights) - math.log(2 * math.pi) / 2
    parts = [
        share + of_runs(eta + spread[:, None] * node)
        for node, share in zip(nodes, shares, strict=True)
    ]
    made: Draws = logsumexp(parts, axis=0)
    return made


def _of_rows(of: Posterior, eta: Draws, seen: NDArray[np.int32]) -> Draws:
    """Returns the log-probability of each row's outcome, shape ``draws n_rows``."""
    import numpy as np
    from scipy.special import log_expit

    if not of.design.values:
        signs = 2 * seen - 1
        binary: Draws = log_expit(signs * (eta + of.draws["intercept"][:, None]))
        return binary
    cuts = of.draws["cuts"]
    edges = np.concatenate(
        [np.full((len(cuts), 1), -np.inf), cuts, np.full((len(cuts), 1), np.inf)], axis=1
    )
    low, high = edges[:, seen] - eta, edges[:, seen + 1] - eta
    # σ(high) − σ(low) = σ(high)·σ(−low)·(1 − e^(low − high)), finite where both round to 1.
    made: Draws = log_expit(high) + log_expit(-low) + np.log(-np.expm1(low - high))
    return made


def pareto_smoothed(log_ratios: Draws) -> tuple[Draws, float]:
    """Returns normalised log-weights whose largest are smoothed, and the tail's Pareto shape.

    Source: Vehtari et al. 2024, algorithm 1; the shape by Zhang and Stephens 2009 with the weak
    prior there.
    Differs: none.

    Args:
        log_ratios: Of importance, shape ``draws``.

    Returns:
        The logarithms of weights that sum to 1, and the shape: infinite where the tail is too
        short or too flat to tell.
    """
    import numpy as np

    held = log_ratios - log_ratios.max()
    n_tail = math.ceil(min(len(held) / 5, 3 * math.sqrt(len(held))))
    order = np.argsort(held, kind="stable")
    tail = order[-n_tail:]
    cut = held[order[-n_tail - 1]]
    excess = np.exp(held[tail]) - math.exp(cut)
    k = math.inf
    if n_tail >= _FEWEST_IN_TAIL and excess[0] < excess[-1] and excess[n_tail // 4] > 0:
        k, scale = _pareto(excess)
        at = (np.arange(n_tail) + 0.5) / n_tail
        quantiles = -np.log1p(-at) if k == 0 else np.expm1(-k * np.log1p(-at)) / k
        smooth = np.log(scale * quantiles + math.exp(cut))
        held[tail] = np.minimum(smooth, 0.0)
    return held - _log_sum(held), k


def _pareto(excess: Draws) -> tuple[float, float]:
    """Returns shape and scale of a generalised Pareto distribution, excesses increasing."""
    import numpy as np

    n = len(excess)
    n_guesses = 30 + int(math.sqrt(n))
    quarter = excess[int(n / 4 + 0.5) - 1]
    guesses = 1 - np.sqrt(n_guesses / (np.arange(1, n_guesses + 1) - 0.5))
    guesses = guesses / (3 * quarter) + 1 / excess[-1]
    shapes = np.log1p(-guesses[:, None] * excess).mean(axis=1)
    fits = n * (np.log(-guesses / shapes) - shapes - 1)
    weights = np.exp(fits - _log_sum(fits))
    guess = float(weights @ guesses)
    k = float(np.log1p(-guess * excess).mean())
    scale = -k / guess
    return (k * n + _PRIOR_WEIGHT * _PRIOR_K) / (n + _PRIOR_WEIGHT), scale


def _log_sum(held: Draws) -> float:
    from scipy.special import logsumexp

    return float(logsumexp(held))


def difference(one: Loo, other: Loo) -> tuple[float, float]:
    """Returns by how much `one` foretells the same runs better, and the standard error.

    Source: Vehtari, Gelman and Gabry 2017, section 5.
    Differs: the error is over organisms, whose runs are no independent observations; NaN with
    fewer than two.
    """
    import numpy as np

    gaps = one.elpd - other.elpd
    sums = np.bincount(one.organisms, weights=gaps)
    n = len(sums)
    error = math.sqrt(n * np.var(sums, ddof=1)) if n > 1 else math.nan
    return float(gaps.sum()), error
