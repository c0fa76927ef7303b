"""Two transcripts of one organism, read out of logs to be laid side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inspect_ai.log import EvalSample, read_eval_log_sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ChatMessageUser,
    ContentReasoning,
)
from inspect_ai.scorer import Score
from pydantic import ValidationError

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.printing import neutralised
from diffgauge.records.reports import Report
from diffgauge.records.rows import Row
from diffgauge.stats.logs import Logs, Sampled, read_logs

__all__ = ["Answer", "Call", "Side", "Turn", "plain", "report_of", "score_words", "side_of"]

_UNREAD: Final = {"events", "events_data"}
_NONE: Final = "–"


@dataclass(frozen=True)
class Answer:
    """What a call was answered with.

    Attributes:
        text: As the investigator read it.
        failed: Whether it was an error.
    """

    text: str
    failed: bool


@dataclass(frozen=True)
class Call:
    """One call; `answer` is None where the run ended before one came."""

    tool: str
    arguments: dict[str, Any]
    answer: Answer | None


@dataclass(frozen=True)
class Turn:
    """One message of the investigator, with its calls.

    Attributes:
        reasoning: What it thought, where the model shows that; may be empty.
        said: Its text; may be empty.
        calls: In order.
        told: What the harness said to it before, between turns; may be empty.
    """

    reasoning: str
    said: str
    calls: tuple[Call, ...]
    told: str = ""


@dataclass(frozen=True)
class Side:
    """One transcript.

    Attributes:
        log: Name of its log file.
        row: What statistics see of it.
        first: The first message, with the overview where there is one.
        turns: In order.
        sample: The sample itself, for its report and scores.
    """

    log: str
    row: Row
    first: str
    turns: tuple[Turn, ...]
    sample: EvalSample


def side_of(log: str | Path, organism: str, epoch: int) -> Side:
    """Reads one transcript.

    Args:
        log: A ``.eval`` file, or a folder that holds one sample of that organism and epoch.
        organism: Card id.
        epoch: 1-based repeat.

    Raises:
        DiffgaugeError: No such sample, or several: what there is, is listed.
    """
    read = read_logs([log])
    found = [one for one in read.samples if _is(one, organism, epoch)]
    if len(found) != 1:
        raise _none(log, organism, epoch, read) if not found else _several(log, found)
    [one] = found
    sample = read_eval_log_sample(
        one.run.address,
        id=one.id,
        epoch=epoch,
        resolve_attachments=True,
        exclude_fields=_UNREAD,
    )
    first, turns = _turns(sample.messages)
    return Side(one.run.name, one.rows[0], first, tuple(turns), sample)


def _is(one: Sampled, organism: str, epoch: int) -> bool:
    return one.rows[0].organism == organism and one.epoch == epoch


def _none(log: str | Path, organism: str, epoch: int, read: Logs) -> DiffgaugeError:
    held = sorted({f"{one.rows[0].organism} {one.epoch}" for one in read.samples})
    return DiffgaugeError(
        f"There is no sample of {organism!r}, epoch {epoch}, in {log}.",
        allowed=neutralised(", ".join(held)),
    )


def _several(log: str | Path, found: Sequence[Sampled]) -> DiffgaugeError:
    held = ", ".join(f"{one.run.address} ({one.rows[0].arm_id})" for one in found)
    return DiffgaugeError(
        f"{len(found)} samples in {log} are of that organism and epoch.",
        allowed=neutralised(held),
        advice="Name one of the files.",
    )


def _turns(messages: Sequence[ChatMessage]) -> tuple[str, list[Turn]]:
    """Returns the first message, and the conversation that followed by turns."""
    answers = {
        message.tool_call_id: Answer(_answered(message), message.error is not None)
        for message in messages
        if isinstance(message, ChatMessageTool)
    }
    first, told = "", ""
    turns: list[Turn] = []
    for message in messages:
        if isinstance(message, ChatMessageAssistant):
            calls = tuple(
                Call(call.function, dict(call.arguments), answers.get(call.id))
                for call in message.tool_calls or ()
            )
            turns.append(Turn(_reasoning(message), message.text, calls, told))
            told = ""
        elif not isinstance(message, ChatMessageTool):
            if isinstance(message, ChatMessageUser) and not first and not turns:
                first = message.text
            else:
                told = f"{told}\n{message.text}".strip()
    if told:
        turns.append(Turn("", "", (), told))
    return first, turns


def _answered(message: ChatMessageTool) -> str:
    return message.error.message if message.error is not None else message.text


def _reasoning(message: ChatMessageAssistant) -> str:
    if isinstance(message.content, str):
        return ""
    held = (one.reasoning for one in message.content if isinstance(one, ContentReasoning))
    return "\n".join(held)


def report_of(sample: EvalSample, key: str) -> Report | None:
    """Returns the accepted report of a sample; None where there is none that can be read."""
    value = sample.store.get(key)
    held = json.loads(value) if isinstance(value, str) else value
    try:
        return None if held is None else Report.model_validate_json(json.dumps(held))
    except ValidationError:
        return None


def plain(value: object) -> str:
    """Returns a value in a few characters; a dash for what is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return _NONE
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def score_words(score: Score) -> str:
    """Returns a score's value in words; why it has none, where it has none."""
    value = score.value
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(one)}" for name, one in value.items())
    if isinstance(value, float) and math.isnan(value):
        return f"unscored: {score.reason or 'no reason given'}"
    return plain(value)
