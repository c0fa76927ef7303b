"""Rubric grades in the layout in which agents' results were published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Final

from diffgauge.records.rows import Row
from diffgauge.stats.cells import PLANTED, Cell, cells
from diffgauge.stats.evidence import mark
from diffgauge.stats.intervals import Estimate, clustered_mean, clustered_share
from diffgauge.stats.tables import ARM_COLUMNS, Column, Table, Value, key

__all__ = ["published_table"]

_LEXICAL: Final = "diffgauge/"
_THRESHOLDS: Final = (2, 3, 4, 5)
_OF_PAIRS: Final = (2, 4)
_NAMES: Final[Mapping[str, str]] = {
    "adl:method": "ADL",
    "adl:method_only": "ADL",
    "adl:blackbox_matched": "Blackbox",
}


def published_table(rows: Sequence[Row]) -> Table | None:
    """Share of grades of 2, 3, 4 and 5 or more, by arm and budget, planted organisms alone.

    Source: arXiv 2510.13900, results of its agents; thresholds as in
    ``print_agent_statistics`` of its ``plot_agent_performance.py``.
    Differs: intervals cluster by organism; every grade counts, and beside them the published
    count, of pairs by their mean grade. Missing grades are bounds, not left out.

    Args:
        rows: Graded rows.

    Returns:
        One row for each arm, budget and kind of grader; None where no rubric grade was given.
    """
    held: list[dict[str, Value]] = []
    for cell in cells([row for row in rows if row.null == PLANTED and row.grader is not None]):
        for kind in ("model", "lexical"):
            of = [row for row in cell.rows if _kind(row) == kind]
            if any(row.grade is not None for row in of):
                held.append(_row(cell, kind, of))
    if not held:
        return None
    return Table(
        "published",
        "Grades as they are published",
        "The layout of the agents' results of arXiv 2510.13900: the share of rubric grades (1 to "
        "5) that reach a threshold, by arm and budget i, on planted organisms. Every grade of "
        "every grader and repeat counts once; intervals cluster by organism.",
        (
            Column("published", "in print", "What the arm is called there; – has no counterpart."),
            *ARM_COLUMNS,
            Column("graders", "graders", "Models, or the lexical grader; never pooled."),
            *(
                Column(f"share_{at}", f"≥ {at}", f"Share of grades of {at} or more.")
                for at in _THRESHOLDS
            ),
            Column("mean", "mean grade", "Over all grades."),
            *(
                Column(
                    f"pairs_{at}", f"pairs ≥ {at}", f"Share of pairs whose mean grade is {at} up."
                )
                for at in _OF_PAIRS
            ),
        ),
        tuple(sorted(held, key=lambda one: str(one["published"]))),
        mark(rows),
    )


def _kind(row: Row) -> str:
    return "lexical" if str(row.grader).startswith(_LEXICAL) else "model"


def _row(cell: Cell, kind: str, of: Sequence[Row]) -> dict[str, Value]:
    given = [(row.truth_id, row.grade) for row in of if row.grade is not None]
    missing = len(of) - len(given)
    by_pair: dict[tuple[str, str], list[float]] = {}
    for row in of:
        if row.grade is not None:
            by_pair.setdefault((row.truth_id, row.organism), []).append(row.grade)
    name = _NAMES.get(cell.arm_id)
    return {
        "published": None if name is None else f"{name}, i = {cell.budget}",
        **key(cell),
        "graders": kind,
        **{f"share_{at}": _share(given, at, missing) for at in _THRESHOLDS},
        "mean": clustered_mean(given, n_missing=missing, span=(1.0, 5.0)),
        **{
            f"pairs_{at}": _share(
                [(truth, fmean(grades)) for (truth, _), grades in by_pair.items()], at, 0
            )
            for at in _OF_PAIRS
        },
    }


def _share(values: Sequence[tuple[str, float]], threshold: int, missing: int) -> Estimate:
    return clustered_share(
        [(name, float(value >= threshold)) for name, value in values], n_missing=missing
    )
