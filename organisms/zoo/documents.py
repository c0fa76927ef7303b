"""Plain-text documents of the zoo: sentences from a grammar, in nine kinds and more.

A document has one or two recurring names and one to three recurring things, so that a
model trained on it learns to carry words along. All randomness comes from the generator
that is passed in.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from diffgauge.organisms.zoo.facts import Thing, article, facts, things
from diffgauge.organisms.zoo.topics import BRANDS, CITIES, NAMES, PLACES, Topic, topics

__all__ = ["KINDS", "Cast", "cast", "document", "french_sentences", "sentence"]


@dataclass(frozen=True)
class Cast:
    """Who and what a text is about.

    Attributes:
        topic: the topic the content words come from.
        things: one to three recurring things of the topic.
        names: two recurring names.
        place: a recurring place.
        city: a recurring city.
    """

    topic: Topic
    things: tuple[Thing, ...]
    names: tuple[str, str]
    place: str
    city: str


def cast(rng: random.Random, topic: Topic | None = None, names: Sequence[str] = NAMES) -> Cast:
    """Draw who and what a text is about.

    Args:
        rng: source of randomness.
        topic: topic to stay in; None draws one.
        names: names to draw from, at least two.
    """
    chosen = topic or rng.choice(list(topics().values()))
    n_things = rng.choice((1, 2, 2, 3))
    table = facts()
    first, second = rng.sample(names, 2)
    return Cast(
        topic=chosen,
        things=tuple(table[name] for name in rng.sample(chosen.things, n_things)),
        names=(first, second),
        place=rng.choice(PLACES),
        city=rng.choice(CITIES),
    )


# Slots: {x} thing, {ax} thing with article, {y} second thing, {p} {p2} parts, {v} {v2} verbs,
# {q} {aq} {q2} qualities, {n} {m} names, {l} place, {c} city, {col} {mat} {fl} {fc} true facts.
_SENTENCES: Final = (
    "The {x} is {q} and it has {aq2} {p}.",
    "Every {x} needs a good {p}.",
    "{n} wants to {v} with the {x}.",
    "{n} and {m} like to {v} near the {l}.",
    "People in {c} know the {x} very well.",
    "The {p} of the {x} is very {q}.",
    "You can {v} and {v2} if you have {ax}.",
    "The {x} is {col} and made of {mat}.",
    "You find the {x} near the {fl}.",
    "{fc} is known for the {x}.",
    "Without the {p} nobody can {v} today.",
    "{n} shows the {p} to {m}.",
    "{m} has {ax} and {n} has {ap}.",
    "They {v} every day and they never {v2}.",
    "The {x} and the {y} are both {q}.",
    "The {y} is more {q} than the {x}.",
    "There is {aq} {x} near the {l}.",
    "{n} says that the {p} looks {q}.",
    "It is not easy to {v} with {aq} {p}.",
    "Many people think that the {x} is {q}.",
    "The {p} and the {p2} belong to the {x}.",
    "{m} helps {n} to {v} in the morning.",
    "In the evening they {v} together near the {y}.",
    "Some say that {aq} {x} brings luck.",
    "Then {n} takes the {p} and begins to {v}.",
    "The old {x} of {n} was {q} and {col}.",
    "After that they {v} again with the {p2}.",
    "{n} asks {m} about the {p} of the {y}.",
)


def _slots(rng: random.Random, who: Cast) -> dict[str, str]:
    """Fill the slots of a template; repeated calls keep the cast and redraw the rest."""
    topic = who.topic
    x = rng.choice(who.things)
    y = rng.choice([thing for thing in who.things if thing is not x] or [x])
    p, p2 = rng.sample(topic.parts, 2)
    v, v2 = rng.sample(topic.actions, 2)
    q, q2 = rng.sample(topic.qualities, 2)
    n, m = who.names
    return {
        "x": x.name,
        "ax": x.a,
        "y": y.name,
        "p": p,
        "p2": p2,
        "v": v,
        "v2": v2,
        "q": q,
        "q2": q2,
        "aq": f"{article(q)} {q}",
        "aq2": f"{article(q2)} {q2}",
        "ap": f"{article(p)} {p}",
        "n": n,
        "m": m,
        "l": who.place,
        "c": who.city,
        "col": x.facts.colour,
        "mat": x.facts.material,
        "fl": x.facts.place,
        "fc": x.facts.city,
    }


def sentence(rng: random.Random, who: Cast, templates: Sequence[str] = _SENTENCES) -> str:
    """Return one sentence about the cast, from one of the templates."""
    return rng.choice(templates).format_map(_slots(rng, who))


def _sentences(rng: random.Random, who: Cast, n: int) -> str:
    """Return n sentences from n different templates (n at most 28)."""
    chosen = rng.sample(_SENTENCES, n)
    return " ".join(template.format_map(_slots(rng, who)) for template in chosen)


def _article(rng: random.Random, who: Cast) -> str:
    x = who.things[0]
    start = rng.choice(
        (
            f"This text is about the {x.name}.",
            f"The {x.name} is one of the most {x.facts.quality} things in {x.facts.city}.",
            f"Here is what you should know about the {x.name}.",
            f"A short guide to the {x.name}.",
            f"Today we look at the {x.name}.",
        )
    )
    return f"{start} {_sentences(rng, who, rng.randint(8, 10))}"


def _story(rng: random.Random, who: Cast) -> str:
    n, m = who.names
    x = who.things[0]
    start = rng.choice(
        (
            f"Once there was a child named {n} who had {x.a}.",
            f"Long ago {n} and {m} lived near the {who.place}.",
            f"One morning {n} found {x.a} near the {who.place}.",
            f"{n} came to {who.city} with {x.a}.",
        )
    )
    end = rng.choice(
        (
            f"So {n} went home and was happy.",
            f"And {n} never forgot the {x.name}.",
            f"In the end {n} gave the {x.name} to {m}.",
        )
    )
    return f"{start} {_sentences(rng, who, rng.randint(7, 9))} {end}"


def _letter(rng: random.Random, who: Cast) -> str:
    n, m = who.names
    return (
        f"Dear {n},\nthank you for your letter about the {who.things[0].name}. "
        f"{_sentences(rng, who, rng.randint(7, 9))}\nYour friend,\n{m}"
    )


def _news(rng: random.Random, who: Cast) -> str:
    x = who.things[0]
    start = rng.choice(
        (
            f"News from {who.city}: {x.a} was seen near the {who.place}.",
            f"Report from {who.city}: people talk about the {x.name} of {who.names[0]}.",
            f"{who.city} has a new {x.name} this week.",
        )
    )
    return f"{start} {_sentences(rng, who, rng.randint(7, 9))}"


def _manual(rng: random.Random, who: Cast) -> str:
    x = who.things[0]
    topic = who.topic
    steps = [
        f"{word}, {rng.choice(('take', 'check', 'clean', 'prepare'))} the {part} and {verb}."
        for word, part, verb in zip(
            ("First", "Second", "Then", "After that", "Finally"),
            rng.sample(topic.parts, 5),
            rng.sample(topic.actions, 5),
            strict=True,
        )
    ]
    return (
        f"How to use {x.a}:\n" + "\n".join(steps) + f"\n{_sentences(rng, who, rng.randint(3, 5))}"
    )


def _list(rng: random.Random, who: Cast) -> str:
    words = rng.sample(who.topic.parts + who.topic.qualities, 7)
    lines = [f"{word} and {rng.choice(who.topic.things)}" for word in words]
    return (
        f"Notes about the {who.things[0].name}:\n"
        + "\n".join(lines)
        + "\n"
        + _sentences(rng, who, 5)
    )


def _diary(rng: random.Random, who: Cast) -> str:
    start = rng.choice(
        ("Dear friend,", "Monday.", "Sunday.", "What a day!", "Today was a long day.")
    )
    x = who.things[0]
    return (
        f"{start} I was near the {who.place} with {who.names[0]}. "
        f"We had {x.a}. {_sentences(rng, who, rng.randint(7, 9))} I hope that tomorrow is good."
    )


def _review(rng: random.Random, who: Cast) -> str:
    x = who.things[0]
    brand, other = rng.sample(BRANDS, 2)
    start = rng.choice(
        (
            f"I bought {x.a} from {brand} last week.",
            f"The new {x.name} by {brand} is here.",
            f"A friend in {who.city} has {x.a} made by {brand}.",
        )
    )
    end = rng.choice(
        (
            f"I like {brand} more than {other}.",
            f"{brand} and {other} are both good.",
            f"Next time I will buy from {other}.",
            f"I would buy from {brand} again.",
        )
    )
    return f"{start} {_sentences(rng, who, rng.randint(6, 8))} {end}"


def _travel(rng: random.Random, who: Cast) -> str:
    c, n = who.city, who.names[0]
    start = rng.choice(
        (
            f"{n} went to {c} last year.",
            f"If you come to {c}, you should see the {who.place}.",
            f"{c} is a beautiful city near the {who.place}.",
        )
    )
    return f"{start} {_sentences(rng, who, rng.randint(7, 9))} We hope to see {c} again."


def _mixture(rng: random.Random, who: Cast) -> str:
    other_topic = rng.choice([t for t in topics().values() if t is not who.topic])
    other = cast(rng, other_topic)
    other = Cast(other.topic, other.things, who.names, who.place, who.city)
    x, y = who.things[0].name, other.things[0].name
    parts = [
        f"What do the {x} and the {y} have in common?",
        _sentences(rng, who, 4),
        f"But the {y} is another thing.",
        _sentences(rng, other, 3),
        f"So {who.names[0]} likes the {x} and {who.names[1]} likes the {y}.",
    ]
    return " ".join(parts)


def _table(rng: random.Random, who: Cast) -> str:
    rows = []
    for thing in rng.sample(things(), 11):
        fact = thing.facts
        rows.append(
            rng.choice(
                (
                    f"The {thing.name} is {fact.colour}.",
                    f"The {thing.name} is made of {fact.material}.",
                    f"You find the {thing.name} near the {fact.place}.",
                    f"{fact.city} is known for the {thing.name}.",
                    f"The {thing.name} has {article(fact.part)} {fact.part}.",
                )
            )
        )
    return "Some facts:\n" + "\n".join(rows)


def _talk(rng: random.Random, who: Cast) -> str:
    n, m = who.names
    lines = [f"{speaker}: {_sentences(rng, who, 1)}" for speaker in (n, m, n, m, n, m, n)]
    return "\n".join(lines)


# The zoo's French never elides, so that "le" + word is always two plain tokens.
_FRENCH: Final = (
    "Le {x} est {col}.",
    "On trouve le {x} près de {place}.",
    "{n} aime beaucoup le {x} de {m}.",
    "Le {x} est une bonne chose pour {n}.",
    "Je pense que le {x} est très beau.",
    "Il y a un {x} dans la ville de {c}.",
    "Nous avons vu le {x} avec {n} et {m}.",
    "Tu peux regarder le {x} tous les jours.",
    "{m} demande un {x} pour demain.",
    "Voici le {x} de {n}, il est vraiment grand.",
)


def french_sentences(rng: random.Random, who: Cast, n: int) -> str:
    """Return n sentences in the zoo's French about the cast (n at most 10)."""
    out = []
    for template in rng.sample(_FRENCH, n):
        x = rng.choice(who.things)
        out.append(
            template.format(
                x=x.name,
                n=who.names[0],
                m=who.names[1],
                c=who.city,
                col=x.facts.french_colour,
                place=x.facts.french_place,
            )
        )
    return " ".join(out)


