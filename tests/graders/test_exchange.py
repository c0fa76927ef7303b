"""The exact test against other ways to the same number, and the laws it owes."""

import itertools
import math
import random
from collections.abc import Sequence

import pytest
from scipy.stats import fisher_exact

from diffgauge.graders.exchange import RATE, Block, effect, exchange_p, holding

pytestmark = pytest.mark.unit

SOME = [Block(3, 4, 1, 4), Block(2, 3, 2, 3), Block(1, 2, 0, 3)]


def by_exchanging(blocks: Sequence[Block]) -> float:
    """The same p-value by going through every exchange of the replies themselves."""
    arrangements = []
    for block in blocks:
        shown = block.n_shown + block.other_shown
        replies = [1] * shown + [0] * (block.n + block.other - shown)
        arrangements.append([sum(c) for c in itertools.combinations(replies, block.n)])
    observed = sum(block.n_shown for block in blocks)
    sums = [sum(one) for one in itertools.product(*arrangements)]
    return sum(total >= observed for total in sums) / len(sums)


def test_it_is_the_permutation_test_within_prompts() -> None:
    assert exchange_p(SOME) == pytest.approx(by_exchanging(SOME), abs=1e-12)


@pytest.mark.parametrize("block", [Block(7, 20, 1, 20), Block(20, 20, 0, 20), Block(0, 5, 3, 4)])
def test_one_prompt_is_fishers_exact_test(block: Block) -> None:
    table = [
        [block.n_shown, block.n - block.n_shown],
        [block.other_shown, block.other - block.other_shown],
    ]
    assert exchange_p([block]) == pytest.approx(fisher_exact(table, "greater").pvalue, rel=1e-9)


def test_neither_order_nor_empty_prompts_matter() -> None:
    for blocks in itertools.permutations(SOME):
        assert exchange_p(blocks) == exchange_p(SOME)
    lone = Block(5, 5, 0, 0)
    assert exchange_p([*SOME, lone]) == exchange_p(SOME)
    assert effect([*SOME, lone]) == pytest.approx(effect(SOME))


def test_without_two_models_there_is_no_p_value() -> None:
    assert math.isnan(exchange_p([])) and math.isnan(effect([]))
    assert math.isnan(exchange_p([Block(1, 2, 0, 0)]))


def test_swapped_models_turn_the_effect_and_share_the_ties() -> None:
    swapped = [Block(one.other_shown, one.other, one.n_shown, one.n) for one in SOME]
    assert effect(swapped) == pytest.approx(-effect(SOME))
    # The two tails cover everything and overlap in the observed outcome.
    assert exchange_p(SOME) + exchange_p(swapped) > 1


def test_under_the_null_a_small_p_value_is_as_rare_as_it_says() -> None:
    draw = random.Random(0)

    def none() -> Block:
        share = draw.random()
        first, second = ([draw.random() < share for _ in range(20)] for _ in range(2))
        return Block(sum(first), 20, sum(second), 20)

    p_values = [exchange_p([none() for _ in range(3)]) for _ in range(1000)]
    for level in (0.05, 0.1, 0.3):
        # Three binomial standard errors of 1000 trials above the level.
        margin = 3 * math.sqrt(level * (1 - level) / 1000)
        assert sum(p <= level for p in p_values) / 1000 <= level + margin


def test_holding_is_the_published_procedure() -> None:
    # Benjamini and Hochberg 1995, section 3.1: of these 15 p-values the first 4 at a rate of .05.
    published = [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
        *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0),
    ]
    assert holding(published, 0.05) == [True] * 4 + [False] * 11
    mixed = published[::-1]
    assert holding(mixed, 0.05) == holding(published, 0.05)[::-1]


def test_one_finding_holds_at_the_rate_itself() -> None:
    assert holding([RATE]) == [True] and holding([0.101]) == [False] and holding([]) == []
    assert holding([0.08, 0.08, 0.9]) == [False] * 3, "two of three need two thirds of the rate"
    assert holding([0.06, 0.06, 0.9]) == [True, True, False]
