"""From a task's arguments to the task: the one builder behind every literal `@task`."""

from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model._model import active_model
from inspect_ai.solver import Solver

from diffgauge.evals.cells import ALL_ORGANISMS, Cell, as_json, cell, cell_id, factors
from diffgauge.evals.investigators import REPAIR_TURNS, investigator
from diffgauge.evals.lease import leased_pair, release_pair
from diffgauge.evals.missing_nulls import warn_of_missing_nulls
from diffgauge.evals.prompting import neutral_prompt, prompt_hash
from diffgauge.evals.readiness import check_cell
from diffgauge.evals.refusals import told_plainly
from diffgauge.evals.replicating import fresh_samples
from diffgauge.evals.scoring import SCORERS, scorers
from diffgauge.evals.self_grading import warn_of_self_grading
from diffgauge.evals.ungraded import warn_of_ungraded
from diffgauge.evals.vetting import check_rooms
from diffgauge.graders.panel import bound_graders
from diffgauge.records.errors import DiffgaugeError

__all__ = ["VERSION", "investigation", "samples"]

VERSION = "1-A"
"""The first part is raised when grades stop being comparable, the second when arguments change."""


def investigation(*, dry_run: bool = False, **asked: Any) -> Task:
    """Builds the task of one cell.

    Args:
        dry_run: Show what the run would load, compute and sample, in its place.
        asked: Arguments of `cell`, which checks them.

    Returns:
        The task, with everything checked that can be checked before a pair is loaded.

    Raises:
        PrerequisiteError: An argument is not allowed, something the run needs is not there, or
            this is a dry run, whose plan is then its message.
    """
    with told_plainly():
        if not isinstance(dry_run, bool):
            raise DiffgaugeError(
                f"The argument dry_run was given as {dry_run!r}.", allowed="true or false"
            )
        chosen = cell(**asked)
        check_cell(chosen)
        warn_of_ungraded(chosen.organisms, chosen.graded)
        warn_of_missing_nulls(asked.get("organism", ALL_ORGANISMS))
        model = active_model()
        warn_of_self_grading(None if model is None else str(model), map(str, bound_graders()))
        if dry_run:
            from diffgauge.evals.dry_run import stop_with_plan

            stop_with_plan(chosen)
        check_rooms(chosen)
    return Task(
        dataset=MemoryDataset(samples(chosen), name="organisms"),
        setup=leased_pair(**as_json(chosen)),
        solver=[
            _investigator(chosen),
            *([fresh_samples(n=chosen.replicate)] if chosen.replicate else []),
        ],
        cleanup=release_pair,
        scorer=list(scorers(chosen.grader_repeats, _scales(chosen)).values()),
        # One turn more than the investigator is given: for the one repair of its report.
        turn_limit=chosen.turns + REPAIR_TURNS,
        token_limit=chosen.tokens,
        cost_limit=chosen.money,
        continue_on_fail=True,
        version=VERSION,
        metadata={"arm_id": chosen.arm_id, "cell": cell_id(chosen)},
    )


def _scales(cell: Cell) -> list[str]:
    return [name for name in SCORERS if cell.replicate or name != "replication"]


def _investigator(cell: Cell) -> Solver:
    asked: dict[str, Any] = {"method": cell.method, "turns": cell.turns}
    # Left out where it was not given, so that logs of before it are continued.
    if cell.agent_name is not None:
        asked["agent_name"] = cell.agent_name
    return investigator(**asked)


def samples(cell: Cell) -> list[Sample]:
    """Returns one sample for each organism; all of them get the same input."""
    prompt = neutral_prompt(cell)
    return [
        Sample(
            id=card.id,
            input=prompt,
            metadata=factors(cell, card) | {"prompt_hash": prompt_hash()},
        )
        for card in cell.organisms
    ]
