"""The registry of organisms: the public part of every card, and how a user names some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from diffgauge.organisms.card_files import CardFile, card_files, validated
from diffgauge.records.errors import DiffgaugeError, unknown_name
from diffgauge.records.ids import check_id, path_inside
from diffgauge.records.organisms import (
    AdapterPair,
    FullPair,
    IdenticalPair,
    OrganismCard,
    PairSpec,
)

__all__ = ["card", "cards", "loaded", "registry_of", "resolved", "select", "suites"]

_WEIGHTS: Final = Path(__file__).parent / "zoo" / "weights"
_ZOO: Final = "zoo:"


def loaded() -> Mapping[str, tuple[OrganismCard, CardFile]]:
    """Returns every card with the file it stands in, by id; errors as `cards`."""
    return _parsed(tuple(card_files()))


@lru_cache(maxsize=4)
def _parsed(files: tuple[CardFile, ...]) -> Mapping[str, tuple[OrganismCard, CardFile]]:
    """Builds the records; files that did not change are the same objects and hit the cache."""
    held: dict[str, tuple[OrganismCard, CardFile]] = {}
    for file in files:
        found = validated(OrganismCard, file.yaml, ("public",))
        if found.id in held:
            raise DiffgaugeError(
                f"Two cards have the id {found.id!r}: {held[found.id][1].path} and {file.path}.",
                advice="Give one of them another id.",
            )
        held[found.id] = (found, file)
    return MappingProxyType(held)


def cards() -> Mapping[str, OrganismCard]:
    """Returns the public part of every card by its id, sorted by id.

    Returns:
        The packaged cards and those of the user's folder (`DIFFGAUGE_ORGANISMS`, else
        ``./organisms.d``). Empty when there are none.

    Raises:
        DiffgaugeError: A card is malformed, or two have one id.
    """
    held = loaded()
    return MappingProxyType({name: held[name][0] for name in sorted(held)})


def card(id: str) -> OrganismCard:
    """Returns one card.

    Args:
        id: The organism's id, e.g. ``zoo/submarine``.

    Raises:
        DiffgaugeError: The id is malformed or unknown (with the nearest ones).
    """
    check_id(id)
    held = cards()
    if id not in held:
        raise unknown_name("organism", id, held)
    return held[id]


def registry_of(id: str) -> str:
    """Returns the registry an organism or a truth belongs to: the id's first segment."""
    return id.split("/", 1)[0]


def suites(held: Mapping[str, OrganismCard] | None = None) -> Mapping[str, list[OrganismCard]]:
    """Returns every suite by name: a registry (``zoo``) and its splits (``zoo/dev``).

    Args:
        held: The cards to sort into suites; None takes all there are.
    """
    found: dict[str, list[OrganismCard]] = {}
    for entry in (cards() if held is None else held).values():
        if "/" in entry.id:
            name = registry_of(entry.id)
            found.setdefault(name, []).append(entry)
            found.setdefault(f"{name}/{entry.split}", []).append(entry)
    return found


def _named(asked: str, held: Mapping[str, OrganismCard]) -> list[OrganismCard]:
    check_id(asked)
    if asked in held:
        return [held[asked]]
    family = [entry for entry in held.values() if entry.family == asked]
    if family:
        return family
    by_suite = suites(held)
    if asked in by_suite:
        return by_suite[asked]
    families = {entry.family for entry in held.values()}
    raise unknown_name("organism, family or suite", asked, [*held, *families, *by_suite])


def select(asked: str | Sequence[str]) -> list[OrganismCard]:
    """Returns the organisms a user names.

    Args:
        asked: An id, a family, a suite (``zoo`` for all of the zoo, ``zoo/dev``,
            ``zoo/held_out``), several of these joined by commas, or a list of them. An id goes
            before a family, a family before a suite.

    Returns:
        The cards in the order asked, those of a family or suite sorted by id, each once.

    Raises:
        DiffgaugeError: Nothing is asked, or a name is unknown or malformed.
    """
    listed = [asked] if isinstance(asked, str) else list(asked)
    if not all(isinstance(name, str) for name in listed):
        raise DiffgaugeError(f"Organisms are named by strings, not {listed!r}.")
    names = [part.strip() for name in listed for part in name.split(",") if part.strip()]
    held = cards()
    if not names:
        raise DiffgaugeError(
            "No organism is named.",
            allowed="an id, a family, a suite such as 'zoo' or 'zoo/dev', or a list of them",
        )
    if not held:
        raise DiffgaugeError(
            "There is no organism's card.",
            advice="Put cards into the folder that DIFFGAUGE_ORGANISMS names.",
        )
    return list({entry.id: entry for name in names for entry in _named(name, held)}.values())


def resolved(card: OrganismCard) -> PairSpec:
    """Returns the card's pair with every local reference made an absolute folder.

    Args:
        card: The organism. ``zoo:<path>`` stands below the embedded zoo's weights, ``./<path>``
            below the folder of the card's own file; anything else (a Hub id, an absolute
            folder) is returned as it is.

    Returns:
        The same pair.

    Raises:
        DiffgaugeError: A reference leads outside its root, or its folder is not there.
    """
    pair = card.pair
    if isinstance(pair, AdapterPair):
        return pair.model_copy(
            update={"base": _folder(card, pair.base), "adapter": _folder(card, pair.adapter)}
        )
    if isinstance(pair, FullPair):
        return pair.model_copy(
            update={"base": _folder(card, pair.base), "finetuned": _folder(card, pair.finetuned)}
        )
    assert isinstance(pair, IdenticalPair)
    return pair.model_copy(update={"base": _folder(card, pair.base)})


def _folder(card: OrganismCard, reference: str) -> str:
    if reference.startswith(_ZOO):
        path = path_inside(_WEIGHTS, reference.removeprefix(_ZOO)).resolve()
        advice = "Build it with 'diffgauge organisms build zoo'."
    elif reference.startswith(("./", "../", "~")):
        held = loaded()
        if card.id not in held:
            raise unknown_name("organism", card.id, held)
        root = held[card.id][1].path.parent.resolve()
        path = (root / Path(reference).expanduser()).resolve()
        if not path.is_relative_to(root):
            raise DiffgaugeError(
                f"The card of {card.id!r} refers to {reference!r}, which leads outside its folder.",
                allowed="a Hub id, an absolute folder, './<folder>' beside the card, 'zoo:<path>'",
            )
        advice = "Put the model there, or correct the card."
    else:
        return reference
    if not path.is_dir():
        raise DiffgaugeError(
            f"The model {reference!r} of the organism {card.id!r} is not there.", advice=advice
        )
    return str(path)
