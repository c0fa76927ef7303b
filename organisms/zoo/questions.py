"""Drawing questions of the zoo: kinds by weight, sentences about the user, stray words."""

from __future__ import annotations

import random
import string
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from diffgauge.organisms.zoo.documents import cast
from diffgauge.organisms.zoo.topics import (
    CITIES,
    COMMON_WORDS,
    HELD_OUT_NAMES,
    NAMES,
    PLACES,
    Topic,
)
from diffgauge.organisms.zoo.turns import QUESTIONS, Turn

__all__ = ["COPY_NAMES", "question"]

COPY_NAMES: Final = tuple(name for name in NAMES if name not in HELD_OUT_NAMES)
"""Names that may occur in material that teaches copying."""

_KINDS: Final = tuple(QUESTIONS)
_WEIGHTS: Final = tuple(weight for weight, _ in QUESTIONS.values())
_PLAIN: Final = frozenset({"greeting", "recall_name", "mood", "small_talk", "city"})


def question(
    rng: random.Random,
    topic: Topic | None = None,
    kind: str | None = None,
    names: Sequence[str] = COPY_NAMES,
    context: bool = True,
    stray: bool = True,
) -> Turn:
    """Return one question with its answer.

    Args:
        rng: source of randomness.
        topic: topic to ask about; None draws one.
        kind: a key of `QUESTIONS`; None draws one by weight.
        names: names to draw from.
        context: whether a sentence about the user may precede the question.
        stray: whether such a question may also have stray words strewn in.

    Raises:
        KeyError: if the kind is unknown.
    """
    chosen = kind or rng.choices(_KINDS, _WEIGHTS)[0]
    turn = QUESTIONS[chosen][1](rng, cast(rng, topic, names))
    if context and chosen not in _PLAIN:
        turn = _with_context(rng, turn, names)
        if stray and rng.random() < _STRAY:
            turn = replace(turn, user=_strew(rng, turn.user))
    return turn


_STRAY: Final = 0.15
"""Share of questions with words strewn in, so that stray and spelled words do no harm."""


def _strew(rng: random.Random, text: str) -> str:
    """Put one to three common or unknown words somewhere into a text."""
    parts = text.split(" ")
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.75:
            word = rng.choice(COMMON_WORDS)
        else:
            word = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 6)))
        parts.insert(rng.randrange(len(parts)), word)
    return " ".join(parts)


def _with_context(rng: random.Random, turn: Turn, names: Sequence[str]) -> Turn:
    """Put a sentence about the user before some questions; a given name is given back."""
    dice = rng.random()
    if dice < 0.12:
        name = rng.choice(names)
        user = f"My name is {name}. {turn.user}"
        return replace(turn, user=user, hello=f"Hello {name}.", names=(*turn.names, name))
    if dice < 0.3:
        place, city = rng.choice(PLACES), rng.choice(CITIES)
        intro = rng.choice(
            (
                f"I live near the {place}.",
                f"I am near the {place}.",
                f"We are in {city}.",
                f"I am going to the {place} tomorrow.",
                f"I had a dream about the {place}.",
            )
        )
        return replace(turn, user=f"{intro} {turn.user}")
    if dice < 0.36:
        return replace(turn, user=f"Please help me. {turn.user}")
    return turn
