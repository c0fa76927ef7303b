"""Whether one model shows something more often, tested by exchanging replies within each prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

__all__ = ["RATE", "Block", "effect", "exchange_p", "holding"]

RATE: Final = 0.1
"""False-discovery rate among the tested findings of one report."""


@dataclass(frozen=True)
class Block:
    """Replies to one prompt, counted.

    Attributes:
        n_shown: Replies of the claimed model that show the finding.
        n: Replies of the claimed model.
        other_shown: Replies of the other model that show it.
        other: Replies of the other model.
    """

    n_shown: int
    n: int
    other_shown: int
    other: int


def exchange_p(blocks: Sequence[Block]) -> float:
    """Returns the one-sided p-value that the claimed model shows the finding more often.

    Under the null the two models' replies to one prompt are exchangeable. The statistic is the
    number of the claimed model's replies that show the finding, over all prompts; of every way to
    hand the same replies out to the two models, prompt by prompt, the share is counted that gives
    as many or more. Nothing is drawn: the count is exact, whatever the order of replies.

    Source: Birch 1964, the exact test of several 2 × 2 tables given their margins (for one prompt
    Fisher's exact test, one-sided); it is the permutation test restricted to prompts.
    Differs: none.

    Args:
        blocks: One for each prompt. Prompts that only one model answered say nothing.

    Returns:
        In (0, 1]; NaN where no prompt has replies of both models.
    """
    compared = [block for block in blocks if block.n and block.other]
    if not compared:
        return math.nan
    ways = [1]
    for block in compared:
        ways = _convolved(ways, _ways(block))
    observed = sum(block.n_shown for block in compared)
    return float(Fraction(sum(ways[observed:]), sum(ways)))


def _ways(block: Block) -> list[int]:
    """By number of the claimed model's showing replies, the ways to hand the replies out."""
    shown = block.n_shown + block.other_shown
    hidden = block.n + block.other - shown
    return [math.comb(shown, k) * math.comb(hidden, block.n - k) for k in range(block.n + 1)]


def _convolved(first: Sequence[int], second: Sequence[int]) -> list[int]:
    total = [0] * (len(first) + len(second) - 1)
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            total[i + j] += one * other
    return total


def effect(blocks: Sequence[Block]) -> float:
    """Returns how much more often the claimed model shows the finding, -1 to 1.

    Args:
        blocks: One for each prompt.

    Returns:
        The difference of the two models' shares, averaged over prompts; NaN where no prompt has
        replies of both.
    """
    compared = [block for block in blocks if block.n and block.other]
    if not compared:
        return math.nan
    # Fractions, so that the order of prompts does not show in the last digit.
    total = sum(
        Fraction(one.n_shown, one.n) - Fraction(one.other_shown, one.other) for one in compared
    )
    return float(total / len(compared))


def holding(p_values: Sequence[float], rate: float = RATE) -> list[bool]:
    """Says which findings of one report hold, their false-discovery rate controlled.

    Source: Benjamini and Hochberg 1995, the step-up procedure.
    Differs: none. Findings that predict from the same prompts share their replies: their
    p-values are positively dependent, under which the procedure holds (Benjamini and Yekutieli
    2001).

    Args:
        p_values: One for each tested finding; finite.
        rate: The false-discovery rate.

    Returns:
        Whether each holds, in order; equal p-values share their answer.
    """
    n = len(p_values)
    passing = [p for place, p in enumerate(sorted(p_values), start=1) if p * n <= rate * place]
    largest = max(passing, default=-1.0)
    return [p <= largest for p in p_values]
