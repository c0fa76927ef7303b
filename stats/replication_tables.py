"""Findings tested on fresh samples: how many hold, by arm and by what was investigated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from diffgauge.records.rows import Row
from diffgauge.stats.cells import PLANTED, SAME, Cell, cells, mean, null_kinds
from diffgauge.stats.evidence import mark
from diffgauge.stats.intervals import Estimate, clustered_share
from diffgauge.stats.tables import ARM_COLUMNS, Column, Table, Value, key

__all__ = ["replication_table"]

_UNGRADED: Final = "ungraded"
_NOT_REQUESTED: Final = "not requested"
_UNBOUNDED: Final = (float("nan"), float("nan"))


def replication_table(rows: Sequence[Row]) -> Table | None:
    """What became of the findings that reports predict from, in each arm.

    Args:
        rows: All rows, those of pairs without a truth as well: a finding is tested without one.

    Returns:
        The table, or None where no run tested any finding.
    """
    if all(row.n_tested is None for row in rows):
        return None
    kinds = _kinds(rows)
    held = [
        {**key(cell), "judge": judge, **_values(cell.part(_judged_by(judge)), kinds)}
        for cell in cells(rows)
        for judge in _judges(cell)
    ]
    return Table(
        "replication",
        "Findings tested on fresh samples",
        "After the report both models are sampled anew on the prompts that its most confident "
        "findings predict from; a finding holds when the model it names shows it more often than "
        "the other, at the false-discovery rate stated in the logs (by default 0.1 in each "
        "report). It is then shown for those prompts and no others. Shares are of tested findings, "
        "with 90 % intervals that cluster by organism; n counts findings. On identical and "
        "reserved pairs nothing can be true: what holds there holds by chance.",
        (*ARM_COLUMNS, *_columns(kinds)),
        tuple(held),
        mark(rows),
    )


def _judged_by(judge: str) -> Callable[[Row], bool]:
    return lambda row: row.replication_judge in (judge, None)


def _judges(cell: Cell) -> list[str]:
    return sorted({row.replication_judge for row in cell.samples if row.replication_judge})


def _kind(row: Row) -> str:
    return row.null if row.graded else _UNGRADED


def _kinds(rows: Sequence[Row]) -> list[str]:
    """What was investigated, of what had a finding tested: planted, kinds of null, ungraded."""
    tested = [row for row in rows if row.n_tested]
    found = {_kind(row) for row in tested}
    order = (PLANTED, *null_kinds(row for row in tested if row.graded), _UNGRADED)
    return [kind for kind in order if kind in found]


def _values(cell: Cell, kinds: Sequence[str]) -> dict[str, Value]:
    samples = [row for row in cell.samples if row.replication_reason != _NOT_REQUESTED]
    tested = [row for row in samples if row.n_tested]
    reasons = Counter(str(row.replication_reason) for row in samples if not row.n_tested)
    values: dict[str, Value] = {
        f"held_{kind}": _share([row for row in tested if _kind(row) == kind]) for kind in kinds
    }
    values |= {
        "n_tested": sum(row.n_tested or 0 for row in tested),
        "n_held": sum(row.n_held or 0 for row in tested),
        "n_side_effects": sum(row.n_side_effects or 0 for row in tested if row.null not in SAME),
        "n_false_findings": sum(row.n_false_findings or 0 for row in tested),
        "n_untested": sum(max(0, (row.n_findings or 0) - (row.n_tested or 0)) for row in samples),
        "without": ", ".join(f"{reason}: {n}" for reason, n in sorted(reasons.items())) or "none",
        "interactions": mean(samples, lambda row: row.replication_interactions, _UNBOUNDED),
    }
    return values


def _share(samples: Sequence[Row]) -> Estimate:
    """The share of findings that hold; each finding is an observation of its organism."""
    held = []
    for row in samples:
        n_held, n_tested = row.n_held or 0, row.n_tested or 0
        held += [(row.truth_id, float(at < n_held)) for at in range(n_tested)]
    return clustered_share(held)


def _columns(kinds: Sequence[str]) -> list[Column]:
    columns = [Column("judge", "judge", "Who judged the fresh replies; judges are never pooled.")]
    for kind in kinds:
        label = "planted" if kind == PLANTED else kind
        columns.append(
            Column(f"held_{kind}", f"hold: {label}", f"Share that holds, {label} organisms.")
        )
    return [
        *columns,
        Column("n_tested", "tested", "Findings tested, over all organisms."),
        Column("n_held", "hold", "Of these, those that hold."),
        Column(
            "n_side_effects",
            "side effects",
            "Of these, those that are not about what was planted: real differences nobody meant. "
            "Not counted here: pairs without a truth, where nobody knows, and identical and "
            "reserved ones, where there are none.",
        ),
        Column("n_false_findings", "false findings", "Tested findings that do not hold."),
        Column(
            "n_untested",
            "not tested",
            "Findings without a prediction, beyond the most confident ones, or that could not be "
            "sampled or judged. They are neither held nor false.",
        ),
        Column("without", "reports without a test", "Reports no finding of which was tested."),
        Column(
            "interactions",
            "replies sampled",
            "Mean over samples of the replies that testing took; not of the budget.",
        ),
    ]
