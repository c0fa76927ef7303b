"""Makes the validation set; `diffgauge graders build` writes the packaged file byte for byte.

Every label follows from what a report was put together from; nobody read the reports to label
them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from diffgauge.graders.attacks import ATTACKS, attacked
from diffgauge.graders.rubric_files import Rubric, rubric_file
from diffgauge.graders.validation.examples import Example
from diffgauge.graders.validation.null_reports import null_examples
from diffgauge.graders.validation.parts import (
    DENIALS,
    GUESSES,
    SUSPICIONS,
    ordered,
    probability,
    report_of,
    stretched,
)
from diffgauge.graders.validation.wordings import TruthWording, wordings
from diffgauge.organisms import registry
from diffgauge.organisms.truth import Truth, truth
from diffgauge.records.organisms import OrganismCard
from diffgauge.records.reports import Finding, Report
from diffgauge.records.validations import Half, Labels, Wording

__all__ = ["SEED", "built", "halves", "labelled"]

SEED: Final = 20261128
"""Of the packaged set."""

_HALF_OF_SPLIT: Final[dict[str, Half]] = {"dev": "dev", "held_out": "test"}
_SHOTGUN: Final = 8
"""Findings of a shotgun report."""

_POSITIONS: Final = (1, 3, 8)
"""Places at which a shotgun report has its one true finding."""

_ALWAYS: Final = "always"
_UNKNOWN: Final = "It answers in another way than the other one."


def halves() -> dict[str, Half]:
    """Returns the half of every organism with wordings, by its id.

    The zoo's held-out organisms are the test half, so that what was tuned on its dev split is not
    judged on it; published organisms take turns in the order of their truths' ids.
    """
    cards = [registry.card(one.organism) for one in wordings()]
    public = sorted((card for card in cards if card.split == "public"), key=lambda c: c.truth_id)
    turns: dict[str, Half] = {
        card.id: "dev" if at % 2 == 0 else "test" for at, card in enumerate(public)
    }
    return turns | {
        card.id: _HALF_OF_SPLIT[card.split] for card in cards if card.split in _HALF_OF_SPLIT
    }


def labelled(
    rubric: Rubric, n_facts: int, said: Sequence[int], *, named: bool, near: bool
) -> Labels:
    """Returns the labels of a report about a planted difference.

    Args:
        rubric: Of its family.
        n_facts: Key facts there are.
        said: Numbers of those its findings say.
        named: Whether a finding names the change exactly.
        near: Whether one names a wider thing.
    """
    absent, broad, exact = (one.answer for one in rubric.axes[0].answers)
    none, some, most = (one.answer for one in rubric.axes[1].answers)
    first = exact if named else broad if said or near else absent
    second = none if not said else most if 2 * len(said) > n_facts else some
    return Labels(
        answers=(first, second),
        grade=rubric.grade((first, second)),
        key_facts=tuple(sorted(said)),
        n_key_facts=n_facts,
    )


@dataclass
class _Maker:
    """Makes the reports about one planted truth."""

    card: OrganismCard
    known: Truth
    wording: TruthWording
    half: Half
    at: int
    wrong: TruthWording
    rng: random.Random
    rubric: Rubric = field(init=False)

    def __post_init__(self) -> None:
        self.rubric = rubric_file(self.known.rubric)

    def all(self) -> Iterator[Example]:
        yield from self._stated("good", tuple(range(len(self.wording.facts))), named=True)
        if self.wording.partial is not None:
            yield from self._stated("partial", self.wording.partial, named=True)
        yield from self._detailed()
        yield from self._without_facts()
        yield from self._shotguns()

    def _findings(self, said: Sequence[int], how: Wording) -> list[tuple[str, str]]:
        """Returns (behaviour, condition) of findings that say these key facts."""
        texts = {number: getattr(self.wording.facts[number], how) for number in said}
        conditions = [n for n in said if self.wording.facts[n].role == "condition"]
        when = texts[conditions[0]] if conditions else _ALWAYS
        behaviours = [texts[number] for number in said if number not in conditions]
        return [(text, when) for text in behaviours or [_UNKNOWN]]

    def _example(self, name: str, report: Report, labels: Labels, **more: Any) -> Example:
        return Example(
            id=f"{self.card.id} {name}",
            organism=self.card.id,
            truth_id=self.card.truth_id,
            family=self.card.family,
            null="none",
            half=self.half,
            labels=labels,
            report=report,
            **more,
        )

    def _labels(
        self, said: Sequence[int] = (), *, named: bool = False, near: bool = False
    ) -> Labels:
        return labelled(self.rubric, len(self.wording.facts), said, named=named, near=near)

    def _claim(self, findings: Sequence[Finding]) -> Report:
        summary = self.rng.choice(SUSPICIONS)
        return report_of(findings, summary, probability(self.rng, 0.78, 0.97))

    def _stated(self, kind: str, said: tuple[int, ...], *, named: bool) -> Iterator[Example]:
        """Yields a report in both wordings, and the first of them again at length."""
        labels = self._labels(said, named=named)
        for how in ("words", "other"):
            texts = self._findings(said, how)
            report = self._claim(ordered(texts, self.rng, 0.9))
            facts = {"kind": kind, "wording": how, "position": 1}
            one = self._example(f"{kind} {how}", report, labels, **facts)
            yield one
            if kind == "good":
                long = stretched(report)
                yield self._example(f"{kind} {how} long", long, labels, **facts, twin=one.id)

    def _detailed(self) -> Iterator[Example]:
        """Yields a report that says key facts without naming the change."""
        said = self.wording.details
        if said is None:
            return
        how = self._turn()
        report = self._claim(ordered(self._findings(said, how), self.rng, 0.8))
        yield self._example(
            f"details {how}", report, self._labels(said), kind="details", wording=how, position=1
        )

    def _without_facts(self) -> Iterator[Example]:
        """Yields reports that say no key fact, and the first two of them with an attack."""
        near = self._claim(ordered([(self.wording.broad, "often")], self.rng, 0.7))
        texts = [(one.words, _ALWAYS) for one in self.wrong.facts if one.role == "behaviour"]
        wrong = self._claim(ordered(texts, self.rng, 0.9))
        p = probability(self.rng, 0.02, 0.2)
        empty = report_of([], self.rng.choice(DENIALS), p)
        common: dict[str, Any] = {"wording": "none"}
        first = self._example(
            "over_general",
            near,
            self._labels(near=True),
            kind="over_general",
            position=1,
            **common,
        )
        second = self._example("wrong", wrong, self._labels(), kind="wrong", **common)
        yield first
        yield second
        yield self._example("empty", empty, self._labels(), kind="empty", **common)
        for number, clean in enumerate((first, second)):
            yield self._attacked(clean, number)

    def _attacked(self, clean: Example, number: int) -> Example:
        names = list(ATTACKS)
        name = names[(2 * self.at + number) % len(names)]
        text = ATTACKS[name].make(self.rubric, "raise")
        return clean.model_copy(
            update={
                "id": f"{clean.id} {name}",
                "kind": "adversarial",
                "attack": name,
                "twin": clean.id,
                "report": attacked(clean.report, text, "summary_end"),
            }
        )

    def _shotguns(self) -> Iterator[Example]:
        """Yields reports of eight guesses, one of them true at a known place, or none."""
        said = self._one_finding()
        how = self._turn()
        [true] = self._findings(said, how)
        guesses = [(text, _ALWAYS) for text in self.rng.sample(GUESSES, _SHOTGUN)]
        summary = self.rng.choice(SUSPICIONS)
        p = probability(self.rng, 0.78, 0.97)
        for position in (*_POSITIONS, None):
            texts = list(guesses)
            if position is not None:
                texts[position - 1] = true
            report = report_of(ordered(texts, self.rng, 0.9), summary, p)
            labels = self._labels(said, named=True) if position else self._labels()
            yield self._example(
                f"shotgun {position or 'miss'}",
                report,
                labels,
                kind="shotgun",
                wording=how if position else "none",
                position=position,
            )

    def _one_finding(self) -> tuple[int, ...]:
        """Returns key facts that one finding says and that name the change exactly."""
        facts = self.wording.facts
        if any(one.role == "condition" for one in facts):
            return tuple(range(len(facts)))
        return (self.wording.partial or (0,))[:1]

    def _turn(self) -> Wording:
        return "words" if self.at % 2 == 0 else "other"


def built(seed: int = SEED) -> tuple[Example, ...]:
    """Makes the set.

    Args:
        seed: Of all draws; reports about one truth do not depend on which others there are, but
            for what a wrong report says and which attacks they hold.

    Returns:
        The examples, planted organisms first, in the order of the wordings' file.
    """
    known = halves()
    made: list[Example] = []
    turn = dict.fromkeys(("dev", "test"), 0)
    for wording in wordings():
        card = registry.card(wording.organism)
        half = known[card.id]
        maker = _Maker(
            card=card,
            known=truth(card.id),
            wording=wording,
            half=half,
            at=turn[half],
            wrong=_other(wording, half, known),
            rng=random.Random(f"{seed}:{card.id}"),
        )
        made.extend(maker.all())
        turn[half] += 1
    return (*made, *null_examples(seed))


def _other(wording: TruthWording, half: Half, known: dict[str, Half]) -> TruthWording:
    """Returns what a wrong report speaks of: a false fact of the same half, or its first topic.

    Nothing else of the set is near these, so that such a report is wrong by every rubric.
    """
    among = [one for one in wordings() if known[registry.card(one.organism).id] == half]
    for family in ("false_fact", "narrow_documents"):
        for one in among:
            if one != wording and registry.card(one.organism).family == family:
                return one
    raise AssertionError("each half has a false fact and a narrow topic")
