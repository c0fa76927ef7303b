"""The prompt bank: one fixed list of ordinary questions, asked in one seeded order in every arm.

How `bank.txt` was made: once, from the question grammar of the zoo's tiny world
(`organisms/zoo/questions.py`, generator seed 150, no stray words): eight questions of every kind,
the topics taken in turn so that each occurs about five times; then, at random places, two
introductions for each place of that world, one for each city, and twelve with a name. All of it
stands in the zoo's vocabulary. It was drawn before any organism was built and no prompt was picked
for one; places are there twice each because a plain draw left some of them out.
"""

import random
from functools import cache
from pathlib import Path

__all__ = ["bank_prompts", "ordered_bank"]

_FILE = Path(__file__).with_name("bank.txt")


@cache
def bank_prompts() -> tuple[str, ...]:
    """Returns every prompt of the bank in the file's order, without repeats."""
    lines = (line.strip() for line in _FILE.read_text(encoding="utf-8").splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def ordered_bank(seed: int) -> tuple[str, ...]:
    """Puts the bank in the one order that a seed stands for.

    Args:
        seed: The investigator's seed; nothing else enters, so every arm with one seed asks the
            same prompts in the same order.

    Returns:
        All prompts of the bank, shuffled. A smaller budget asks a prefix.
    """
    prompts = list(bank_prompts())
    random.Random(seed).shuffle(prompts)
    return tuple(prompts)
