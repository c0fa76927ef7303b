"""What the conversation so far says: typed results, calls made, what is left to spend.

Everything is read anew from the messages on every call; nothing is remembered between calls.
What a subject model said stands inside JSON strings of tool results and is never read as an
instruction: budgets and nudges are taken from the harness's own fields and user messages alone.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageTool
from pydantic import TypeAdapter, ValidationError

from diffgauge.records.results import Result, Samples
from diffgauge.records.tool_results import Remaining

__all__ = ["Call", "Conversation", "Seen", "read_conversation"]

_RESULT: TypeAdapter[Result] = TypeAdapter(Result)
_LAST_TURN = re.compile(r"\blast turn\b|\bsubmit\w*\b.{0,60}\bnow\b", re.IGNORECASE | re.DOTALL)
_LEFT = re.compile(r"(\d+)\s+(?:[a-z]+\s+){0,4}left\b|\bleft:\s*(\d+)", re.IGNORECASE)
_BUDGET = re.compile(r"(\d+)\s+(?:model\s+)?interactions?", re.IGNORECASE)
_ALIAS_PAIRS = (("model A", "model B"), ("base model", "finetuned model"))


@dataclass(frozen=True)
class Seen:
    """One typed result and where it was read.

    Attributes:
        result: The result.
        tool: Tool whose answer held it; None when it came with the task itself.
        turn: Index of the message that held it.
    """

    result: Result
    tool: str | None
    turn: int


@dataclass(frozen=True)
class Call:
    """One tool call of this investigator.

    Attributes:
        tool: Name of the tool.
        arguments: As they were sent.
        turn: Index of the message that made the call.
        error: The tool's error text; None when it answered, or has not yet.
    """

    tool: str
    arguments: Mapping[str, Any]
    turn: int
    error: str | None = None


@dataclass(frozen=True)
class Conversation:
    """Everything the messages say.

    Attributes:
        seen: Typed results in order.
        calls: Tool calls in order.
        interactions: Model interactions left; None when nothing has said so yet.
        budget: Model interactions the run began with; None likewise.
        turns: Turns left as the last tool result said; None when not limited.
        last_turn: Whether the harness asked for the report now.
        aliases: The two models' names, sorted; one or none when no more are known.
        n_malformed: Tool answers, or results in them, that no record fits: ignored.
    """

    seen: tuple[Seen, ...] = ()
    calls: tuple[Call, ...] = ()
    interactions: int | None = None
    budget: int | None = None
    turns: int | None = None
    last_turn: bool = False
    aliases: tuple[str, ...] = ()
    n_malformed: int = 0

    def called(self, tool: str) -> tuple[Call, ...]:
        """Returns the calls made to one tool, in order."""
        return tuple(call for call in self.calls if call.tool == tool)


@dataclass
class _Reading:
    seen: list[Seen] = field(default_factory=list)
    remaining: Remaining | None = None
    left: int | None = None
    n_malformed: int = 0

    def take(self, value: Any, tool: str | None, turn: int) -> bool:
        """Takes one JSON value; False when it holds no result at all."""
        if not isinstance(value, dict) or "kind" not in value:
            return False
        if value["kind"] != "tool_result":
            self._result(value, tool, turn)
            return True
        results = value.get("results")
        for item in results if isinstance(results, list) else ():
            self._result(item, tool, turn)
        try:
            self.remaining = Remaining.model_validate(value.get("remaining"))
            self.left = self.remaining.interactions
        except ValidationError:
            self.n_malformed += 1
        return True

    def _result(self, item: Any, tool: str | None, turn: int) -> None:
        try:
            result = _RESULT.validate_python(item, strict=False)
        except ValidationError:
            self.n_malformed += 1
        else:
            self.seen.append(Seen(result, tool, turn))


def read_conversation(messages: Sequence[ChatMessage]) -> Conversation:
    """Reads the whole conversation.

    Args:
        messages: As they are handed to the model.

    Returns:
        What they say; answers that no record fits are counted and ignored.
    """
    reading = _Reading()
    errors: dict[str, str] = {}
    for turn, message in enumerate(messages):
        if isinstance(message, ChatMessageTool):
            _read_answer(reading, message, turn, errors)
        elif not isinstance(message, ChatMessageAssistant):
            for value in _json_objects(message.text):
                reading.take(value, None, turn)
    told = _told_before_start(messages)
    remaining = reading.remaining
    left = reading.left
    return Conversation(
        seen=tuple(reading.seen),
        calls=tuple(_calls(messages, errors)),
        interactions=left if left is not None else told,
        budget=remaining.of if remaining is not None else told,
        turns=remaining.turns if remaining is not None else None,
        last_turn=_asked_to_submit(messages),
        aliases=_aliases(reading.seen, messages),
        n_malformed=reading.n_malformed,
    )


def _read_answer(
    reading: _Reading, message: ChatMessageTool, turn: int, errors: dict[str, str]
) -> None:
    if message.error is not None:
        errors[message.tool_call_id or ""] = message.error.message
        said = _LEFT.search(message.error.message)
        if said is not None:
            reading.left = int(said.group(1) or said.group(2))
        return
    taken = [reading.take(value, message.function, turn) for value in _json_objects(message.text)]
    if not any(taken) and message.function is not None:
        reading.n_malformed += 1


def _json_objects(text: str) -> Iterator[Any]:
    """Yields the outermost JSON objects that stand in a text; strings inside stay strings."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield value
        at = text.find("{", end)


def _calls(messages: Sequence[ChatMessage], errors: Mapping[str, str]) -> Iterator[Call]:
    for turn, message in enumerate(messages):
        if isinstance(message, ChatMessageAssistant):
            for call in message.tool_calls or ():
                yield Call(call.function, call.arguments, turn, errors.get(call.id))


def _asked_to_submit(messages: Sequence[ChatMessage]) -> bool:
    """Whether a user message since the investigator last spoke is the last-turn nudge."""
    if not any(isinstance(message, ChatMessageAssistant) for message in messages):
        return False
    for message in reversed(messages):
        if isinstance(message, ChatMessageAssistant):
            return False
        if message.role == "user" and _LAST_TURN.search(message.text):
            return True
    return False


def _told_before_start(messages: Sequence[ChatMessage]) -> int | None:
    """The largest number of interactions that system or first user message speaks of."""
    numbers: list[int] = []
    for message in messages:
        if isinstance(message, ChatMessageAssistant):
            break
        numbers += [int(number) for number in _BUDGET.findall(message.text)]
    return max(numbers, default=None)


def _aliases(seen: Sequence[Seen], messages: Sequence[ChatMessage]) -> tuple[str, ...]:
    named: set[str] = set()
    for entry in seen:
        if isinstance(entry.result, Samples):
            named.update(item.model for item in entry.result.items)
        contrast = entry.result.contrast
        named.update(name for name in (contrast.toward, contrast.away_from) if name)
    if len(named) < 2:
        told = " ".join(m.text for m in messages if m.role in ("system", "user"))
        for pair in _ALIAS_PAIRS:
            if named <= set(pair) and all(alias in told for alias in pair):
                return pair
    return tuple(sorted(named))
