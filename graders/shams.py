"""Whose artifact stands in for an organism's own in the arm ``sham``: confident, and wrong.

Computed here because it reads truths; what leaves is the public card of another organism.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from diffgauge.organisms.card_files import CardFile, card_files
from diffgauge.organisms.public import PublicState, public_state
from diffgauge.organisms.registry import cards, registry_of, resolved
from diffgauge.organisms.truth import truths
from diffgauge.records.artifacts import hash_json
from diffgauge.records.lexicon import Term, term
from diffgauge.records.organisms import ApiPair, OrganismCard, PairKind

__all__ = ["Sham", "sham_of"]

_UNDILUTED: Final = "undiluted"


class Sham(NamedTuple):
    """What is shown in the place of an organism's own artifact.

    Attributes:
        organism: Whose artifact; None where no other organism will do.
        reason: Why none will do; empty where one does.
    """

    organism: OrganismCard | None
    reason: str = ""


class _Known(NamedTuple):
    """A planted truth with what decides whom it may stand in for."""

    family: str
    terms: frozenset[Term]


class _Planted(NamedTuple):
    """A planted organism with its base and its truth's lexicon."""

    card: OrganismCard
    base: tuple[str, str | None]
    terms: frozenset[Term]


def sham_of(card: OrganismCard, kinds: Collection[PairKind]) -> Sham:
    """Returns the organism whose artifact an investigator of another one is shown.

    It has the same registry, split and base, something planted, a pair that the method takes, and
    another family; no term of that whole family's lexicons is one of the investigated truth's.
    Among the truths that can be shown this is a derangement: each stands in for another one, and
    wherever it can be so, each for one alone. It depends on the registry and `kinds` and on
    nothing else. Of a truth's doses the investigated organism's own is shown, else the undiluted
    one. A null has no lexicon: any truth may stand in for it, picked by its id.

    Args:
        card: The organism that is investigated.
        kinds: Kinds of pair that the method takes.

    Returns:
        The other organism, or why there is none.

    Raises:
        DiffgaugeError: A card of the registry is malformed.
    """
    if card.truth != "complete":
        return Sham(None, "its card has no truth, so that nothing can be said to be another one")
    base = _base(card)
    if base is None:
        return Sham(None, "its models are hosted")
    held = _planted(registry_of(card.id), tuple(card_files()), public_state())
    shown: dict[str, list[OrganismCard]] = {}
    every: dict[str, _Known] = {}
    for one in held:
        alike = one.card.split == card.split and one.base == base
        if alike and one.card.pair.kind in kinds:
            shown.setdefault(one.card.truth_id, []).append(one.card)
            every.setdefault(one.card.truth_id, _Known(one.card.family, one.terms))
    if card.null is not None:
        names = sorted(every)
        if not names:
            return Sham(None, "no organism of its registry, split and base has anything planted")
        return Sham(_dose(shown[names[int(hash_json(card.id), 16) % len(names)]], card))
    name = _derangement(tuple(sorted(every.items()))).get(card.truth_id)
    if name is None:
        return Sham(
            None,
            "no organism of its registry, split and base has another family whose lexicon shares "
            "no word with its own",
        )
    return Sham(_dose(shown[name], card))


@lru_cache(maxsize=4)
def _planted(
    registry: str, files: tuple[CardFile, ...], state: PublicState | None
) -> tuple[_Planted, ...]:
    """Reads a registry's truths once, until a card changes."""
    del files, state
    known = truths(registry)
    terms = {name: frozenset(map(term, one.lexicon())) for name, one in known.items()}
    return tuple(
        _Planted(one, base, terms[one.truth_id])
        for one in cards().values()
        if registry_of(one.id) == registry and one.null is None and one.truth_id in known
        if (base := _base(one)) is not None
    )


def _base(card: OrganismCard) -> tuple[str, str | None] | None:
    """Returns what tells one base from another; None for hosted models."""
    pair = resolved(card)
    return None if isinstance(pair, ApiPair) else (pair.base, pair.base_revision)


def _dose(found: Sequence[OrganismCard], card: OrganismCard) -> OrganismCard:
    return min(
        found, key=lambda one: (one.dose != card.dose, one.dose != _UNDILUTED, len(one.id), one.id)
    )


@lru_cache(maxsize=64)
def _derangement(every: tuple[tuple[str, _Known], ...]) -> Mapping[str, str]:
    """Returns which truth stands in for each; those that none can stand in for are left out.

    A maximum matching by augmenting paths, in an order that the names alone decide. Truths that
    are left over, because one family holds more than half of all, get their first choice, which
    then stands in for two.
    """
    choices = {name: _choices(name, dict(every)) for name, _ in every}
    taken: dict[str, str] = {}

    def placed(name: str, tried: set[str]) -> bool:
        for choice in choices[name]:
            if choice not in tried:
                tried.add(choice)
                if choice not in taken or placed(taken[choice], tried):
                    taken[choice] = name
                    return True
        return False

    left = [name for name in choices if not placed(name, set())]
    first = {name: choices[name][0] for name in left if choices[name]}
    return {name: choice for choice, name in taken.items()} | first


def _choices(name: str, every: Mapping[str, _Known]) -> list[str]:
    """Returns the truths that may stand in for one, in its own order."""
    words: dict[str, set[Term]] = {}
    for one in every.values():
        words.setdefault(one.family, set()).update(one.terms)
    own = every[name]
    fit = [
        other
        for other, one in every.items()
        if one.family != own.family and not words[one.family] & own.terms
    ]
    return sorted(fit, key=lambda other: hash_json([name, other]))
