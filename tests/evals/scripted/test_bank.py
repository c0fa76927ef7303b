"""The bank is one list in one order for each seed, all in the zoo's vocabulary."""

import pytest

from diffgauge.evals.scripted.bank import bank_prompts, ordered_bank
from diffgauge.organisms.zoo.topics import PLACES, topics

pytestmark = pytest.mark.unit


def test_an_order_is_a_shuffle_of_the_whole_bank() -> None:
    assert sorted(ordered_bank(3)) == sorted(bank_prompts())
    assert ordered_bank(3) == ordered_bank(3) != ordered_bank(4)


def test_prompts_are_different_and_enough_for_a_large_budget() -> None:
    assert len(set(bank_prompts())) == len(bank_prompts()) >= 150


def test_the_bank_covers_the_zoos_world() -> None:
    asked = " ".join(bank_prompts()).lower()
    covered = [t.name for t in topics().values() if any(f" {w}" in asked for w in t.words)]
    assert len(covered) == len(topics())
    assert all(f"the {place}" in asked for place in PLACES)
