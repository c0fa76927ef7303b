"""Which tool is which, from its schema and description; no tool is known by name."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from inspect_ai.tool import ToolInfo

__all__ = ["Toolbox", "bare_and_varied", "read_toolbox", "report_arguments", "stated_cost"]

_COST = re.compile(r"costs?\s+(\d+)", re.IGNORECASE)
_PAID = re.compile(r"\bcosts?\b|\bpaid\b|\bspends?\b", re.IGNORECASE)
_FREE = re.compile(r"\bfree\b|\bcosts? (?:nothing|no)\b", re.IGNORECASE)
MAX_VARIED = 3
"""Calls of one free tool beyond the bare one."""

MAX_PAGES = 64
"""Pages read of one tool."""

_PAGE = "page"
_REPORT_FIELDS = {"p_differs", "findings"}


@dataclass(frozen=True)
class Toolbox:
    """The tools at hand by what they are for.

    Attributes:
        ask: Asks the subject models prompts: it requires `prompts` and nothing else.
        submit: Takes the report: it has `p_differs` and `findings`.
        free: Everything else that can be called with its defaults and says no cost.
        paid: Likewise, but its description speaks of a cost.
    """

    ask: ToolInfo | None
    submit: ToolInfo | None
    free: tuple[ToolInfo, ...]
    paid: tuple[ToolInfo, ...]


def read_toolbox(tools: Sequence[ToolInfo]) -> Toolbox:
    """Sorts the tools by their schemas.

    Args:
        tools: As they are handed to the model.

    Returns:
        The toolbox; a tool that requires arguments nobody can guess stands nowhere in it.
    """
    ask: ToolInfo | None = None
    submit: ToolInfo | None = None
    free: list[ToolInfo] = []
    paid: list[ToolInfo] = []
    for tool in tools:
        required = set(tool.parameters.required)
        if set(tool.parameters.properties) >= _REPORT_FIELDS:
            submit = submit or tool
        elif required == {"prompts"}:
            ask = ask or tool
        elif not required:
            (paid if _is_paid(tool) else free).append(tool)
    return Toolbox(ask, submit, tuple(free), tuple(paid))


def _is_paid(tool: ToolInfo) -> bool:
    return bool(_PAID.search(tool.description)) and not _FREE.search(tool.description)


def stated_cost(tool: ToolInfo) -> int | None:
    """Returns the interactions a call with the defaults costs, where the description says so."""
    found = _COST.search(tool.description)
    return int(found.group(1)) if found else None


def bare_and_varied(tool: ToolInfo, aliases: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yields the arguments a free tool is called with: none, then one choice changed at a time.

    Only parameters that list their allowed values are varied, each to every value that is not
    its default, at most `MAX_VARIED` calls in all. A choice of model is left alone: the default
    shows both. A tool whose one parameter is a numbered page with a last one is read to its end.

    Args:
        tool: The tool.
        aliases: The models' names.
    """
    yield {}
    properties = tool.parameters.properties
    page = properties.get(_PAGE)
    if len(properties) == 1 and page is not None and isinstance(page.maximum, int | float):
        yield from ({_PAGE: number} for number in range(2, min(int(page.maximum), MAX_PAGES) + 1))
    varied = [
        {name: value}
        for name, schema in properties.items()
        for value in schema.enum or ()
        if value != schema.default and value not in aliases
    ]
    yield from varied[:MAX_VARIED]


def report_arguments(tool: ToolInfo, report: dict[str, Any]) -> dict[str, Any]:
    """Returns the report's fields that the submit tool asks for, under its own names."""
    return {key: value for key, value in report.items() if key in tool.parameters.properties}
