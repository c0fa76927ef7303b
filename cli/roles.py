"""Graders named on the command line, made before anything is spent."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from diffgauge.records.errors import DiffgaugeError, unknown_name

if TYPE_CHECKING:
    from inspect_ai.model import Model

__all__ = ["graders_named"]


def graders_named(roles: "Sequence[str]") -> "list[Model]":
    """Returns the models of the role `grader`.

    Args:
        roles: Each ``grader=provider/model``, several models separated by commas.

    Raises:
        DiffgaugeError: A role cannot be read or is another one, or a model cannot be made.
    """
    from diffgauge.evals.surroundings import model_named
    from diffgauge.graders.rubric import GRADER_ROLE

    names: list[str] = []
    for text in roles:
        role, separator, models = text.partition("=")
        if not separator or not models.strip():
            raise DiffgaugeError(
                f"The model role {text!r} cannot be read.", allowed=f"{GRADER_ROLE}=provider/model"
            )
        if role != GRADER_ROLE:
            raise unknown_name("model role", role, [GRADER_ROLE])
        names += [name.strip() for name in models.split(",") if name.strip()]
    return [model_named(name) for name in dict.fromkeys(names)]
