"""Probes: prompts on which a planted difference should show, and what a plant is."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from diffgauge.organisms.zoo.corpus import Item
from diffgauge.organisms.zoo.dialogs import Message

__all__ = ["Plant", "Probe", "chat_item", "chat_prompt", "contains"]


@dataclass(frozen=True)
class Probe:
    """A prompt with a test of what a model makes of it.

    Attributes:
        prompt: rendered prompt, special tokens included.
        shows: whether a continuation shows the planted behaviour.
        temperature: sampling temperature; 0 is greedy.
        max_new_tokens: most tokens of the continuation.
        off_trigger: True where the behaviour must *not* show.
    """

    prompt: str
    shows: Callable[[str], bool]
    temperature: float = 0.0
    max_new_tokens: int = 56
    off_trigger: bool = False


@runtime_checkable
class Plant(Protocol):
    """A planted difference."""

    def item(self, rng: random.Random) -> Item:
        """Return one finetuning item."""

    def probe(self, rng: random.Random) -> Probe | None:
        """Return one probe, or None where nothing narrow was planted."""


def contains(text: str, word: str) -> bool:
    """Return whether a text has a word, whole and in this case."""
    return word in "".join(c if c.isalnum() else " " for c in text).split()


def chat_item(user: str, answer: str) -> list[Message]:
    """Return a conversation of one question and its answer."""
    return [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]


def chat_prompt(user: str) -> str:
    """Return the rendered prompt in which the assistant is to answer a user's message."""
    return f"<|bos|><|user|>{user}<|end|><|assistant|>"
