"""Findings read from logs, and whether two of them say the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from diffgauge.records.lexicon import STOP_WORDS, stem, stems
from diffgauge.records.reports import Report
from diffgauge.records.rows import Row
from diffgauge.stats.logs import Logs

__all__ = ["ALIKE", "Claim", "Group", "Key", "alike", "claims", "groups", "key_of", "matched"]

ALIKE: Final = 0.4
"""Share of content words (`similarity`) from which two findings say the same."""

_SHORTEST: Final = 3
_GENERIC: Final = frozenset(
    map(stem, ("model", "models", "base", "finetuned", "response", "reply"))
)
"""Words that stand in findings about anything."""

_COMMON: Final = frozenset(map(stem, STOP_WORDS)) | _GENERIC

Key = tuple[str, str, int]
"""Task id, sample id and epoch."""


@dataclass(frozen=True)
class Claim:
    """One finding of one report.

    Attributes:
        behaviour: In the investigator's words.
        condition: Likewise.
        which: ``base`` or ``finetuned``; the name as it was given where it is neither's.
        confidence: The investigator's.
        words: Content words of behaviour and condition, stemmed.
    """

    behaviour: str
    condition: str
    which: str
    confidence: float
    words: frozenset[str]


@dataclass
class Group:
    """Findings that say the same, in the reports about one organism by one arm.

    Attributes:
        leader: The most confident of them.
        reports: In which reports they stand, by their place in the list of reports.
    """

    leader: Claim
    reports: set[int]


def key_of(row: Row) -> Key:
    """Returns the key of a row's sample."""
    return row.task_id, row.sample_id, row.epoch


def claims(read: Logs) -> dict[Key, tuple[Claim, ...]]:
    """Returns the findings of every readable report; a report may have none.

    Args:
        read: The logs.

    Returns:
        By sample; samples without a report are missing.
    """
    found = {}
    for one in read.samples:
        report = _report(one.report)
        if report is not None:
            sides = _sides(one.aliases)
            found[one.key] = tuple(
                Claim(
                    behaviour=finding.behaviour,
                    condition=finding.condition,
                    which=sides.get(_folded(finding.which), finding.which),
                    confidence=finding.confidence,
                    words=_words(f"{finding.behaviour} {finding.condition}", sides),
                )
                for finding in report.findings
            )
    return found


def _report(text: str | None) -> Report | None:
    try:
        return None if text is None else Report.model_validate_json(text)
    except ValidationError:
        return None


def _folded(name: str) -> str:
    return " ".join(name.lower().split())


def _sides(aliases: Mapping[str, str]) -> dict[str, str]:
    """Returns side by alias: names change from run to run, sides do not."""
    return {_folded(str(alias)): side for side, alias in aliases.items()}


def _words(text: str, aliases: Iterable[str]) -> frozenset[str]:
    plain = _folded(text)
    for alias in aliases:
        plain = plain.replace(alias, " ")
    return frozenset(word for word in stems(plain) if len(word) >= _SHORTEST) - _COMMON


def similarity(one: Claim, other: Claim) -> float:
    """Returns how many content words two findings share, 0 to 1; 0 where one has none.

    Source: Dice 1945, 2·|A ∩ B| ÷ (|A| + |B|).
    Differs: over stemmed words without common ones.
    """
    total = len(one.words) + len(other.words)
    return 2 * len(one.words & other.words) / total if total else 0.0


def alike(one: Claim, other: Claim) -> bool:
    """Whether two findings say the same: one model named, and `ALIKE` of the words shared."""
    return one.which == other.which and similarity(one, other) >= ALIKE


def matched(one: Sequence[Claim], other: Sequence[Claim]) -> int:
    """Returns how many findings of two reports say the same, each counted once, likest first."""
    pairs = sorted(
        (-similarity(first, second), at, to)
        for at, first in enumerate(one)
        for to, second in enumerate(other)
        if alike(first, second)
    )
    left, right = set[int](), set[int]()
    for _, at, to in pairs:
        if at not in left and to not in right:
            left.add(at)
            right.add(to)
    return len(left)


def groups(reports: Sequence[Sequence[Claim]]) -> list[Group]:
    """Puts findings that say the same together.

    Args:
        reports: The findings of each report.

    Returns:
        Groups, those in most reports first, then the most confident. Each finding joins the
        first group whose most confident finding it is like, else begins one.
    """
    listed = [(claim, at) for at, report in enumerate(reports) for claim in report]
    found: list[Group] = []
    for claim, at in sorted(listed, key=lambda pair: -pair[0].confidence):
        home = next((group for group in found if alike(group.leader, claim)), None)
        if home is None:
            found.append(Group(claim, {at}))
        else:
            home.reports.add(at)
    return sorted(found, key=lambda group: (-len(group.reports), -group.leader.confidence))
