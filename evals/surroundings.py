"""What a grid is run with, checked before a log is begun: models, log folder, display."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, get_args

from inspect_ai._util.dotenv import init_dotenv
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.model import GenerateConfig, Model, get_model
from inspect_ai.util import DisplayType
from rich.text import Text

from diffgauge.graders.rubric import GRADER_ROLE
from diffgauge.records.errors import DiffgaugeError, unknown_name
from diffgauge.records.folders import check_writable
from diffgauge.records.organisms import ApiPair
from diffgauge.tools.hosted import subject_model
from diffgauge.tools.triggers import TRIGGER_ROLE, several_triggers

__all__ = [
    "ROLES",
    "Roles",
    "check_log_dir",
    "check_models",
    "check_subjects",
    "checked_display",
    "display_for",
    "model_named",
    "plain_words",
]

Roles = Mapping[str, str | Model | list[str] | list[Model]]

ROLES: Final = (GRADER_ROLE, TRIGGER_ROLE)
"""Model roles that something here asks for; another would be bound and never used."""

_DISPLAYS: Final[tuple[DisplayType, ...]] = get_args(DisplayType)
_ELSEWHERE: Final = "://"
_MOST_IN_FULL: Final = 40


def check_models(model: str | Model, model_args: Mapping[str, Any], roles: Roles) -> None:
    """Makes the models of a run as Inspect will, which keeps them.

    Args:
        model: The investigator.
        model_args: For its provider.
        roles: By role, a model or several; one text may name several, separated by commas.

    Raises:
        DiffgaugeError: A provider is not known or not installed, its key is missing, nothing
            here asks for a role of that name, or several models are to decide triggers.
    """
    # A key may stand in the project's .env, which Inspect itself reads only later.
    init_dotenv()
    _make(model, partial(get_model, model, **model_args))
    for role, given in roles.items():
        if role not in ROLES:
            raise unknown_name("model role", role, ROLES)
        listed = given.split(",") if isinstance(given, str) else given
        models = [listed] if isinstance(listed, Model) else listed
        if role == TRIGGER_ROLE and len(models) > 1:
            raise several_triggers(len(models))
        for one in models:
            _make(one, partial(get_model, one))


def check_subjects(pair: ApiPair) -> None:
    """Makes the two models of a hosted pair as its samples will; nothing is asked of them.

    Raises:
        DiffgaugeError: As `check_models`.
    """
    init_dotenv()
    for name in (pair.base, pair.finetuned):
        _make(name, partial(subject_model, name))


def model_named(name: str, connections: int | None = None) -> Model:
    """Returns a model of Inspect's, made now, so that a wrong name or a missing key is told early.

    Args:
        name: As Inspect names it.
        connections: Requests to it under way at once; None leaves that to Inspect.

    Raises:
        DiffgaugeError: As `check_models`.
    """
    init_dotenv()
    config = GenerateConfig(max_connections=connections)
    return _make(name, partial(get_model, name, config=config))


def _make(model: str | Model, make: Callable[[], Model]) -> Model:
    try:
        return make()
    except PrerequisiteError as error:
        raise DiffgaugeError(plain_words(error)) from error
    except ValueError as error:
        raise DiffgaugeError(
            f"The model {str(model)!r} cannot be made: {str(error).rstrip('.')}.",
            allowed="diffgauge/scripted, or provider/model of a provider that Inspect knows",
        ) from error


def checked_display(asked: str | None) -> DisplayType | None:
    """Returns the display a user names.

    Raises:
        DiffgaugeError: Inspect has none of that name.
    """
    if asked is None:
        return None
    for known in _DISPLAYS:
        if known == asked:
            return known
    raise unknown_name("display", asked, _DISPLAYS)


def display_for(asked: DisplayType | None, n_tasks: int) -> DisplayType | None:
    """Returns the display for so many tasks; one that was asked for is taken as it is.

    Inspect's live display draws every task anew each time: 580 kept a core busy for minutes.
    """
    if asked is None and n_tasks > _MOST_IN_FULL and "INSPECT_DISPLAY" not in os.environ:
        return "plain"
    return asked


def check_log_dir(log_dir: str) -> None:
    """Checks that logs can be written there; a remote folder is left to Inspect.

    Raises:
        DiffgaugeError: The folder cannot be made or written.
    """
    if _ELSEWHERE in log_dir:
        return
    check_writable(Path(log_dir), "Logs", "Name another folder with --log-dir.")


def plain_words(error: PrerequisiteError) -> str:
    """Returns Inspect's message without its markup, line breaks and heading."""
    shown = error.message
    text = Text.from_markup(shown).plain if isinstance(shown, str) else str(shown)
    return " ".join(text.split()).removeprefix("ERROR: ")
