"""What the artifacts of several methods show, side by side: by family, kind of null, and dose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.exposures import ExposureRow, Measure
from diffgauge.stats.exposure_parts import Part, doses, estimate, ladder, parts
from diffgauge.stats.exposure_tables import exposure_mark
from diffgauge.stats.tables import Column, Table, Value

__all__ = ["COMPARED", "check_comparable", "comparison_tables", "method_names", "of_method"]

COMPARED: Final[tuple[tuple[Measure, str], ...]] = (
    ("auroc", "AUROC"),
    ("term_recall", "term recall"),
)
"""What stands side by side: how far up the card's words stand, and how many are shown."""

_HOW: Final = (
    "Of all that costs nothing to read, net: less the larger of what other truths' cards score on "
    "the same artifacts and what the same card scores on benign nulls'. Means with 90 % intervals "
    "over resampled truths; 0 is nothing beyond what any artifact shows of any card."
)


def method_names(rows: Sequence[ExposureRow]) -> list[str]:
    """Returns the methods that have rows, by name."""
    return sorted({row.method for row in rows})


def of_method(rows: Sequence[ExposureRow], method: str) -> list[ExposureRow]:
    """Returns the rows of one method."""
    return [row for row in rows if row.method == method]


def check_comparable(rows: Sequence[ExposureRow]) -> None:
    """Refuses rows that are no comparison: of other organisms, or of one method in two ways.

    Raises:
        DiffgaugeError: It says which method has what.
    """
    shown = {
        name: {(row.settings_hash, row.corpus, row.n_texts, row.seed) for row in of}
        for name in method_names(rows)
        for of in [of_method(rows, name)]
    }
    twice = [name for name, ways in shown.items() if len(ways) > 1]
    if twice:
        raise DiffgaugeError(
            f"{twice[0]} was evaluated in {len(shown[twice[0]])} ways: other settings, corpus, "
            "number of texts or seed.",
            allowed="one evaluation of each method",
        )
    seen = {name: {row.organism for row in of_method(rows, name)} for name in shown}
    everywhere = set.union(*seen.values()) if seen else set()
    for name, organisms in seen.items():
        if missing := sorted(everywhere - organisms):
            raise DiffgaugeError(
                f"{name} was not evaluated on {len(missing)} organisms that others were: "
                f"{', '.join(missing[:3])}{', …' if len(missing) > 3 else ''}.",
                allowed="the same organisms for every method",
                advice=f"Run: diffgauge methods evaluate {name} --organism … with all of them.",
            )


def comparison_tables(rows: Sequence[ExposureRow]) -> list[Table]:
    """Returns the tables: each measure by family and kind of null, then by dose.

    Args:
        rows: Of several methods on the same organisms (`check_comparable`).
    """
    made = []
    for measure, label in COMPARED:
        made.append(
            _table(
                rows,
                measure,
                f"{measure}_by_family",
                f"{label}, net: by family and kind of null",
                f"{_HOW} Rows of nulls are means over all cards. Of a truth in several doses the "
                "undiluted one stands here.",
                Column("part", "organisms", "Family of planted difference, or kind of null."),
                parts,
            )
        )
    for measure, label in COMPARED:
        if ladder(rows):
            made.append(
                _table(
                    rows,
                    measure,
                    f"{measure}_by_dose",
                    f"{label}, net: by dose",
                    f"{_HOW} Truths in several doses alone. 1:n: one planted text in 1 + n. xF: "
                    "the finetune's effect times F.",
                    Column("part", "dose", "How much of the finetuning data was planted."),
                    _by_dose,
                )
            )
    return made


def _by_dose(rows: Sequence[ExposureRow]) -> list[Part]:
    steps = ladder(rows)
    return [(dose, [row for row in steps if row.dose == dose]) for dose in doses(steps)]


def _table(
    rows: Sequence[ExposureRow],
    measure: Measure,
    name: str,
    title: str,
    text: str,
    first: Column,
    split: Callable[[Sequence[ExposureRow]], Sequence[Part]],
) -> Table:
    """One measure: a row for each part, a column for each method."""
    methods = method_names(rows)
    by_method = {method: dict(split(of_method(rows, method))) for method in methods}
    held: list[dict[str, Value]] = []
    for part in dict(split(rows)):
        values: dict[str, Value] = {"part": part}
        for method in methods:
            values[method] = estimate(by_method[method].get(part, []), measure, "reachable")
        held.append(values)
    columns = (first, *(Column(method, method, _meaning(method)) for method in methods))
    return Table(name, title, text, columns, tuple(held), exposure_mark(rows))


def _meaning(method: str) -> str:
    return f"The artifacts of {method}, all free drill-downs included."
