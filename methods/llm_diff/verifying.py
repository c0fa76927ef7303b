"""A claim about one model, tested on replies to held-out prompts: verdicts by words and styles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from diffgauge.records.counted import STYLES, style, words
from diffgauge.records.lexicon import STOP_WORDS

__all__ = ["LEVEL", "Tested", "counted", "fits"]

LEVEL: Final = 0.9
"""Of all intervals."""

_NO_CONTENT: Final = frozenset({"says", "has", "model"})
_LONGER: Final = "longer"

Fits = Literal["own", "other", "neither"]
Bounds = tuple[float, float]


@dataclass(frozen=True)
class Tested:
    """What verdicts on n independent prompts come to; NaN where undefined.

    Attributes:
        n: Prompts.
        accuracy: Of decided prompts, the share for the claim.
        accuracy_bounds: Exact interval.
        frequency: Share of prompts that were decided.
        frequency_bounds: Exact interval.
        effect: Share of prompts for the claim less share against it.
        effect_bounds: Conservative: both shares hold in their exact intervals together.
        p_value: One-sided sign test over decided prompts; 1 where none was.
    """

    n: int
    accuracy: float
    accuracy_bounds: Bounds
    frequency: float
    frequency_bounds: Bounds
    effect: float
    effect_bounds: Bounds
    p_value: float


def fits(claim: str, prompt: str, own: str, other: str) -> Fits:
    """Returns which of two replies a claim fits better.

    The reply with more of the claim's content words, those of the prompt left out; else the one
    with more of the first style that the claim names; else neither. It knows no synonyms and
    no denials.

    Args:
        claim: What a model is said to do.
        prompt: What both replies answer.
        own: Reply of the model that it is said of.
        other: The other model's.
    """
    content = set(words(claim)) - STOP_WORDS - _NO_CONTENT - set(words(prompt))
    named = [name for name in STYLES if name in claim.casefold()]
    if _LONGER in claim.casefold():
        named.append("words")
    leads: list[float] = [len(content & set(words(own))) - len(content & set(words(other)))]
    leads += [style(name, own) - style(name, other) for name in named]
    lead = next((one for one in leads if one), 0.0)
    return "own" if lead > 0 else "other" if lead < 0 else "neither"


def counted(verdicts: Sequence[Fits]) -> Tested:
    """Counts verdicts, one for each prompt.

    Source: Clopper & Pearson 1934 (exact intervals); the sign test. Shares as of arXiv 2602.10371.
    Differs: undecided prompts stand outside accuracy; it is NaN where none was decided.
    """
    from scipy.stats import binomtest

    n, n_own, n_other = len(verdicts), verdicts.count("own"), verdicts.count("other")
    decided = n_own + n_other
    # Two intervals at half of the error each hold together at the level.
    own_low, own_high = _exact(n_own, n, (1 + LEVEL) / 2)
    other_low, other_high = _exact(n_other, n, (1 + LEVEL) / 2)
    return Tested(
        n=n,
        accuracy=n_own / decided if decided else math.nan,
        accuracy_bounds=_exact(n_own, decided, LEVEL),
        frequency=decided / n,
        frequency_bounds=_exact(decided, n, LEVEL),
        effect=(n_own - n_other) / n,
        effect_bounds=(own_low - other_high, own_high - other_low),
        p_value=binomtest(n_own, decided, 0.5, "greater").pvalue if decided else 1.0,
    )


def _exact(k: int, n: int, level: float) -> Bounds:
    from scipy.stats import binomtest

    if not n:
        return math.nan, math.nan
    found = binomtest(k, n).proportion_ci(level, "exact")
    return float(found.low), float(found.high)
