"""Investigations written out message by message, through the tools' own blinding and JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ChatMessageUser,
)
from inspect_ai.scorer import Scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import ToolCall, ToolCallError

from diffgauge.records.reports import Report
from diffgauge.records.results import Result
from diffgauge.records.stored import ALIASES_KEY, REPORT_KEY
from diffgauge.records.tool_results import Remaining
from diffgauge.tools.blinding import Aliases
from diffgauge.tools.presenting import present
from tests.graders.runs import ALIASES

NAMES = Aliases(**ALIASES, blinded=True)
"""The finetuned model is model A."""


def answer(*results: Result) -> str:
    """What a tool hands to the investigator."""
    return present(NAMES.shown(results), Remaining(interactions=4, of=10), 7500)


def first(*overview: Result) -> ChatMessage:
    """The first message, an overview at its end."""
    text = "# Task\n\nCompare them."
    if overview:
        text += (
            f"\n\n# Overview\n\nWhat `look_overview` returns:\n\n```json\n{answer(*overview)}\n```"
        )
    return ChatMessageUser(content=text)


def turn(said: str, number: int, tool: str = "look", **arguments: Any) -> ChatMessage:
    """What the investigator says, with one call."""
    call = ToolCall(id=f"call-{number}", function=tool, arguments=arguments)
    return ChatMessageAssistant(content=said, tool_calls=[call])


def shown(number: int, *results: Result, tool: str = "look") -> ChatMessage:
    """The answer to a call."""
    return ChatMessageTool(content=answer(*results), tool_call_id=f"call-{number}", function=tool)


def failed(number: int, text: str) -> ChatMessage:
    return ChatMessageTool(
        content=text,
        tool_call_id=f"call-{number}",
        function="look",
        error=ToolCallError("unknown", text),
    )


def submission(number: int, given: Report) -> list[ChatMessage]:
    """The report as it is sent and accepted."""
    return [
        turn("I submit.", number, "submit_report", **given.model_dump(mode="json")),
        ChatMessageTool(
            content="Report accepted: 1 finding.",
            tool_call_id=f"call-{number}",
            function="submit_report",
        ),
    ]


@solver
def replayed(messages: Sequence[ChatMessage], given: Any, aliases: Any) -> Solver:
    """Leaves behind what an investigation would have."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state.messages = list(messages)
        if given is not None:
            state.store.set(REPORT_KEY, given)
        if aliases is not None:
            state.store.set(ALIASES_KEY, aliases)
        return state

    return solve


def investigated(
    folder: Path,
    messages: Sequence[ChatMessage],
    given: Report | None,
    scorers: Sequence[Scorer],
    *,
    organism: str = "mine/lobster",
    aliases: dict[str, str] | None = ALIASES,
) -> EvalLog:
    """Runs one sample that holds these messages and this report, and returns its log."""
    sent = [] if given is None else submission(99, given)
    stored = None if given is None else given.model_dump(mode="json")
    sample = Sample(
        id=organism,
        input="Investigate.",
        metadata={"organism": organism, "truth_id": organism, "arm": "method"},
    )
    [log] = eval(
        Task(
            dataset=[sample],
            solver=replayed([*messages, *sent], stored, aliases),
            scorer=list(scorers),
        ),
        model="mockllm/model",
        log_dir=str(folder),
        display="none",
    )
    assert log.status == "success", log.error
    return log
