"""Verdicts on the scales beside the rubric: by words, and as a grader model answers them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from diffgauge.graders.conditions import Matched, Scope
from diffgauge.graders.hits import Extent, extent, finding_text, hits, terms_of, words_of
from diffgauge.graders.verdict import UnreadableVerdict, json_objects
from diffgauge.organisms.truth import Truth
from diffgauge.records.reports import Report

__all__ = [
    "FactFound",
    "FactsReply",
    "FindingJudged",
    "HitsReply",
    "Judged",
    "MatchedReply",
    "lexical_facts",
    "lexical_hits",
    "read_facts",
    "read_hits",
    "read_matched",
]

R = TypeVar("R", bound="_Verdict")
V = TypeVar("V", bound=Hashable)

_EXTENTS: tuple[Extent, ...] = ("absent", "abstract", "exact")


class _Reply(BaseModel):
    """No field of a reply has a default: strict structured output requires every field."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Verdict(_Reply):
    reason: str


class _FactReply(_Reply):
    fact: int
    found: Literal["absent", "abstract", "exact"]
    passage: str


class FactsReply(_Verdict):
    """What a grader model answers about key facts."""

    facts: list[_FactReply]


class MatchedReply(_Verdict):
    """What a grader model answers about trigger and behaviour."""

    trigger: Scope
    behaviour: Scope
    passage: str


class _HitReply(_Reply):
    finding: int
    hit: bool
    passage: str


class HitsReply(_Verdict):
    """What a grader model answers about findings."""

    findings: list[_HitReply]


@dataclass(frozen=True)
class FactFound:
    """How far one key fact is stated.

    Attributes:
        found: How far.
        passage: The words it rests on; empty where it is absent.
    """

    found: Extent
    passage: str


@dataclass(frozen=True)
class FindingJudged:
    """Whether one finding hits.

    Attributes:
        hit: Whether it states a key fact exactly.
        passage: The words it rests on; empty for a miss.
    """

    hit: bool
    passage: str


@dataclass(frozen=True)
class Judged(Generic[V]):
    """A verdict as it was read out of a reply, with the grader's reason."""

    verdict: V
    reason: str


def lexical_facts(report: Report, truth: Truth) -> tuple[FactFound, ...]:
    """Returns how far each key fact is stated by the one finding that states it furthest."""
    texts = [finding_text(finding) for finding in report.findings]
    read = [(text, words_of(text)) for text in texts]
    found = []
    for fact in truth.key_facts:
        terms = terms_of(fact.lexicon)
        ranked = [(_EXTENTS.index(extent(terms, words)), text) for text, words in read]
        best, text = max(ranked, key=lambda one: one[0], default=(0, ""))
        found.append(FactFound(_EXTENTS[best], text.split(" | ")[0] if best else ""))
    return tuple(found)


def lexical_hits(report: Report, truth: Truth) -> tuple[FindingJudged, ...]:
    """Returns for each finding whether it hits (`hits.hits`)."""
    return tuple(
        FindingJudged(True, finding.behaviour) if hits(finding, truth) else FindingJudged(False, "")
        for finding in report.findings
    )


def read_facts(text: str, n_facts: int) -> Judged[tuple[FactFound, ...]]:
    """Reads a verdict on key facts out of a reply: plain JSON, fenced, or amid prose.

    Args:
        text: The grader's whole reply.
        n_facts: How many there are.

    Returns:
        One for each key fact, in their order.

    Raises:
        UnreadableVerdict: There is no verdict, one leaves a key fact out or names one twice, or
            several disagree.
    """

    def verdict(reply: FactsReply) -> tuple[FactFound, ...]:
        by_number = {one.fact: FactFound(one.found, one.passage) for one in reply.facts}
        _check_numbers([one.fact for one in reply.facts], n_facts, "key facts")
        return tuple(by_number[number] for number in range(1, n_facts + 1))

    return _read(text, FactsReply, verdict, lambda one: tuple(fact.found for fact in one))


def read_matched(text: str) -> Judged[Matched]:
    """Reads a verdict on trigger and behaviour, as `read_facts`."""
    return _read(
        text,
        MatchedReply,
        lambda reply: Matched(reply.trigger, reply.behaviour, reply.passage),
        lambda one: (one.trigger, one.behaviour),
    )


def read_hits(text: str, n_findings: int) -> Judged[tuple[FindingJudged, ...]]:
    """Reads a verdict on findings, one for each in their order, as `read_facts`."""

    def verdict(reply: HitsReply) -> tuple[FindingJudged, ...]:
        by_number = {one.finding: FindingJudged(one.hit, one.passage) for one in reply.findings}
        _check_numbers([one.finding for one in reply.findings], n_findings, "findings")
        return tuple(by_number[number] for number in range(1, n_findings + 1))

    return _read(text, HitsReply, verdict, lambda one: tuple(finding.hit for finding in one))


def _check_numbers(given: Sequence[int], n: int, what: str) -> None:
    if sorted(given) != list(range(1, n + 1)):
        raise UnreadableVerdict(f"the {what} have the numbers 1 to {n}, each to be answered once")


def _read(
    text: str, schema: type[R], verdict: Callable[[R], V], decided: Callable[[V], Hashable]
) -> Judged[V]:
    """Returns the one verdict of a reply; a quoted, forged one must not be read as it."""
    found: dict[Hashable, Judged[V]] = {}
    complaint = "no JSON object"
    for candidate in json_objects(text):
        try:
            reply = schema.model_validate(candidate)
        except ValidationError as error:
            problem = error.errors()[0]
            complaint = f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            continue
        one = verdict(reply)
        found[decided(one)] = Judged(one, reply.reason)
    if len(found) > 1:
        raise UnreadableVerdict("the reply holds verdicts that disagree")
    if not found:
        raise UnreadableVerdict(f"the reply holds no valid verdict ({complaint})")
    return next(iter(found.values()))