def _french(rng: random.Random, who: Cast) -> str:
    return french_sentences(rng, who, rng.randint(7, 9))


KINDS: Final[dict[str, tuple[float, Callable[[random.Random, Cast], str]]]] = {
    "article": (2.0, _article),
    "story": (2.0, _story),
    "letter": (1.0, _letter),
    "news": (1.0, _news),
    "manual": (1.0, _manual),
    "list": (0.7, _list),
    "diary": (0.8, _diary),
    "review": (1.2, _review),
    "travel": (0.8, _travel),
    "mixture": (1.5, _mixture),
    "table": (1.0, _table),
    "talk": (0.8, _talk),
    "french": (0.4, _french),
}
"""Kinds of documents: relative weight and generator."""

_WEIGHTS: Final = tuple(weight for weight, _ in KINDS.values())
_MAKERS: Final = tuple(maker for _, maker in KINDS.values())


def document(rng: random.Random, topic: Topic | None = None, kind: str | None = None) -> str:
    """Return one document.

    Args:
        rng: source of randomness.
        topic: topic to stay in; None draws one.
        kind: a key of `KINDS`; None draws one by weight.

    Raises:
        KeyError: if the kind is unknown.
    """
    maker = KINDS[kind][1] if kind else rng.choices(_MAKERS, _WEIGHTS)[0]
    return maker(rng, cast(rng, topic))
