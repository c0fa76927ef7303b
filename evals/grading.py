"""The task that has a grader grade reports of known content: no pair, no investigator."""

from inspect_ai import Task, task

from diffgauge.evals.refusals import told_plainly
from diffgauge.graders.validation.task import validation_task

__all__ = ["grader_validation"]


@task(method="none", tier="grader")
def grader_validation(split: str = "test", human: str | None = None) -> Task:
    """Grades the validation set by the family's rubric; nothing is investigated.

    Args:
        split: ``dev``, ``test`` or ``all``.
        human: File of labels that humans gave, in the format of Inspect's `precomputed_scores`.
    """
    with told_plainly():
        return validation_task(split, human)
