"""The warning that an investigator would be graded by its own model."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from inspect_ai.model import Model

from diffgauge.evals.surroundings import Roles
from diffgauge.graders.panel import GRADER_ROLE

__all__ = ["graders_in", "warn_of_self_grading"]

_LOG: Final = logging.getLogger(__name__)


def graders_in(roles: Roles) -> list[str]:
    """Returns the names of the models that a user binds to the role ``grader``."""
    given = roles.get(GRADER_ROLE, [])
    listed = given.split(",") if isinstance(given, str) else given
    return [str(one) for one in ([listed] if isinstance(listed, Model) else listed)]


def warn_of_self_grading(investigator: str | None, graders: Iterable[str]) -> None:
    """Says once in a process, before a run, that a grader is the investigator's own model.

    Args:
        investigator: As Inspect names it; None where none is known yet.
        graders: Likewise.
    """
    if investigator is not None and investigator in graders:
        _warn(investigator)


@lru_cache(maxsize=1024)
def _warn(name: str) -> None:
    _LOG.warning(
        f"{name} investigates and grades: models favour what they wrote. Every grade would be "
        "recorded as same_model; bind another grader with --model-role grader=…."
    )
