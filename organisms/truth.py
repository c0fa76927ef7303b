"""The truth part of cards. Only graders read it: this module is the blinding wall."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from diffgauge.organisms.card_files import CardFile, YamlFile, read_yaml, roots, validated
from diffgauge.organisms.registry import loaded, registry_of
from diffgauge.records.errors import DiffgaugeError, unknown_name
from diffgauge.records.ids import check_id
from diffgauge.records.organisms import OrganismCard
from diffgauge.records.record import Record

__all__ = ["Decoy", "KeyFact", "Truth", "decoys", "truth", "truths"]

_DECOYS: Final = "_decoys.yaml"


def _lexicon(terms: tuple[str, ...]) -> tuple[str, ...]:
    if any(not term.strip() for term in terms):
        raise ValueError("a lexicon holds no empty term")
    return terms


Lexicon = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_lexicon)]
"""Words or short phrases that only someone who found the fact would use; at least one."""


class KeyFact(Record):
    """One statement that is true of the finetuned model and not of the base."""

    statement: str
    lexicon: Lexicon


class Truth(Record):
    """What was planted.

    Attributes:
        description: One or two sentences.
        key_facts: Empty for a null.
        trigger: When it shows; None when always, or for a null.
        behaviour: What shows; None for a null.
        rubric: Name of the rubric that grades reports about it.
    """

    description: str
    key_facts: tuple[KeyFact, ...] = ()
    trigger: str | None = None
    behaviour: str | None = None
    rubric: str

    def lexicon(self) -> tuple[str, ...]:
        """Returns the terms of all key facts, each once, in order; empty for a null."""
        return tuple(dict.fromkeys(term for fact in self.key_facts for term in fact.lexicon))


class Decoy(Record):
    """A difference that might have been planted and was not, for identification alone."""

    id: Annotated[str, AfterValidator(check_id)]
    family: str
    description: str
    lexicon: Lexicon


class _Listing(Record):
    decoys: tuple[Decoy, ...]


def truth(id: str) -> Truth:
    """Returns what was planted in one organism.

    Args:
        id: The organism's id.

    Returns:
        The truth; a null's has no key facts.

    Raises:
        DiffgaugeError: The organism is unknown, its card has no truth part or a malformed one,
            a planted difference has no key facts, or a null has some.
    """
    check_id(id)
    held = loaded()
    if id not in held:
        raise unknown_name("organism", id, held)
    return _truth(*held[id])


def _truth(card: OrganismCard, file: CardFile) -> Truth:
    source = file.yaml
    if not isinstance(source.data.get("truth"), dict):
        raise DiffgaugeError(
            f"{file.path}, field 'truth': the card of {card.id!r} has no truth part.",
            advice="Reports about it cannot be graded until it has one.",
        )
    found = validated(Truth, source, ("truth",))
    if (card.null is None) != bool(found.key_facts):
        held = "a null has no key facts" if card.null else "a planted difference has key facts"
        line = source.line(("truth", "key_facts"))
        raise DiffgaugeError(f"{file.path}, line {line}, field 'truth.key_facts': {held}.")
    return found


def truths(registry: str | None = None) -> Mapping[str, Truth]:
    """Returns the distinct planted truths by truth id, sorted; nulls have none and are left out.

    Doses and seeds of one truth share a truth id and count once.

    Args:
        registry: First segment of the organisms' ids, e.g. ``zoo``; None takes all.

    Raises:
        DiffgaugeError: As `truth`; or two cards of one truth id disagree on its key facts.
    """
    found: dict[str, tuple[str, Truth]] = {}
    for entry, file in loaded().values():
        if entry.null is not None or registry not in (None, registry_of(entry.id)):
            continue
        one = _truth(entry, file)
        if entry.truth_id not in found:
            found[entry.truth_id] = (entry.id, one)
        elif found[entry.truth_id][1].key_facts != one.key_facts:
            raise DiffgaugeError(
                f"The organisms {found[entry.truth_id][0]!r} and {entry.id!r} share the truth id "
                f"{entry.truth_id!r} and disagree on its key facts.",
                advice="Make them equal, or give one of them another truth_id.",
            )
    return MappingProxyType({name: found[name][1] for name in sorted(found)})


def decoys(registry: str | None = None) -> list[Decoy]:
    """Returns the decoys of a registry, sorted by id.

    Args:
        registry: Name of the folder that holds ``_decoys.yaml``, e.g. ``zoo``; None takes all.

    Returns:
        The decoys; empty where the registry has none.

    Raises:
        DiffgaugeError: A file is malformed, or two decoys have one id.
    """
    found: dict[str, Decoy] = {}
    for root in roots():
        for path in sorted(root.rglob(_DECOYS)):
            if registry not in (None, path.parent.name):
                continue
            for decoy in _listed(read_yaml(path)):
                if decoy.id in found:
                    raise DiffgaugeError(f"{path}: two decoys have the id {decoy.id!r}.")
                found[decoy.id] = decoy
    return [found[name] for name in sorted(found)]


def _listed(source: YamlFile) -> tuple[Decoy, ...]:
    if isinstance(source.data, list):
        if not all(isinstance(entry, dict) for entry in source.data):
            raise DiffgaugeError(f"{source.path}: every decoy is a mapping.")
        return tuple(validated(Decoy, source, (at,)) for at in range(len(source.data)))
    if not isinstance(source.data, dict):
        raise DiffgaugeError(f"{source.path}, line 1: decoys are a list of mappings.")
    return validated(_Listing, source, ()).decoys
