"""Reports of known content graded by models: one run of Inspect without an investigator."""

from __future__ import annotations

from collections.abc import Sequence

from inspect_ai import Task, eval
from inspect_ai.log import EvalLog
from inspect_ai.model import Model
from inspect_ai.util import DisplayType

from diffgauge.graders.rubric import GRADER_ROLE
from diffgauge.records.errors import DiffgaugeError

__all__ = ["reports_graded"]


def reports_graded(
    task: Task,
    graders: Sequence[Model],
    what: str,
    *,
    log_dir: str,
    display: DisplayType,
) -> EvalLog:
    """Runs a task whose samples are reports that stand in it already.

    Args:
        task: Its scorers ask the role ``grader``.
        graders: Models for that role.
        what: What is graded, for the error: "The attacked reports were not graded".
        log_dir: Where Inspect's log lands.
        display: Inspect's.

    Returns:
        The log. A report that could not be graded does not end the run.

    Raises:
        DiffgaugeError: No sample was run.
    """
    [log] = eval(
        task,
        model="none",
        model_roles={GRADER_ROLE: list(graders)},
        log_dir=log_dir,
        display=display,
        fail_on_error=False,
    )
    if not log.samples:
        raise DiffgaugeError(f"{what}: {log.error.message if log.error else log.status}.")
    return log
