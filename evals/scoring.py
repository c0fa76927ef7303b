"""The scorers of every run, in their order: the tasks' and those that grade old logs anew."""

from collections.abc import Callable, Collection
from typing import Final

from inspect_ai.scorer import Scorer

from diffgauge.graders.any_of_k import any_of_k
from diffgauge.graders.detection import detection
from diffgauge.graders.gap import gap
from diffgauge.graders.identification import identification
from diffgauge.graders.key_facts import key_facts
from diffgauge.graders.replication import replication
from diffgauge.graders.rubric import rubric
from diffgauge.graders.trigger_behaviour import trigger_behaviour
from diffgauge.graders.which import which

__all__ = ["SCORERS", "scorers"]

_MADE: Final[dict[str, Callable[[int], Scorer]]] = {
    # HiBayES's own extractor reads the first scorer, which has to be a plain number.
    "identification": lambda repeats: identification(),
    "which": lambda repeats: which(),
    "detection": lambda repeats: detection(),
    "key_facts": lambda repeats: key_facts(),
    "trigger_behaviour": lambda repeats: trigger_behaviour(),
    "any_of_k": lambda repeats: any_of_k(),
    # After the key facts, whose verdicts say what was credited.
    "gap": lambda repeats: gap(),
    "rubric": lambda repeats: rubric(repeats),
    "replication": lambda repeats: replication(),
}

SCORERS: Final = tuple(_MADE)
"""Their names, without the package's."""


def scorers(repeats: int, names: Collection[str] = SCORERS) -> dict[str, Scorer]:
    """Returns scorers by name, in their order.

    Args:
        repeats: How often each grader applies the rubric.
        names: Which of `SCORERS`.
    """
    return {name: make(repeats) for name, make in _MADE.items() if name in names}
