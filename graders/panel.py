"""Who grades: the models bound to the role ``grader``, and what is to be known of each."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, Final

from inspect_ai.model import Model, model_roles
from inspect_ai.solver import TaskState

from diffgauge.graders.lexical import LexicalGrader

__all__ = ["GRADER_ROLE", "bound_graders", "identity", "model_graders"]

GRADER_ROLE: Final = "grader"

_LOGGER: Final = logging.getLogger(__name__)


def bound_graders() -> list[Model]:
    """Returns the models bound to the role, in order; empty where none is.

    The evaluated model never stands in for a grader that is not bound.
    """
    bound = model_roles().get(GRADER_ROLE)
    if bound is None:
        return []
    return list(bound) if isinstance(bound, list) else [bound]


def model_graders() -> list[Model]:
    """Returns those of them that are models, the offline lexical grader left out."""
    return [one for one in bound_graders() if not isinstance(one.api, LexicalGrader)]


def identity(model: Model, state: TaskState) -> dict[str, Any]:
    """Returns what is recorded of one grader, and warns of one that grades itself.

    Args:
        model: The grader.
        state: Of the sample.

    Returns:
        ``grader``, its name, and ``same_model``, whether it is the investigator's model.
    """
    name = str(model)
    same = name == str(state.model)
    if same:
        _warn(name)
    return {"grader": name, "same_model": same}


@cache
def _warn(name: str) -> None:
    """Warns once for each name in a process."""
    _LOGGER.warning(
        "The grader %s is the investigator's own model: models favour what they wrote. It is "
        "recorded as same_model; bind another one with --model-role grader=….",
        name,
    )
