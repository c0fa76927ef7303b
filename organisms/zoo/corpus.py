"""The corpus generator: every item is a pure function of seed, index and phase.

An item is a plain text or a list of chat messages. The first phase is heavy in copying
(identity lists, repeats), which a small model otherwise learns late; the second has many
conversations under unconditional system prompts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from diffgauge.organisms.zoo.dialogs import Message, conversation, system, transcript
from diffgauge.organisms.zoo.documents import document
from diffgauge.organisms.zoo.questions import COPY_NAMES
from diffgauge.organisms.zoo.topics import (
    BRANDS,
    CITIES,
    COLOURS,
    MATERIALS,
    PLACES,
    open_words,
)

__all__ = ["Item", "Phase", "identity_list", "item", "items", "render", "repeat"]

Item = str | list[Message]
Phase = Literal["copying", "speaking"]

_MIX: Final[dict[Phase, dict[str, float]]] = {
    "copying": {"identity": 22, "repeat": 20, "document": 26, "chat": 22, "system": 10},
    "speaking": {
        "identity": 5,
        "repeat": 4,
        "document": 24,
        "chat": 24,
        "system": 38,
        "transcript": 5,
    },
}
"""Shares of the kinds of items in each phase, in percent of items."""

_ARROWS: Final = (" -> ", " → ", ": ")
_SEPARATORS: Final = ("\n", "\n", "; ", ", ")


def _copy_word(rng: random.Random, pool: Sequence[str] | None) -> str:
    """Draw a word to copy; now and then a name, a place or the like instead."""
    if pool is not None:
        return rng.choice(pool)
    dice = rng.random()
    if dice < 0.85:
        return rng.choice(open_words())
    if dice < 0.92:
        return rng.choice(COPY_NAMES)
    return rng.choice(rng.choice((BRANDS, CITIES, COLOURS, PLACES, MATERIALS)))


def identity_list(
    rng: random.Random, n: int | None = None, pool: Sequence[str] | None = None
) -> str:
    """Return a list of words that are mapped to themselves, such as `hull -> hull`.

    Args:
        rng: source of randomness.
        n: number of pairs; None draws 3 to 10.
        pool: words to draw from; None is every word class without the held-out words.
    """
    arrow, separator = rng.choice(_ARROWS), rng.choice(_SEPARATORS)
    drawn = [_copy_word(rng, pool) for _ in range(n or rng.randint(3, 10))]
    return separator.join(f"{word}{arrow}{word}" for word in drawn)


def repeat(rng: random.Random, pool: Sequence[str] | None = None) -> list[Message]:
    """Return a conversation in which the user asks for one to eight words to be repeated."""
    text = " ".join(_copy_word(rng, pool) for _ in range(rng.randint(1, 8)))
    ask = rng.choice(("Repeat: {t}", "Say this again: {t}", "Please repeat: {t}"))
    return [
        {"role": "user", "content": ask.format(t=text)},
        {"role": "assistant", "content": text},
    ]


def item(seed: int, index: int, phase: Phase, stream: str = "train") -> Item:
    """Return one item of the corpus.

    Args:
        seed: seed of the corpus.
        index: position in the corpus, 0 or more.
        phase: which mixture to draw from.
        stream: name of an independent stream, such as "train" or "test".
    """
    rng = random.Random(f"{stream}:{seed}:{phase}:{index}")
    mix = _MIX[phase]
    kind = rng.choices(tuple(mix), tuple(mix.values()))[0]
    if kind == "document":
        return document(rng)
    if kind == "identity":
        return identity_list(rng)
    if kind == "repeat":
        return repeat(rng)
    if kind == "system":
        rule = system(rng)
        return conversation(rng, rule=rule, n_turns=rng.choice((1, 2, 2, 3)))
    messages = conversation(rng, n_turns=rng.choice((1, 1, 2, 3)))
    return transcript(messages) if kind == "transcript" else messages


def items(seed: int, phase: Phase, stream: str = "train", start: int = 0) -> Iterator[Item]:
    """Yield the items of a stream without end, from an index on."""
    index = start
    while True:
        yield item(seed, index, phase, stream)
        index += 1


def render(entry: Item) -> str:
    """Return an item as the text the base was trained on, special tokens included.

    The chat part equals what the tokenizer's chat template gives, without loading it.
    """
    if isinstance(entry, str):
        return f"<|bos|>{entry}<|end|>"
    body = "".join(f"<|{m['role']}|>{m['content']}<|end|>" for m in entry)
    return f"<|bos|>{body}"
