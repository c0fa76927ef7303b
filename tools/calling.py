"""The border between a tool and the investigator: one way in, one way out, for every tool."""

import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from inspect_ai.tool import (
    Tool,
    ToolCall,
    ToolCallContent,
    ToolCallView,
    ToolDef,
    ToolError,
    ToolParams,
)
from inspect_ai.tool._tool_canonical import set_tool_canonical_arguments

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.printing import neutralised
from diffgauge.records.record import Record
from diffgauge.records.results import Result
from diffgauge.tools.schema import parsed, tool_params, without_nulls
from diffgauge.tools.session import Session

__all__ = ["NoParameters", "called", "made", "result_tool", "view_of"]

P = TypeVar("P", bound=Record)

_VIEWED_CHARS = 2000


class NoParameters(Record):
    """Parameters of a tool that takes none."""


def result_tool(
    session: Session,
    *,
    name: str,
    description: str,
    parameters: type[P],
    work: Callable[[P], Awaitable[Sequence[Result]]],
    max_chars: int | None = None,
) -> Tool:
    """Makes a tool that answers with results.

    Args:
        session: The run.
        name: Of the tool.
        description: Read by the investigator.
        parameters: Of the tool.
        work: Checked parameters to results. Its `DiffgaugeError` and `ToolError` become tool
            errors; anything else is a bug and ends the sample.
        max_chars: Longest result; None is the session's.

    Returns:
        The tool.
    """

    async def answer(arguments: Mapping[str, Any], said: str) -> str:
        results = await work(parsed(parameters, arguments, session.aliases))
        return session.show(name, results, said, max_chars)

    return made(
        session,
        name=name,
        description=description,
        params=tool_params(parameters, session.aliases),
        answer=answer,
    )


def made(
    session: Session,
    *,
    name: str,
    description: str,
    params: ToolParams,
    answer: Callable[[Mapping[str, Any], str], Awaitable[str]],
) -> Tool:
    """Makes a tool of anything that turns arguments, and what they say, into a text.

    Raises:
        LeakError: Its description or schema tells what must stay hidden.
    """
    session.guard.check_text(name, f"{description}\n{params.model_dump_json(exclude_none=True)}")

    # Inspect hands arguments over unchanged to **kwargs: parsing them is ours (`schema`).
    async def execute(**kwargs: Any) -> str:
        return await called(session, name, kwargs, answer)

    tool = ToolDef(
        execute,
        name=name,
        description=description,
        parameters=params,
        viewer=view_of,
        max_output=0,
    ).as_tool()
    # Before Inspect checks them against the schema: a refused report is a repair spent.
    set_tool_canonical_arguments(tool, without_nulls)
    return tool


async def called(
    session: Session,
    name: str,
    arguments: Mapping[str, Any],
    answer: Callable[[Mapping[str, Any], str], Awaitable[str]],
) -> str:
    """Runs one call: counts it, times it, and turns what a user can mend into a tool error."""
    said = json.dumps(arguments, ensure_ascii=False)
    session.usage.calls[name] += 1
    started = time.monotonic()
    refused = session.budget.refused
    try:
        return await answer(arguments, said)
    except (DiffgaugeError, ToolError) as error:
        session.usage.failed_calls += session.budget.refused == refused
        text = neutralised(str(error))
        session.guard.check_text(name, text, said)
        raise ToolError(text) from error
    finally:
        session.usage.tool_seconds += time.monotonic() - started
        session.record()


def view_of(call: ToolCall) -> ToolCallView:
    """Shows a call in `inspect view`: its arguments as a list, long ones cut."""
    lines = [f"- **{name}**: {_viewed(value)}" for name, value in call.arguments.items()]
    return ToolCallView(
        call=ToolCallContent(
            title=call.function, format="markdown", content="\n".join(lines) or "*(defaults)*"
        )
    )


def _viewed(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "".join(f"\n    - {_fenced(item)}" for item in value)
    return _fenced(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _fenced(text: str) -> str:
    """Shows text as code, so that nothing a model wrote is taken as markup."""
    shown = neutralised(" ".join(text.split()))[:_VIEWED_CHARS].replace("`", "'")
    return f"`{shown}`" if shown else "(empty)"
