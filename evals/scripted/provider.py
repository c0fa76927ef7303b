"""The model provider behind `diffgauge/scripted`: Inspect's interface around the fixed policy.

It knows what a model would know, the messages and the tool schemas, and keeps nothing between
calls. `-M seed=1` asks the prompt bank in another order.
"""

import hashlib
import json
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.tool import ToolCall, ToolChoice, ToolInfo

from diffgauge.evals.scripted.policy import Action, next_action
from diffgauge.records.errors import DiffgaugeError, unknown_name

__all__ = ["ScriptedInvestigator"]

_CHARACTERS_PER_TOKEN = 4
_KNOWN_ARGUMENTS = ("seed",)


class ScriptedInvestigator(ModelAPI):
    """A deterministic investigator that needs no network and no weights.

    Args:
        model_name: Name after the slash, shown in logs.
        base_url: Not used.
        api_key: Not used.
        config: Its `seed`, when set, takes the place of the model argument.
        **model_args: `seed` (int, default 0): orders the prompt bank.

    Raises:
        DiffgaugeError: An unknown model argument, or a seed that is no whole number.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008  Inspect's own signature
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        for name in model_args:
            if name not in _KNOWN_ARGUMENTS:
                raise unknown_name("model argument of diffgauge/scripted", name, _KNOWN_ARGUMENTS)
        seed = model_args.get("seed", 0)
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise DiffgaugeError(f"The seed {seed!r} is not a whole number.", allowed="-M seed=0")
        self._seed = seed

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Returns the next turn, with usage at 4 characters a token (an approximation)."""
        seed = self._seed if config.seed is None else config.seed
        action = self.decide(input, tools, tool_choice, seed)
        return _output(self.model_name, action, input, tools)

    def decide(
        self,
        messages: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        seed: int,
    ) -> Action:
        """Returns the next turn by the fixed policy; a policy beside it takes this one's place."""
        return next_action(messages, tools, tool_choice, seed)

    async def count_text_tokens(self, text: str) -> int:
        """Returns the length of a text at 4 characters a token; needs no tokenizer file."""
        return _n_tokens(text)


def _n_tokens(text: str) -> int:
    return max(1, len(text) // _CHARACTERS_PER_TOKEN)


def _output(
    model_name: str, action: Action, messages: list[ChatMessage], tools: list[ToolInfo]
) -> ModelOutput:
    sent = sum(_n_tokens(message.text) for message in messages)
    sent += sum(_n_tokens(tool.model_dump_json(exclude_none=True)) for tool in tools)
    made = _n_tokens(action.said + json.dumps([arguments for _, arguments in action.calls]))
    calls = [
        ToolCall(id=_call_id(messages, place, name), function=name, arguments=dict(arguments))
        for place, (name, arguments) in enumerate(action.calls)
    ]
    message = ChatMessageAssistant(
        content=action.said, tool_calls=calls or None, model=model_name, source="generate"
    )
    return ModelOutput(
        model=model_name,
        choices=[
            ChatCompletionChoice(message=message, stop_reason="tool_calls" if calls else "stop")
        ],
        usage=ModelUsage(input_tokens=sent, output_tokens=made, total_tokens=sent + made),
    )


def _call_id(messages: list[ChatMessage], place: int, name: str) -> str:
    """A deterministic id, different for every call of a conversation."""
    digest = hashlib.sha256(f"{len(messages)}:{place}:{name}".encode()).hexdigest()
    return f"call_{digest[:16]}"
