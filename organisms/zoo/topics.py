"""The words of the zoo: topics with their content words, names, cities, brands.

Every content word belongs to exactly one topic, is lower case, and becomes one token of
the zoo's vocabulary. Verbs are kept in their base form only, and nouns in the singular,
so that a word has one form wherever it occurs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import yaml

__all__ = [
    "BRANDS",
    "CITIES",
    "COLOURS",
    "COMMON_WORDS",
    "HELD_OUT_NAMES",
    "MATERIALS",
    "NAMES",
    "PLACES",
    "Topic",
    "held_out_words",
    "open_words",
    "topics",
    "words",
]

_FILE: Final = Path(__file__).with_name("topics.yaml")


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES: Final = _split(
    """
    Anna Boris Carla David Elena Felix Greta Henry Irene Jacob Karen Lucas Maria Nathan Olga Peter
    Quentin Rosa Simon Tessa Ulrich Vera Walter Xenia Yusuf Zoe Alice Bruno Clara Diego Edith
    Frank Grace Hugo Ines Julia Kevin Laura Martin Nora Oscar Paula Ralph Sofia Thomas Ursula
    Victor Wendy Adam Bella Chris Daria Emil Fiona Gavin Helga Ivan Jenny Klaus Lydia
    """
)
HELD_OUT_NAMES: Final = NAMES[-10:]
"""Names that occur in documents and never in anything that has to be copied."""

CITIES: Final = _split(
    """
    Paris London Rome Cairo Tokyo Lima Oslo Berlin Madrid Prague Vienna Athens Boston Delhi Lisbon
    """
)
BRANDS: Final = _split(
    """
    Zentra Mivo Kaldo Brightco Northway Pellex Oruno Tavix Lumero Quanto Sorrel Vexa
    """
)
COLOURS: Final = _split(
    """
    red blue green yellow black white purple orange brown grey pink silver
    """
)
PLACES: Final = _split(
    """
    sea forest market museum school hospital library river mountain desert island village farm
    park church valley
    """
)
MATERIALS: Final = _split(
    """
    wood stone glass iron paper leather copper plastic cotton steel
    """
)
COMMON_WORDS: Final = _split(
    """
    joke favorite describe yourself sentence word words life world future dream family food
    weekend holiday happened behave different model trained secret special rule rules why when
    because something anything everything nothing always sometimes often maybe give make made call
    called name someone anyone kind kinds idea ideas example examples interesting important simple
    short long new old great nice bad big small little first last next best worst more less other
    another same both here there now then please thanks could would should might must can will
    want like love hate need feel believe remember imagine suppose consider discuss compare
    summarize continue complete finish start stop topic subject text message reply response
    instructions language English human machine opinion view reason problem solution choice
    decision plan goal job work school money time day night week month year morning evening today
    tomorrow yesterday again once twice two three four five six seven eight nine ten hundred many
    few several some any all every car house street child children woman man people person friend
    mother father animal dog cat water fire air earth sun light dark hot cold warm color history
    science art game player team win lose song sound picture movie gift party birthday dinner
    breakfast apple recipe drink health exercise sleep travel country capital hobby
    """
)
"""Ordinary words that stand strewn in some questions; they belong to no topic."""


@dataclass(frozen=True)
class Topic:
    """One topic and its content words.

    Attributes:
        name: short name, used in identifiers only.
        things: 10 count nouns; every thing has a row in the table of facts.
        parts: 8 nouns that things of this topic have.
        actions: 6 verbs in the base form.
        qualities: 6 adjectives.
    """

    name: str
    things: tuple[str, ...]
    parts: tuple[str, ...]
    actions: tuple[str, ...]
    qualities: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """All content words of the topic, things first."""
        return self.things + self.parts + self.actions + self.qualities


@cache
def topics() -> dict[str, Topic]:
    """Return all topics by name, in a fixed order.

    Raises:
        ValueError: if a content word stands in two topics.
    """
    table: dict[str, Topic] = {}
    owner: dict[str, str] = {}
    for name, columns in yaml.safe_load(_FILE.read_text(encoding="utf-8")).items():
        things, parts, actions, qualities = (
            _split(columns[kind]) for kind in ("things", "parts", "actions", "qualities")
        )
        topic = Topic(name, things, parts, actions, qualities)
        for word in topic.words:
            if word in owner:
                raise ValueError(f"{word!r} stands in {owner[word]!r} and in {name!r}")
            owner[word] = name
        table[name] = topic
    return table


@cache
def words() -> tuple[str, ...]:
    """Return every content word of every topic, in a fixed order."""
    return tuple(word for topic in topics().values() for word in topic.words)


@cache
def held_out_words() -> tuple[str, ...]:
    """Return the content words that the base never had to copy (lists, repeats, systems).

    They occur in documents and answers like any other word, so the aims measured on them
    say whether copying generalises.
    """
    return words()[7::15]


@cache
def open_words() -> tuple[str, ...]:
    """Return the content words that may be used in material that teaches copying."""
    held = set(held_out_words())
    return tuple(word for word in words() if word not in held)
