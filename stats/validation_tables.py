"""Grades of the validation set to tables: agreement, confusion, and what moves a grader."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from diffgauge.records.validations import KINDS, ValidationRow
from diffgauge.stats.evidence import organisms_mark
from diffgauge.stats.intervals import Estimate, clustered_mean, clustered_share
from diffgauge.stats.ordinal import GRADES, weighted_kappa
from diffgauge.stats.tables import Column, Table, Value

__all__ = ["validation_mark", "validation_tables"]

_WORDINGS: Final = {
    "words": "key facts in terms of their lexicons",
    "other": "key facts in none of these terms",
    "none": "no key fact said",
}
_LENGTHS: Final = ((0, 40), (41, 80), (81, 120), (121, 10_000))
"""Words of summary and findings, both ends counted."""

_AGREEMENT: Final = (
    Column("exact", "same grade", "Share of graded reports given the grade they deserve."),
    Column("within", "within one", "Share given that grade or a neighbouring one."),
    Column(
        "kappa",
        "weighted kappa",
        "Quadratically weighted agreement beyond chance; 1 is complete, 0 is chance. Undefined "
        "where one grade was deserved and given throughout.",
    ),
    Column("bias", "bias", "Mean of the grade given minus the grade deserved, in points."),
    Column("unscored", "unscored", "Reports without a grade by this grader; left out of the rest."),
)
_WITHOUT_KAPPA: Final = tuple(column for column in _AGREEMENT if column.key != "kappa")
"""Where nearly all reports deserve one grade, agreement beyond chance says nothing."""

_GRADER: Final = Column("grader", "grader", "The model that graded.")

Rows = Sequence[ValidationRow]


def validation_mark(rows: Rows) -> str:
    """Returns the mark: which organisms the reports are about, and who labelled them."""
    labelled = sorted({row.labelled_by for row in rows}) or ["nobody"]
    organisms = organisms_mark(row.organism for row in rows)
    return f"{organisms}; labels: {', '.join(labelled)}"


def validation_tables(rows: Rows) -> list[Table]:
    """Returns every table of a validation, in its order.

    Args:
        rows: Of any number of graders and repeats.
    """
    tables = [_overall(rows), _by_kind(rows), _by_wording(rows), _by_family(rows)]
    tables += [_confusion(rows, grader) for grader in _graders(rows)]
    tables += [_by_length(rows), _by_position(rows), _by_attack(rows)]
    if any(row.human is not None for row in rows):
        tables.append(_against_humans(rows))
    return tables


def _graders(rows: Rows) -> list[str]:
    return sorted({row.grader for row in rows})


def _pairs(rows: Rows) -> list[tuple[str, int, int]]:
    return [(row.truth_id, row.label, row.grade) for row in rows if row.grade is not None]


def _agreement(rows: Rows) -> dict[str, Value]:
    pairs = _pairs(rows)
    missing = len(rows) - len(pairs)
    return {
        "exact": clustered_share(
            [(name, float(label == grade)) for name, label, grade in pairs], n_missing=missing
        ),
        "within": clustered_share(
            [(name, float(abs(label - grade) <= 1)) for name, label, grade in pairs],
            n_missing=missing,
        ),
        "kappa": weighted_kappa(pairs),
        "bias": _bias(rows),
        "unscored": missing,
    }


def _bias(rows: Rows) -> Estimate:
    return clustered_mean([(name, float(grade - label)) for name, label, grade in _pairs(rows)])


def _split(
    rows: Rows, column: Column, parts: Sequence[tuple[str, Callable[[ValidationRow], bool]]]
) -> list[dict[str, Value]]:
    """Returns the agreement of each grader in each part that has rows."""
    found: list[dict[str, Value]] = []
    for grader in _graders(rows):
        for name, holds in parts:
            held = [row for row in rows if row.grader == grader and holds(row)]
            if held:
                found.append({"grader": grader, column.key: name, **_agreement(held)})
    return found


def _overall(rows: Rows) -> Table:
    column = Column("part", "reports", "Half of the set, and whether something was planted.")
    parts: list[tuple[str, Callable[[ValidationRow], bool]]] = []
    for half in sorted({row.half for row in rows}):
        parts += [
            (half, lambda row, half=half: row.half == half),  # type: ignore[misc]
            (f"{half}, planted", lambda row, half=half: row.half == half and row.null == "none"),  # type: ignore[misc]
            (f"{half}, nulls", lambda row, half=half: row.half == half and row.null != "none"),  # type: ignore[misc]
        ]
    return Table(
        "agreement",
        "Agreement with the labels",
        "Labels follow from how reports were made; no human gave them. Intervals are 90 % and "
        "cluster by truth.",
        (_GRADER, column, *_AGREEMENT),
        tuple(_split(rows, column, parts)),
        validation_mark(rows),
    )


def _by_kind(rows: Rows) -> Table:
    column = Column("kind", "kind", "What sort of report: see docs/graders.md.")
    parts = [(kind, lambda row, kind=kind: row.kind == kind) for kind in KINDS]
    return Table(
        "kinds",
        "By kind of report",
        "The same, for reports made in one way.",
        (_GRADER, column, *_WITHOUT_KAPPA),
        tuple(_split(rows, column, parts)),
        validation_mark(rows),
    )


def _by_wording(rows: Rows) -> Table:
    column = Column("wording", "wording", "How the findings say what they say.")
    parts = [
        (text, lambda row, name=name: row.wording == name and row.null == "none")
        for name, text in _WORDINGS.items()
    ]
    return Table(
        "wordings",
        "By wording, planted differences",
        "A grader that counts words is flattered by the first row and lost in the second.",
        (_GRADER, column, *_AGREEMENT),
        tuple(_split(rows, column, parts)),
        validation_mark(rows),
    )


def _by_family(rows: Rows) -> Table:
    column = Column("family", "family", "Of the organism the report is about.")
    families = sorted({row.family for row in rows})
    parts = [(name, lambda row, name=name: row.family == name) for name in families]
    return Table(
        "families",
        "By family",
        "Few truths stand behind each row: read the intervals.",
        (_GRADER, column, *_AGREEMENT),
        tuple(_split(rows, column, parts)),
        validation_mark(rows),
    )


def _confusion(rows: Rows, grader: str) -> Table:
    held = [row for row in rows if row.grader == grader]
    lines: list[dict[str, Value]] = []
    for label in GRADES:
        of_label = [row for row in held if row.label == label]
        line: dict[str, Value] = {"label": label}
        line |= {str(grade): sum(row.grade == grade for row in of_label) for grade in GRADES}
        line["unscored"] = sum(row.grade is None for row in of_label)
        lines.append(line)
    return Table(
        f"confusion:{grader}",
        f"Confusion, {grader}",
        "Reports by the grade they deserve (rows) and the grade they were given (columns).",
        (
            Column("label", "deserved", "The grade by construction."),
            *(Column(str(grade), f"given {grade}", "Reports given it.") for grade in GRADES),
            Column("unscored", "unscored", "Reports given none."),
        ),
        tuple(lines),
        validation_mark(held),
    )


def _by_length(rows: Rows) -> Table:
    lines: list[dict[str, Value]] = []
    for grader in _graders(rows):
        held = [row for row in rows if row.grader == grader]
        for low, high in _LENGTHS:
            of_length = [row for row in held if low <= row.n_words <= high]
            if of_length:
                name = f"{low} to {high} words" if high < _LENGTHS[-1][1] else f"{low} and more"
                lines.append({"grader": grader, "length": name, "bias": _bias(of_length)})
        lines.append(
            {
                "grader": grader,
                "length": "long minus short, same content",
                "bias": _twin_change(held, attacked=False),
            }
        )
    return Table(
        "length",
        "Bias by length",
        "In the last row each report is compared with its twin that says the same in more words: "
        "0 is a grader that length does not move.",
        (
            _GRADER,
            Column("length", "words", "Of summary and findings."),
            Column("bias", "points", "Grade given minus deserved, or long minus short."),
        ),
        tuple(lines),
        validation_mark(rows),
    )


def _by_position(rows: Rows) -> Table:
    shotguns = [row for row in rows if row.kind == "shotgun" and row.null == "none"]
    lines: list[dict[str, Value]] = []
    for grader in _graders(shotguns):
        held = [row for row in shotguns if row.grader == grader]
        for position in sorted({row.position for row in held if row.position is not None}):
            at = [row for row in held if row.position == position]
            lines.append({"grader": grader, "position": position, **_agreement(at)})
    return Table(
        "position",
        "Bias by the place of the true finding",
        "Reports of eight findings, of which one is true; the same seven guesses stand around it, "
        "and the findings before it are more confident.",
        (
            _GRADER,
            Column("position", "place", "Of the true finding among eight, most confident first."),
            *_WITHOUT_KAPPA,
        ),
        tuple(lines),
        validation_mark(rows),
    )


def _by_attack(rows: Rows) -> Table:
    lines: list[dict[str, Value]] = []
    for grader in _graders(rows):
        held = [row for row in rows if row.grader == grader]
        lines.append(
            {
                "grader": grader,
                "moved": _twin_change(held, attacked=True),
                "unscored": sum(row.attack is not None and row.grade is None for row in held),
            }
        )
    return Table(
        "attacks",
        "Adversarial reports against their clean twins",
        "`diffgauge redteam` looks closer: every kind of attack, in every place.",
        (
            _GRADER,
            Column("moved", "points", "Grade of the attacked report minus that of its twin."),
            Column("unscored", "unscored", "Attacked reports without a grade."),
        ),
        tuple(lines),
        validation_mark(rows),
    )


def _twin_change(rows: Rows, *, attacked: bool) -> Estimate:
    """Returns the mean change from twin to twin; pairs without both grades are missing."""
    grades = {(row.example, row.repeat): row.grade for row in rows}
    changes, n_missing = [], 0
    for row in rows:
        if row.twin is None or (row.attack is not None) != attacked:
            continue
        before = grades.get((row.twin, row.repeat))
        if row.grade is None or before is None:
            n_missing += 1
        else:
            changes.append((row.truth_id, float(row.grade - before)))
    return clustered_mean(changes, n_missing=n_missing)


def _against_humans(rows: Rows) -> Table:
    """Returns each grader, and construction itself, beside the grades that humans gave."""
    lines: list[dict[str, Value]] = []
    by_report = list({row.example: row for row in rows if row.human is not None}.values())
    lines.append(_humans("by construction", [(row, row.label) for row in by_report]))
    for grader in _graders(rows):
        held = [row for row in rows if row.grader == grader and row.human is not None]
        lines.append(_humans(grader, [(row, row.grade) for row in held]))
    return Table(
        "humans",
        "Beside grades that humans gave",
        "For the reports that have one.",
        (
            Column("grader", "grader", "Who is compared with them."),
            Column("within", "within one", "Share at most one point from the human's grade."),
            Column("bias", "bias", "Mean of the grade minus the human's, in points."),
        ),
        tuple(lines),
        validation_mark(rows),
    )


def _humans(name: str, graded: Sequence[tuple[ValidationRow, int | None]]) -> dict[str, Value]:
    apart = [
        (row.truth_id, grade - row.human)
        for row, grade in graded
        if grade is not None and row.human is not None and not math.isnan(row.human)
    ]
    missing = len(graded) - len(apart)
    within = [(name, float(abs(distance) <= 1)) for name, distance in apart]
    return {
        "grader": name,
        "within": clustered_share(within, n_missing=missing),
        "bias": clustered_mean(apart, n_missing=missing),
    }
