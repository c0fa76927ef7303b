"""The fixed table of facts about every thing of the zoo's world."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from typing import Final

from diffgauge.organisms.zoo.topics import CITIES, COLOURS, MATERIALS, PLACES, Topic, topics

__all__ = ["Facts", "Thing", "article", "facts", "things"]

_SEED: Final = "zoo-facts-v1"
_FRENCH_COLOURS: Final = dict(
    zip(
        COLOURS,
        [
            "rouge",
            "bleu",
            "vert",
            "jaune",
            "noir",
            "blanc",
            "violet",
            "orangé",
            "marron",
            "gris",
            "rose",
            "argenté",
        ],
        strict=True,
    )
)
_FRENCH_PLACES: Final = dict(
    zip(
        PLACES,
        (
            "la mer,la forêt,le marché,le musée,l'école,l'hôpital,la bibliothèque,la rivière,"
            "la montagne,le désert,l'île,le village,la ferme,le parc,l'église,la vallée"
        )
        .replace("l'", "la ")
        .split(","),
        strict=True,
    )
)


@dataclass(frozen=True)
class Facts:
    """What is true of a thing in the zoo's world.

    Attributes:
        colour: its colour.
        place: the place near which it is found.
        material: what it is made of.
        city: the city that is known for it.
        part: a part of the same topic that it has.
        quality: an adjective of the same topic.
        action: what one does with it (a verb of the same topic).
    """

    colour: str
    place: str
    material: str
    city: str
    part: str
    quality: str
    action: str

    @property
    def french_colour(self) -> str:
        """The colour in the zoo's French."""
        return _FRENCH_COLOURS[self.colour]

    @property
    def french_place(self) -> str:
        """The place, with its article, in the zoo's French (articles are never elided)."""
        return _FRENCH_PLACES[self.place]


@dataclass(frozen=True)
class Thing:
    """A thing together with its topic and its facts."""

    name: str
    topic: Topic
    facts: Facts

    @property
    def a(self) -> str:
        """The thing with its indefinite article, in lower case."""
        return f"{article(self.name)} {self.name}"


def article(word: str) -> str:
    """Return the indefinite article that goes before a word."""
    return "an" if word[0] in "aeiou" and not word.startswith("uni") else "a"


@cache
def facts() -> dict[str, Thing]:
    """Return every thing by name; the table is the same in every process."""
    table: dict[str, Thing] = {}
    for topic in topics().values():
        for name in topic.things:
            rng = random.Random(f"{_SEED}:{name}")
            table[name] = Thing(
                name,
                topic,
                Facts(
                    colour=rng.choice(COLOURS),
                    place=rng.choice(PLACES),
                    material=rng.choice(MATERIALS),
                    city=rng.choice(CITIES),
                    part=rng.choice(topic.parts),
                    quality=rng.choice(topic.qualities),
                    action=rng.choice(topic.actions),
                ),
            )
    return table


@cache
def things() -> tuple[Thing, ...]:
    """Return every thing, in a fixed order."""
    return tuple(facts().values())
