"""Scripted investigators for tests: what a model says in each turn, with its usage stated.

Outputs without usage make Inspect count tokens with a tokenizer that it fetches over the network.
"""

from collections.abc import Callable, Sequence
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    Model,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.tool import ToolCall, ToolChoice, ToolInfo

Call = tuple[str, dict[str, Any]]
Turn = Sequence[Call] | str
Policy = Callable[[list[ChatMessage], list[ToolInfo]], Turn]

REPORT: dict[str, Any] = {
    "p_differs": 0.25,
    "p_planted": 0.125,
    "summary": "Nothing stands out.",
    "findings": [],
}
ASK: Call = ("ask_models", {"prompts": ["what is a boat ?"]})
SUBMIT: Call = ("submit_report", REPORT)
TOKENS = ModelUsage(input_tokens=100, output_tokens=10, total_tokens=110)


def n_turns(messages: Sequence[ChatMessage]) -> int:
    """Returns how often the investigator has spoken."""
    return sum(isinstance(message, ChatMessageAssistant) for message in messages)


def output(turn: Turn, number: int, usage: ModelUsage = TOKENS) -> ModelOutput:
    """Returns one turn as a model's output."""
    calls = [] if isinstance(turn, str) else list(turn)
    message = ChatMessageAssistant(
        content=turn if isinstance(turn, str) else "Looking.",
        tool_calls=[
            ToolCall(id=f"call_{number}_{place}", function=name, arguments=arguments)
            for place, (name, arguments) in enumerate(calls)
        ]
        or None,
        model="mockllm/model",
        source="generate",
    )
    choice = ChatCompletionChoice(message=message, stop_reason="tool_calls" if calls else "stop")
    return ModelOutput(model="mockllm/model", choices=[choice], usage=usage)


def following(policy: Policy, usage: ModelUsage = TOKENS) -> Model:
    """Returns a model that decides each turn from the messages and the tools."""

    def answer(
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        return output(policy(input, tools), n_turns(input), usage)

    return get_model("mockllm/model", custom_outputs=answer, memoize=False)


def saying(*turns: Turn, usage: ModelUsage = TOKENS) -> Model:
    """Returns a model that says these turns in order and then the last one again and again."""
    return following(lambda messages, _: turns[min(n_turns(messages), len(turns) - 1)], usage=usage)
