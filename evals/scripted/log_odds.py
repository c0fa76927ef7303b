"""Which terms lean to one model's replies: log-odds with a prior. It ranks and proves nothing."""

import math
from collections.abc import Mapping

__all__ = ["PRIOR_SHARE", "log_odds"]

PRIOR_SHARE = 1 / 3
"""The prior's weight alpha_0 as a share of all occurrences counted. A third ranks a term that ten
replies of one model have and none of the other (2.3) well above one that eight and two have (1.4),
and passes over one that a single reply has (0.7), at any budget."""


def log_odds(
    first: Mapping[str, int], second: Mapping[str, int], *, prior_share: float = PRIOR_SHARE
) -> dict[str, float]:
    """Ranks terms by how far they lean to the first of two groups of replies.

    Args:
        first: Replies of the first group that have each term (a reply counts once).
        second: Likewise, of the second group.
        prior_share: Total weight of the prior over the number of occurrences counted.

    Returns:
        For every term in either group the standardised log-odds ratio; positive leans to the
        first. Empty when nothing was counted.

    Source:
        Monroe, Colaresi & Quinn 2008, "Fightin' Words", eq. 15-22.
    Differs:
        Replies with the term are counted in place of words, and the informative prior is the two
        groups pooled, since no other corpus is known here; its weight alpha_0 grows with them.
    """
    total_first, total_second = sum(first.values()), sum(second.values())
    total = total_first + total_second
    alpha_0 = prior_share * total
    scores: dict[str, float] = {}
    for term in sorted({*first, *second}):
        in_first, in_second = first.get(term, 0), second.get(term, 0)
        prior = alpha_0 * (in_first + in_second) / total
        a, b = in_first + prior, in_second + prior
        rest_a = max(total_first + alpha_0 - a, prior)
        rest_b = max(total_second + alpha_0 - b, prior)
        ratio = math.log(a / rest_a) - math.log(b / rest_b)
        scores[term] = ratio / math.sqrt(1 / a + 1 / b)
    return scores
