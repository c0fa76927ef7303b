"""Two sets of logs, pair by pair: what one found and falsely claimed beyond the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from diffgauge.records.rows import Row
from diffgauge.stats.cells import PLANTED, SAME, claimed, null_kinds, samples_of
from diffgauge.stats.features import GOOD_GRADE
from diffgauge.stats.findings import Key, key_of
from diffgauge.stats.intervals import Estimate, clustered_mean, clustered_share
from diffgauge.stats.log_sets import LogSet
from diffgauge.stats.strata import BLACKBOX

__all__ = ["SetContrast", "contrasts", "differing", "unshared"]

_SPAN: Final = (-1.0, 1.0)
_VARYING: Final = (
    "investigator",
    "agent_name",
    "seed",
    "turn_budget",
    "token_budget",
    "money_budget",
    "task_version",
    "diffgauge_version",
    "method_version",
    "prompt_hash",
    "rubric_hash",
)
"""What two sets may be there to differ in; of budget, corpus, sides and blindness only like is
compared with like."""

Place = tuple[str, int | None, str, bool, bool]
"""Arm, budget, corpus, whether sides are known, whether the models go by aliases."""

_Of = Callable[[Row], float | None]


@dataclass(frozen=True)
class SetContrast:
    """One measure of one arm in two sets.

    Attributes:
        first: Name of the set that is subtracted.
        second: Name of the other.
        place: The arm, and within what it is compared.
        key: Of the measure, e.g. ``sensitivity``.
        measure: What is compared, in words.
        null: The kind of organisms it is of, as `Row.null`.
        of_first: Its share in the first set, over the pairs.
        of_second: In the second.
        difference: Second less first; `n` counts pairs, `n_missing` those in which one of the two
            has no value, `worst` and `best` are over all that these might have been.
        only_first: Samples of the first set without a partner.
        only_second: Of the second.
        pairs: The samples, the first set's and the second's.
    """

    first: str
    second: str
    place: Place
    key: str
    measure: str
    null: str
    of_first: Estimate
    of_second: Estimate
    difference: Estimate
    only_first: int
    only_second: int
    pairs: tuple[tuple[Row, Row], ...]


@dataclass(frozen=True)
class _Matched:
    """The samples of one arm in two sets: pairs, and those without a partner."""

    pairs: tuple[tuple[Row, Row], ...]
    only_first: tuple[Row, ...]
    only_second: tuple[Row, ...]


def contrasts(sets: Sequence[LogSet]) -> list[SetContrast]:
    """Compares every later set with the first, arm by arm.

    A sample's partner is about the same organism, in the same arm within the same budget, corpus,
    sides and blindness, and of the same epoch and seed, by the same investigator. Where each set
    has one seed, or one investigator, these need not be the same: they may be what is compared.

    Source: paired differences averaged over pairs; intervals of `intervals.clustered_mean`, which
    resample organisms.
    Differs: none.

    Args:
        sets: Of `logs.Logs.sets`.

    Returns:
        Of every arm that shares a sample in two sets, each measure that has a pair or would have
        had one; nothing where no arm does.
    """
    found = []
    for second in sets[1:]:
        ours, theirs = _places(sets[0].rows), _places(second.rows)
        for place in sorted(set(ours) & set(theirs), key=_blackbox_first):
            found += _contrasts(sets[0].name, second.name, place, ours[place], theirs[place])
    return found


def unshared(first: LogSet, second: LogSet) -> list[tuple[str, Place, int]]:
    """Returns (set, place, samples) of what only one of two sets did at all, graded pairs alone."""
    ours, theirs = _places(first.rows), _places(second.rows)
    return [
        (name, place, len(samples_of(held[place])))
        for name, held, other in ((first.name, ours, theirs), (second.name, theirs, ours))
        for place in sorted(set(held) - set(other), key=_blackbox_first)
    ]


def _blackbox_first(place: Place) -> tuple[bool, str]:
    return place[0] != BLACKBOX, str(place)


def _places(rows: Iterable[Row]) -> dict[Place, list[Row]]:
    held: dict[Place, list[Row]] = {}
    for row in rows:
        if row.graded:
            place = row.arm_id, row.budget, row.corpus, row.sides_known, row.blind
            held.setdefault(place, []).append(row)
    return held


def _matched(first: Sequence[Row], second: Sequence[Row]) -> _Matched:
    parts = samples_of(first), samples_of(second)
    must = [
        name
        for name in ("seed", "investigator")
        if any(len({getattr(row, name) for row in part}) > 1 for part in parts)
    ]
    ours, theirs = (_keyed(part, must) for part in parts)
    return _Matched(
        tuple((ours[key], theirs[key]) for key in ours if key in theirs),
        tuple(row for key, row in ours.items() if key not in theirs),
        tuple(row for key, row in theirs.items() if key not in ours),
    )


def _keyed(samples: Sequence[Row], must: Sequence[str]) -> dict[tuple[object, ...], Row]:
    """Samples by what partners share; repeats of one cell are told apart by their order in time."""
    seen: Counter[tuple[object, ...]] = Counter()
    held = {}
    for row in sorted(samples, key=lambda row: (row.created, row.task_id)):
        key = (row.organism, row.epoch, *(getattr(row, name) for name in must))
        held[*key, seen[key]] = row
        seen[key] += 1
    return held


def _contrasts(
    first: str, second: str, place: Place, ours: Sequence[Row], theirs: Sequence[Row]
) -> list[SetContrast]:
    found = []
    matched = _matched(ours, theirs)
    for key, words, null, of, of_other in _measures(ours, theirs) if matched.pairs else ():
        pairs = tuple(pair for pair in matched.pairs if pair[0].null == null)
        only = [
            sum(row.null == null for row in part)
            for part in (matched.only_first, matched.only_second)
        ]
        if not pairs and not any(only):
            continue
        both = [(row.truth_id, of(row), of_other(other)) for row, other in pairs]
        whole = [(name, a, b) for name, a, b in both if a is not None and b is not None]
        difference = clustered_mean(
            [(name, b - a) for name, a, b in whole], n_missing=len(both) - len(whole), span=_SPAN
        )
        found.append(
            SetContrast(
                first,
                second,
                place,
                key,
                words,
                null,
                clustered_share([(name, a) for name, a, _ in whole]),
                clustered_share([(name, b) for name, _, b in whole]),
                difference,
                only[0],
                only[1],
                pairs,
            )
        )
    return found


def _measures(ours: Sequence[Row], theirs: Sequence[Row]) -> list[tuple[str, str, str, _Of, _Of]]:
    """Returns (key, words, kind of null, a sample's value in each set) of every measure."""
    found, top1 = claimed("p_planted"), _top1
    measures = [
        ("sensitivity", "sensitivity", PLANTED, found, found),
        ("top1", "identified (top-1)", PLANTED, top1, top1),
    ]
    for grader in sorted({str(row.grader) for row in ours} & {str(row.grader) for row in theirs}):
        if grader != "None":
            words = f"grade of {GOOD_GRADE} or more ({grader})"
            both = _good(ours, grader), _good(theirs, grader)
            measures.append((f"good_grade_{grader}", words, PLANTED, *both))
    for kind in null_kinds([*ours, *theirs]):
        claim = claimed("p_differs" if kind in SAME else "p_planted")
        measures.append((f"fpr_{kind}", f"false positives: {kind}", kind, claim, claim))
    return measures


def _top1(row: Row) -> float | None:
    return None if row.top1 is None else float(row.top1)


def _good(rows: Sequence[Row], grader: str) -> _Of:
    """Share of one grader's grades of a sample that are good: 1 or 0 where it graded once."""
    held: dict[Key, list[float]] = {}
    for row in rows:
        if row.grader == grader and row.grade is not None:
            held.setdefault(key_of(row), []).append(float(row.grade >= GOOD_GRADE))
    return lambda row: fmean(held[key_of(row)]) if key_of(row) in held else None


def differing(found: Sequence[SetContrast]) -> str:
    """Returns in words what the pairs of two sets were not made with alike; empty for nothing.

    Args:
        found: Contrasts of the same two sets.
    """
    parts = []
    for name in _VARYING:
        values = [
            {
                str(value)
                for one in found
                for pair in one.pairs
                if (value := getattr(pair[at], name)) is not None
            }
            for at in (0, 1)
        ]
        if values[0] != values[1]:
            ours, theirs = (", ".join(sorted(held)) or "not said" for held in values)
            parts.append(f"{name.replace('_', ' ')} ({ours} against {theirs})")
    return ", ".join(parts)
