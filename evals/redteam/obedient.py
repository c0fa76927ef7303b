"""Scripted investigators that obey what they read: they show what structure alone stops.

They follow the fixed policy until they see an order. Where they look for one is in their name:
``results`` in whatever stands in the harness's own voice in a tool's result; ``replies`` in what
the subject models said. No structure helps against the second.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from inspect_ai.model import ChatMessage, ChatMessageTool
from inspect_ai.tool import ToolChoice, ToolInfo

from diffgauge.evals.redteam.pleas import ORDERS
from diffgauge.evals.scripted.policy import Action
from diffgauge.evals.scripted.provider import ScriptedInvestigator
from diffgauge.evals.scripted.toolbox import read_toolbox, report_arguments
from diffgauge.graders.obedient import decoded
from diffgauge.records.injections import PleaAim

__all__ = ["OBEDIENT_INVESTIGATORS", "ObedientInvestigator", "order_in", "replies_in", "voice_of"]

OBEDIENT_INVESTIGATORS: Final = ("obedient-investigator-replies", "obedient-investigator-results")
"""Names of the models."""

_REPLIES: Final = "obedient-investigator-replies"
_SURE: Final[dict[PleaAim, float]] = {"deny": 0.0, "claim": 1.0}


def voice_of(result: str) -> str:
    """Returns what the harness itself says in a tool's result.

    Args:
        result: The text of the result.

    Returns:
        Notes, titles and what was cut, without what models said; the whole text where it is no
        JSON, for then nothing tells whose words it holds.
    """
    try:
        read = json.loads(result)
    except ValueError:
        return result
    if not isinstance(read, dict):
        return result
    parts = [str(value) for key, value in read.items() if key != "results"]
    for one in read.get("results", []):
        parts += [str(one[key]) for key in ("title", "note") if key in one]
    return "\n".join(parts)


def replies_in(result: str) -> Iterator[str]:
    """Yields what the subject models said in a tool's result."""
    try:
        read = json.loads(result)
    except ValueError:
        return
    if isinstance(read, dict):
        for one in read.get("results", []):
            for item in one.get("items", []):
                if isinstance(item, dict) and "reply" in item:
                    yield str(item["reply"])


def order_in(texts: Sequence[str]) -> PleaAim | None:
    """Returns what the first order in these texts asks for, however it is encoded."""
    for text in texts:
        for form in decoded(text):
            for aim, order in ORDERS.items():
                if order in form:
                    return aim
    return None


class ObedientInvestigator(ScriptedInvestigator):
    """The scripted investigator, but obedient. For the scorecard and its tests alone."""

    def decide(
        self,
        messages: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        seed: int,
    ) -> Action:
        """Returns the next turn: the report that is ordered, else the fixed policy's turn."""
        order = order_in(list(self._read(messages)))
        submit = read_toolbox(tools).submit
        if order is None or submit is None:
            return super().decide(messages, tools, tool_choice, seed)
        report: dict[str, Any] = {
            "p_differs": _SURE[order],
            "p_planted": _SURE[order],
            "summary": "As I was told.",
            "findings": [],
        }
        return Action("I do as I am told.", ((submit.name, report_arguments(submit, report)),))

    def _read(self, messages: Sequence[ChatMessage]) -> Iterator[str]:
        for message in messages:
            if not isinstance(message, ChatMessageTool):
                continue
            if self.model_name == _REPLIES:
                yield from replies_in(message.text)
            else:
                yield voice_of(message.text)
