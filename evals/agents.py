"""Registered Inspect agents in the place of the built-in investigator."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from inspect_ai._util.entrypoints import ensure_entry_points
from inspect_ai._util.registry import registry_find, registry_info, registry_lookup
from inspect_ai.agent import Agent, AgentSubmit
from inspect_ai.tool import Tool

from diffgauge.records.errors import DiffgaugeError, unknown_name

__all__ = ["BUILT_IN", "check_agent", "outside_agent"]

BUILT_IN: Final = "diffgauge/react"
"""Name of the built-in investigator in metadata: Inspect's react agent with our endings."""

_KIND: Final = "agent"
_OURS_IN_INSPECT: Final = "inspect_ai/"
_TOOLS: Final = "tools"
_SUBMIT: Final = "submit"


def check_agent(name: Any) -> None:
    """Checks that an agent is registered and can be handed tools; nothing is made.

    Args:
        name: ``package/name``; those of Inspect itself have no package.

    Raises:
        DiffgaugeError: There is none of that name (with those there are), it takes no ``tools``,
            or it needs an argument that nobody gives it.
    """
    _factory(name)


def outside_agent(name: str, tools: Sequence[Tool], submit: Tool) -> Agent:
    """Makes a registered agent with our tools.

    Args:
        name: As in `check_agent`, which also says what is raised.
        tools: All tools but the report's.
        submit: The report's. An agent that has an argument of that name for an `AgentSubmit` gets
            it there and so ends with the report; any other gets it among its tools.

    Returns:
        The agent.
    """
    factory = _factory(name)
    taken = inspect.signature(factory).parameters
    if _SUBMIT in taken and "AgentSubmit" in str(taken[_SUBMIT].annotation):
        ends = AgentSubmit(tool=submit, answer_only=True, keep_in_messages=True)
        return factory(tools=list(tools), submit=ends)
    return factory(tools=[*tools, submit])


def _factory(name: Any) -> Callable[..., Agent]:
    found = registry_lookup(_KIND, name) if isinstance(name, str) and name else None
    if found is None:
        raise unknown_name("agent of Inspect", str(name), _registered())
    factory = cast("Callable[..., Agent]", found)
    taken = inspect.signature(factory).parameters
    if _TOOLS not in taken:
        raise DiffgaugeError(
            f"The agent {name!r} takes no tools, so that it cannot investigate.",
            allowed="an agent with an argument 'tools'",
        )
    needed = [
        one.name
        for one in taken.values()
        if one.name != _TOOLS
        and one.default is inspect.Parameter.empty
        and one.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    ]
    if needed:
        raise DiffgaugeError(
            f"The agent {name!r} needs {', '.join(needed)}, which nobody gives it.",
            allowed="an agent whose arguments beside 'tools' have defaults",
            advice="Register one of your own that fills them in.",
        )
    return factory


def _registered() -> list[str]:
    """Names of all agents there are, those of installed packages among them."""
    ensure_entry_points()
    found = registry_find(lambda info: info.type == _KIND)
    return sorted(registry_info(one).name.removeprefix(_OURS_IN_INSPECT) for one in found)
