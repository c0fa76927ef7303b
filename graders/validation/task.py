"""The task that has a grader grade the validation set: Inspect's logs, retries and limits."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.solver import Generate, Solver, TaskState, solver

from diffgauge.graders.rubric import rubric
from diffgauge.graders.validation.examples import Example, digest, examples
from diffgauge.graders.validation.human import check_human_labels, human_labels
from diffgauge.records.stored import REPORT_KEY

__all__ = ["handed_in", "sample_of", "validation_task"]

_REPORT: Final = "report"


@solver
def handed_in() -> Solver:
    """Puts the report of a sample's metadata where an accepted submission stands."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state.store.set(REPORT_KEY, state.metadata[_REPORT])
        return state

    return solve


def sample_of(example: Example) -> Sample:
    """Returns the sample of one example; the grader is shown its report and truth alone."""
    return Sample(
        id=example.id,
        input="A report of the validation set.",
        metadata={
            "organism": example.organism,
            "truth_id": example.truth_id,
            "family": example.family,
            "null": example.null,
            "truth": "complete",
            _REPORT: example.report.model_dump(mode="json"),
        },
    )


def validation_task(split: str = "test", human: str | None = None, name: str | None = None) -> Task:
    """Returns the task that grades the validation set by the family's rubric.

    Args:
        split: ``dev``, ``test`` or ``all``.
        human: File of labels that humans gave; None without any (`human_labels`).
        name: For the log; None leaves it to who registers the task.

    Raises:
        DiffgaugeError: There is no such split, or a label is none.
    """
    chosen = examples(split)
    scorers = [rubric()]
    if human is not None:
        check_human_labels(Path(human), {one.id for one in examples()})
        scorers.append(human_labels(human))
    return Task(
        dataset=MemoryDataset([sample_of(one) for one in chosen], name="validation"),
        solver=handed_in(),
        scorer=scorers,
        continue_on_fail=True,
        name=name,
        version="1-A",
        metadata={"split": split, "set": digest()},
    )
