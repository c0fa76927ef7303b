"""A transcript as graders read it: what tools showed, and what the investigator said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ChatMessageUser,
    ContentReasoning,
)
from pydantic import TypeAdapter, ValidationError

from diffgauge.records.gaps import Place
from diffgauge.records.results import Contrast, Result, Samples
from diffgauge.records.subjects import Side

__all__ = ["Heard", "Said", "Transcript", "transcript_of"]

_SUBMIT: Final = "submit_report"
"""Name of the tool that takes the report; it shows nothing."""

_BLOCK: Final = re.compile(r"`([^`\n]+)`[^`]*```json\n")
"""An overview inside a message: the tool it stands for, and the fence before its JSON."""

_RESULTS: Final[TypeAdapter[tuple[Result, ...]]] = TypeAdapter(tuple[Result, ...])


@dataclass(frozen=True)
class Heard:
    """What one call showed.

    Attributes:
        place: The message that holds it.
        results: With sides in the place of the run's names; a name that is neither stands for
            nobody.
    """

    place: Place
    results: tuple[Result, ...]


@dataclass(frozen=True)
class Said:
    """What the investigator said in one message: text, reasoning, and arguments of its calls."""

    place: Place
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Transcript:
    """The parts of a conversation that the gap is measured in.

    Attributes:
        heard: In order.
        said: In order.
        submitted: The last call of the tool that takes the report; None without one.
        n_unread: Answers of tools that are no results of ours: another agent's tools may give
            such.
    """

    heard: tuple[Heard, ...]
    said: tuple[Said, ...]
    submitted: Place | None
    n_unread: int


def transcript_of(messages: Sequence[ChatMessage], aliases: Mapping[Side, str]) -> Transcript:
    """Reads a sample's messages, of a running sample or of its log.

    Args:
        messages: All of them.
        aliases: The run's name of each side.
    """
    sides = {_folded(alias): side for side, alias in aliases.items()}
    heard: list[Heard] = []
    said: list[Said] = []
    submitted: Place | None = None
    n_unread = 0
    for at, message in enumerate(messages):
        if isinstance(message, ChatMessageUser):
            heard += _overviews(message.text, at, sides)
        elif isinstance(message, ChatMessageAssistant):
            said.append(Said(Place(message=at), _own_texts(message)))
            for call in message.tool_calls or ():
                if call.function == _SUBMIT:
                    submitted = Place(message=at, tool=call.function, call_id=call.id)
        elif isinstance(message, ChatMessageTool) and message.error is None:
            if message.function == _SUBMIT:
                continue
            results = _results(_parsed(message.text), sides)
            n_unread += results is None
            place = Place(message=at, tool=message.function, call_id=message.tool_call_id)
            heard.append(Heard(place, results or ()))
    return Transcript(tuple(heard), tuple(said), submitted, n_unread)


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _overviews(text: str, at: int, sides: Mapping[str, Side]) -> Iterator[Heard]:
    """Yields the overviews that the harness put into a message."""
    for block in _BLOCK.finditer(text):
        try:
            # The fence's end is not looked for: what models wrote may hold one.
            held, _ = json.JSONDecoder().raw_decode(text, block.end())
        except ValueError:
            continue
        results = _results(held, sides)
        if results is not None:
            yield Heard(Place(message=at, tool=block.group(1)), results)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _results(held: Any, sides: Mapping[str, Side]) -> tuple[Result, ...] | None:
    """Returns the results of a `ToolResult` under sides; None for anything else."""
    if not isinstance(held, dict) or held.get("kind") != "tool_result":
        return None
    try:
        results = _RESULTS.validate_json(json.dumps(held.get("results")))
    except ValidationError:
        return None
    return tuple(_by_side(result, sides) for result in results)


def _by_side(result: Result, sides: Mapping[str, Side]) -> Result:
    def side(name: str | None) -> str | None:
        return None if name is None else sides.get(_folded(name))

    contrast = Contrast(
        toward=side(result.contrast.toward), away_from=side(result.contrast.away_from)
    )
    changes: dict[str, Any] = {"contrast": contrast}
    if isinstance(result, Samples):
        items = (item.model_copy(update={"model": side(item.model) or ""}) for item in result.items)
        changes["items"] = tuple(items)
    return result.model_copy(update=changes)


def _own_texts(message: ChatMessageAssistant) -> tuple[str, ...]:
    parts = [message.text]
    if not isinstance(message.content, str):
        parts += [one.reasoning for one in message.content if isinstance(one, ContentReasoning)]
    for call in message.tool_calls or ():
        parts += _strings(call.arguments)
    return tuple(parts)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
