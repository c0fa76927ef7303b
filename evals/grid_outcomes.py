"""How the cells of a grid ended, read from the logs of its eval set."""

from collections.abc import Sequence

from inspect_ai.log import EvalLog, read_eval_log_sample_summaries

from diffgauge.evals.cells import Cell, cell_id
from diffgauge.records.record import Record

__all__ = ["CellOutcome", "outcomes"]


class CellOutcome(Record):
    """How one cell ended.

    Attributes:
        organism: Of the cell.
        arm_id: Its arm.
        status: Inspect's: ``success``, ``error``, ``cancelled`` or ``started``; ``missing`` when
            there is no log.
        n_completed: Samples that ended without an error.
        n_total: Samples there are.
        log: Where its log stands; None when there is none.
        error: The task's error, else that of its first failed sample; None without one.
    """

    organism: str
    arm_id: str
    status: str
    n_completed: int
    n_total: int
    log: str | None
    error: str | None = None


def outcomes(rows: Sequence[Sequence[Cell]], logs: Sequence[EvalLog]) -> tuple[CellOutcome, ...]:
    """Finds the grid's cells among the logs; others that stand in the folder are left out."""
    by_cell = {(log.eval.metadata or {}).get("cell"): log for log in logs}
    return tuple(_outcome(one, by_cell.get(cell_id(one))) for cells in rows for one in cells)


def _outcome(one: Cell, log: EvalLog | None) -> CellOutcome:
    results = None if log is None else log.results
    return CellOutcome(
        organism=one.organisms[0].id,
        arm_id=one.arm_id,
        status="missing" if log is None else log.status,
        n_completed=0 if results is None else results.completed_samples,
        n_total=0 if results is None else results.total_samples,
        log=None if log is None else log.location,
        error=None if log is None else _error(log),
    )


def _error(log: EvalLog) -> str | None:
    """Inspect names no error of a task whose samples failed one by one."""
    if log.error is not None or log.status == "success":
        return None if log.error is None else log.error.message
    failed = (one.error for one in read_eval_log_sample_summaries(log.location) if one.error)
    return next(failed, None)
