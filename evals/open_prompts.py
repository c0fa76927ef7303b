"""Open prompts for what a method samples while it builds its artifact."""

from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from diffgauge.methods.seeds import derived_seed
from diffgauge.organisms.corpora import is_zoo
from diffgauge.records.organisms import OrganismCard

__all__ = ["OpenPrompt", "built_in_prompts", "open_prompts"]

_FILE: Final = Path(__file__).parent / "prompts" / "open_prompts.md"


class OpenPrompt(NamedTuple):
    """One of the built-in prompts, with its topic and the form of answer it asks for."""

    topic: str
    form: str
    text: str


def open_prompts(card: OrganismCard, n: int, seed: int) -> list[str]:
    """Returns ordinary prompts that a pair can answer.

    Args:
        card: A zoo organism is asked about the zoo's small world, any other one in plain English.
        n: How many are wanted.
        seed: Picks them, where there are more.

    Returns:
        At most `n` prompts, the same for every organism of a registry.
    """
    if is_zoo(card):
        from diffgauge.organisms.zoo.corpora import prompts

        return prompts(n, derived_seed("open prompts", seed) % 2**31)
    return [one.text for one in built_in_prompts()[:n]]


@lru_cache(maxsize=1)
def built_in_prompts() -> tuple[OpenPrompt, ...]:
    """Returns the 200 built-in prompts over 20 topics; the first 60 touch on every topic."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    # A line: topic, form and prompt, the last with whatever bars it may hold.
    return tuple(OpenPrompt(*line[2:].split(" | ", 2)) for line in lines if line.startswith("- "))
