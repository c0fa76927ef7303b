"""From evidence to probabilities, by fixed and monotone rules.

Reply evidence. A p-value p becomes an e-value, `kappa * p ** (kappa - 1)`: a bet whose expected
value under the null is 1, so e-values of one stage average and those of stages multiply (each
stage's prompts and terms were fixed before its replies were seen). With even prior odds the
product is the odds that the models differ.

Signal evidence. A method's artifact is a fact about the weights, not a sample of replies: a
difference of exactly zero everywhere, one that stays at its own noise floor, or one above it
moves the log-odds by a fixed amount.

Source:
    e-values from p-values: Vovk & Wang 2021, eq. 1; Sellke, Bayarri & Berger 2001, section 3
    (the same family of alternatives).
Differs:
    none in the rule; kappa is fixed here rather than maximised over, which would be a bound on
    the evidence and no bet.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diffgauge.evals.scripted.evidence import Seen
from diffgauge.records.results import Latents, RankedStrings, RankedTokens, Result, Scalar, Scalars

__all__ = [
    "KIN_FROM",
    "Signal",
    "combined",
    "e_value",
    "narrow_log_odds",
    "probability",
    "signal_of",
]

KAPPA = 1 / 3
"""Exponent of the bet. At p = 1 it pays 1/3, at 0.2 about 1, at 0.01 about 7, at 0.001 about 33:
"nothing seen" on a few prompts speaks against a difference, but mildly."""

LOWEST, HIGHEST = 0.02, 0.98
"""Probabilities are kept in this range: a fixed policy has no ground for more."""

_EXACTLY_ZERO, _AT_FLOOR, _ABOVE_FLOOR = -5.0, -2.0, 3.5
"""Log-odds of a signal that is exactly nothing, at its floor, or above it. Weights that differ
above the floor differ somewhere in what they say, though a few replies need not show it."""

_STANDARD_ERRORS = 2.0

KIN_FROM = 0.45
"""Kinship from which terms count as belonging together: about one more of them in every second
reply. On the zoo's dev split, benign finetunes reached 0.33, narrow documents 0.62 to 2.4."""

_KINDRED, _UNRELATED = 3.0, -0.5
"""Log-odds of a narrow change where a method's terms belong together, and where they do not."""


@dataclass(frozen=True)
class Signal:
    """What a method's results say about whether there is anything at all.

    Attributes:
        verdict: ``none`` (no method result), ``zero`` (every contrast is exactly nothing),
            ``floor`` (numbers with a floor do not rise above it), ``above``, or ``unclear``
            (contrasts, but nothing that has a floor).
        n_above: Numbers above their floor by more than 2 standard errors.
        n_floored: Numbers that have a floor.
    """

    verdict: str
    n_above: int = 0
    n_floored: int = 0

    @property
    def log_odds(self) -> float:
        """What the verdict adds to the log-odds that the models differ."""
        return {"zero": _EXACTLY_ZERO, "floor": _AT_FLOOR, "above": _ABOVE_FLOOR}.get(
            self.verdict, 0.0
        )


def e_value(p_value: float) -> float:
    """Turns a p-value into a bet against the null; 1 (no bet) when there is none (NaN)."""
    if math.isnan(p_value):
        return 1.0
    return float(KAPPA * p_value ** (KAPPA - 1))


def combined(p_values: Sequence[float]) -> float:
    """Averages the bets of tests on the same replies; 1 when none could be made."""
    bets = [e_value(p_value) for p_value in p_values if not math.isnan(p_value)]
    return sum(bets) / len(bets) if bets else 1.0


def probability(log_odds: float) -> float:
    """Turns log-odds into a probability within the range this policy allows itself."""
    return min(HIGHEST, max(LOWEST, 1 / (1 + math.exp(-max(-50.0, min(50.0, log_odds))))))


def narrow_log_odds(signal: Signal, kin: Iterable[float]) -> float:
    """What a method's results add to the log-odds that a narrow change was trained in.

    Args:
        signal: Whether there is anything; nothing at all cannot be narrow either.
        kin: How far the terms shown for each model belong together; NaN where not known.

    Returns:
        The verdict's own log-odds where nothing stands above its floor; otherwise a fixed amount
        for terms that belong together, a smaller one against where they do not, and 0 where
        that is not known. Terms that do not belong together say little: a change of manner
        need not show in a list of words at all.
    """
    if signal.verdict in ("zero", "floor"):
        return signal.log_odds
    known = [value for value in kin if not math.isnan(value)]
    if not known:
        return 0.0
    return _KINDRED if max(known) >= KIN_FROM else _UNRELATED


def signal_of(seen: Iterable[Seen]) -> Signal:
    """Reads whether a method saw anything, by result kind.

    Args:
        seen: Typed results; plain and steered replies do not count here.

    Returns:
        The verdict. Results without a contrast are references and say nothing about it.
    """
    results = [entry.result for entry in seen]
    scalars = [
        scalar
        for result in results
        if isinstance(result, Scalars)
        for scalar in result.items
        if scalar.value is not None and scalar.floor is not None
    ]
    sizes = [abs(scalar.value or 0.0) for scalar in scalars]
    sizes += [size for size in map(_contrast_size, results) if size is not None]
    n_floored = len(scalars)
    n_above = sum(map(_is_above, scalars))
    if not sizes:
        return Signal("none")
    if max(sizes) == 0.0:
        return Signal("zero", 0, n_floored)
    if n_floored == 0:
        return Signal("unclear")
    return Signal("above" if n_above else "floor", n_above, n_floored)


def _is_above(scalar: Scalar) -> bool:
    margin = _STANDARD_ERRORS * (scalar.stderr or 0.0)
    return abs(scalar.value or 0.0) - margin > abs(scalar.floor or 0.0)


def _contrast_size(result: Result) -> float | None:
    """The largest score of a contrasting list; None for anything else."""
    if result.contrast.toward is None or result.contrast.away_from is None:
        return None
    if isinstance(result, RankedTokens | RankedStrings):
        return max((abs(item.score) for item in result.items), default=0.0)
    return float(len(result.items)) if isinstance(result, Latents) else None
