"""The headline's model fitted again with one thing changed, and beside simpler models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from diffgauge.stats.answers import Answer, Contrast, Engine, answer
from diffgauge.stats.diagnostics import diagnose, posterior_of
from diffgauge.stats.engines.fits import Sampling
from diffgauge.stats.features import Design
from diffgauge.stats.fit_progress import FitProgress
from diffgauge.stats.loo import Loo, leave_one_out

__all__ = ["Compared", "Refit", "compared", "n_refits", "refitted"]

_WIDENED: Final = (0.5, 2.0)
_FEWEST_ORGANISMS: Final = 3
_MOST_LEFT_OUT: Final = 40
_SLOPES: Final = ("organism", "arm_id")
_RUN: Final = "run"


@dataclass(frozen=True)
class Refit:
    """The headline's contrasts with one thing changed.

    Attributes:
        changed: What, in words.
        contrasts: As in `Answer`.
        reasons: Why it is not to be believed; empty where it is.
    """

    changed: str
    contrasts: tuple[Contrast, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Compared:
    """One model of the headline's rows, and how well it foretells them.

    Attributes:
        words: What it leaves out; ``as it is`` for the headline's own.
        loo: What it foretells of each run.
        reasons: Why its fit is not to be believed; empty where it is.
    """

    words: str
    loo: Loo
    reasons: tuple[str, ...]


def _left_out(of: Design) -> Sequence[str]:
    """Returns the organisms to leave out in turn: of two, one that is left says nothing."""
    organisms = of.levels["organism"]
    return organisms[:_MOST_LEFT_OUT] if len(organisms) >= _FEWEST_ORGANISMS else ()


def _simpler(of: Design) -> dict[str, Design]:
    """Returns designs whose models leave out one part, by what they leave out."""
    found = {}
    if _SLOPES in of.interactions and of.model != "claims":
        kept = tuple(pair for pair in of.interactions if pair != _SLOPES)
        found["without organism × arm"] = replace(of, interactions=kept)
    if _RUN in of.pooled:
        pooled = tuple(name for name in of.pooled if name != _RUN)
        found["without run effects"] = replace(of, pooled=pooled)
    return found


def n_refits(of: Design) -> int:
    """Returns how many fits `refitted` and `compared` make of a design."""
    return len(_WIDENED) + len(_left_out(of)) + len(_simpler(of))


def refitted(
    headline: Answer, engine: Engine, how: Sampling, progress: FitProgress
) -> tuple[Refit, ...]:
    """Refits the headline's model under other priors, and without each organism in turn.

    Args:
        headline: The answer.
        engine: What fits.
        how: How to sample.
        progress: Is told of each fit.
    """
    found = []
    for by in _WIDENED:
        words = f"priors' scales × {by:g}"
        progress.begin(words)
        found.append(_refit(words, headline, engine, replace(how, widened=by), None))
    for organism in _left_out(headline.design):
        words = f"without {organism}"
        progress.begin(words)
        found.append(_refit(words, headline, engine, how, organism))
    return tuple(found)


def _refit(
    words: str, headline: Answer, engine: Engine, how: Sampling, organism: str | None
) -> Refit:
    one = answer(headline.stratum, headline.outcome, engine, how, without=organism)
    return Refit(words, one.contrasts, one.diagnosis.reasons)


def compared(
    headline: Answer, engine: Engine, how: Sampling, progress: FitProgress
) -> tuple[Compared, ...]:
    """Holds the headline's model against those without organism × arm, and without run effects.

    Args: As in `refitted`.

    Returns:
        The headline's own first; empty where it has none of these parts.
    """
    simpler = _simpler(headline.design)
    if not simpler:
        return ()
    own = Compared("as it is", leave_one_out(headline.posterior), headline.diagnosis.reasons)
    found = [own]
    for words, of in simpler.items():
        progress.begin(words)
        fit = engine(of, how)
        found.append(Compared(words, leave_one_out(posterior_of(fit)), diagnose(fit).reasons))
    return tuple(found)
