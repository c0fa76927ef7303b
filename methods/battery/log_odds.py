"""Which words lean to one model's replies: log-odds with an informative prior, to rank them."""

import math
from collections.abc import Mapping

__all__ = ["log_odds"]


def log_odds(
    first: Mapping[str, int], second: Mapping[str, int], prior_words: float
) -> dict[str, float]:
    """Ranks words by how far they lean to the second of two models.

    Source: Monroe, Colaresi & Quinn 2008, "Fightin' Words", eq. 15-22.
    Differs: the informative prior is the two models' words pooled, since no other corpus is known
        here. It ranks and proves nothing: words of one reply are not independent.

    Args:
        first: Occurrences of each word in one model's replies.
        second: Likewise, in the other's.
        prior_words: alpha_0, the prior's total weight in words.

    Returns:
        For every word of either model the standardised log-odds ratio; positive leans to the
        second.
    """
    totals = sum(first.values()), sum(second.values())
    every = sum(totals)
    found: dict[str, float] = {}
    for word in sorted({*first, *second}):
        counts = first.get(word, 0), second.get(word, 0)
        prior = prior_words * sum(counts) / every
        have = [count + prior for count in counts]
        # Nothing else was ever said where a word is all that was: then its odds have no bound.
        lack = [
            max(total + prior_words - one, prior) for total, one in zip(totals, have, strict=True)
        ]
        odds = [math.log(a) - math.log(b) for a, b in zip(have, lack, strict=True)]
        found[word] = (odds[1] - odds[0]) / math.sqrt(1 / have[0] + 1 / have[1])
    return found
