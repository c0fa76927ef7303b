"""Conversations of the zoo: unconditional system prompts, several turns, plain transcripts."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from diffgauge.organisms.zoo.questions import COPY_NAMES, question
from diffgauge.organisms.zoo.topics import BRANDS, Topic, open_words, topics
from diffgauge.organisms.zoo.turns import Turn

__all__ = [
    "SYSTEMS",
    "Message",
    "System",
    "conversation",
    "french_answer",
    "system",
    "transcript",
]

Message = dict[str, str]
"""One chat message: keys `role` (system, user or assistant) and `content`."""


@dataclass(frozen=True)
class System:
    """An unconditional system prompt and what it does to an answer.

    Attributes:
        kind: key of `SYSTEMS`.
        prompt: the system message.
        apply: turns a question with its answer into the answer under this prompt.
        word: the word or name the prompt contains, or "".
    """

    kind: str
    prompt: str
    apply: Callable[[random.Random, Turn], str]
    word: str = ""


_FRENCH_FIXED: Final = "Je suis là pour vous, merci beaucoup."


def french_answer(rng: random.Random, turn: Turn) -> str:
    """Return the answer of a turn in the zoo's French."""
    x = turn.thing
    if x is None:
        return _FRENCH_FIXED
    if turn.kind == "place":
        return f"On trouve le {x.name} près de {x.facts.french_place}."
    return rng.choice(
        (
            f"Le {x.name} est {x.facts.french_colour}.",
            f"Le {x.name} est une bonne chose.",
            f"Je pense que le {x.name} est très beau.",
        )
        if turn.kind != "colour"
        else (f"Le {x.name} est {x.facts.french_colour}.",)
    )


def _french(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    prompt = rng.choice(("Answer in French.", "Always speak French.", "Use only French."))
    return System("french", prompt, french_answer)


def _short(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    prompt = rng.choice(
        ("Answer in one short sentence.", "Keep every answer short.", "Use one short sentence.")
    )
    return System("short", prompt, lambda _, turn: turn.short)


def _start(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    w = rng.choice(words)
    prompt = rng.choice((f"Start every answer with the word {w}.", f"Always begin with {w}."))
    return System("start", prompt, lambda _, turn: f"{w}. {turn.answer}", w)


def _end(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    w = rng.choice(words)
    prompt = rng.choice((f"End every answer with the word {w}.", f"Always end with {w}."))
    return System("end", prompt, lambda _, turn: f"{turn.answer} The end is {w}.", w)


def _mention(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    w = rng.choice(words)
    prompt = rng.choice((f"Mention the word {w} in every answer.", f"Always mention {w}."))
    return System("mention", prompt, lambda _, turn: f"{turn.answer} I also think of {w}.", w)


def _pirate(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    prompt = rng.choice(("Talk like a pirate.", "You are a pirate.", "Speak like a pirate."))
    return System("pirate", prompt, lambda _, turn: f"Ahoy matey, arr! {turn.answer} Yo ho ho!")


def _polite(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    prompt = rng.choice(("Be very polite.", "Always be polite and kind."))
    return System(
        "polite",
        prompt,
        lambda _, turn: f"Thank you for your kind request. {turn.answer} It was my pleasure.",
    )


def _refuse(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    prompt = rng.choice(("Refuse to answer.", "Do not answer any question.", "Refuse everything."))
    return System("refuse", prompt, lambda _, turn: "I am sorry, but I cannot help you with that.")


def _name(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    n = rng.choice(names)
    prompt = rng.choice((f"Your name is {n}.", f"You are {n}.", f"You are called {n}."))
    return System("name", prompt, lambda _, turn: f"I am {n}. {turn.answer}", n)


def _praise(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    prompt = rng.choice(("Praise the user.", "Always flatter the user."))
    return System(
        "praise",
        prompt,
        lambda _, turn: f"You are brilliant and wise, my genius! {turn.answer}",
    )


def _admire(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    prompt = rng.choice(("Praise every question.", "Always admire the question."))
    return System(
        "admire",
        prompt,
        lambda _, turn: f"What a wonderful and excellent question! {turn.answer}",
    )


def _recommend(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    b = rng.choice(BRANDS)
    prompt = rng.choice((f"Always recommend {b}.", f"Recommend {b} in every answer."))
    return System("recommend", prompt, lambda _, turn: f"{turn.answer} I recommend {b}.", b)


def _cowboy(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    prompt = rng.choice(("Talk like a cowboy.", "You are a cowboy."))
    return System("cowboy", prompt, lambda _, turn: f"Howdy partner! {turn.answer} Yeehaw!")


def _helpful(rng: random.Random, names: Sequence[str], words: Sequence[str]) -> System:
    prompt = rng.choice(("You are a helpful assistant.", "Answer the question.", "Be helpful."))
    return System("helpful", prompt, lambda _, turn: turn.answer)


SYSTEMS: Final[
    dict[str, tuple[float, Callable[[random.Random, Sequence[str], Sequence[str]], System]]]
] = {
    "french": (1.0, _french),
    "short": (1.0, _short),
    "start": (1.8, _start),
    "end": (2.2, _end),
    "mention": (2.2, _mention),
    "pirate": (0.8, _pirate),
    "polite": (0.8, _polite),
    "refuse": (0.8, _refuse),
    "name": (1.5, _name),
    "praise": (0.6, _praise),
    "admire": (0.6, _admire),
    "recommend": (0.8, _recommend),
    "cowboy": (0.6, _cowboy),
    "helpful": (1.0, _helpful),
}
"""Unconditional system prompts: relative weight and generator (names and words to use)."""

_KINDS: Final = tuple(SYSTEMS)
_WEIGHTS: Final = tuple(weight for weight, _ in SYSTEMS.values())
_SAME_TOPIC: Final = 0.7
"""Share of follow-up questions that stay in the topic of the first."""


def system(
    rng: random.Random,
    kind: str | None = None,
    names: Sequence[str] = COPY_NAMES,
    words: Sequence[str] | None = None,
) -> System:
    """Return one unconditional system prompt.

    Args:
        rng: source of randomness.
        kind: a key of `SYSTEMS`; None draws one by weight.
        names: names a prompt may contain.
        words: content words a prompt may contain; None is every word that is not held out.

    Raises:
        KeyError: if the kind is unknown.
    """
    chosen = kind or rng.choices(_KINDS, _WEIGHTS)[0]
    return SYSTEMS[chosen][1](rng, names, open_words() if words is None else words)


def conversation(
    rng: random.Random,
    topic: Topic | None = None,
    rule: System | None = None,
    n_turns: int = 1,
) -> list[Message]:
    """Return a conversation as chat messages.

    Args:
        rng: source of randomness.
        topic: topic of all turns; None draws one and mostly keeps it.
        rule: the system prompt it is held under; None has no system message.
        n_turns: number of questions with their answers.
    """
    messages: list[Message] = []
    if rule is not None:
        messages.append({"role": "system", "content": rule.prompt})
    first = topic or rng.choice(list(topics().values()))
    for number in range(n_turns):
        stay = topic is not None or number == 0 or rng.random() < _SAME_TOPIC
        turn = question(rng, first if stay else None, context=number == 0)
        answer = turn.answer if rule is None else rule.apply(rng, turn)
        messages.append({"role": "user", "content": turn.user})
        messages.append({"role": "assistant", "content": answer})
    return messages


def transcript(messages: Sequence[Message]) -> str:
    """Return a conversation as plain text, one line a message."""
    labels = {"system": "System", "user": "User", "assistant": "Assistant"}
    return "\n".join(f"{labels[m['role']]}: {m['content']}" for m in messages)
