"""The fixed policy: which tools to call next, from the messages and the tool schemas alone.

In order: every free tool with its defaults, and with each listed choice changed · half of the
interactions on the seeded bank · paid tools once with their defaults, where the description states
a cost of at most a quarter of what is left · the rest on follow-ups made from what was seen · the
report. Asked to submit (the last-turn nudge, a forced tool choice, one turn left), it submits what
it has.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspect_ai.model import ChatMessage, ChatMessageAssistant
from inspect_ai.tool import ToolChoice, ToolFunction, ToolInfo

from diffgauge.evals.scripted.analysis import Analysis, analyse, top_leads
from diffgauge.evals.scripted.bank import ordered_bank
from diffgauge.evals.scripted.evidence import Call, Conversation, read_conversation
from diffgauge.evals.scripted.follow_ups import follow_up_prompts
from diffgauge.evals.scripted.report_writer import write_report
from diffgauge.evals.scripted.toolbox import (
    Toolbox,
    bare_and_varied,
    read_toolbox,
    report_arguments,
    stated_cost,
)

__all__ = ["Action", "next_action"]

BANK_SHARE = 0.5
"""Share of the prompts asked from the bank before anything is followed up."""

FEWEST_TO_SPLIT = 8
"""With fewer prompts than this in all, every one is the bank's: halves would show nothing."""

ROUNDS = 1
"""Rounds of follow-ups. With 50 interactions two rounds of 6 prompts (dev split) found less than
one of 12: no test on 6 prompts can give a small p-value."""

PAID_SHARE = 4
"""A paid tool is called when it costs at most a quarter of what is left."""

BATCH = 10
"""Prompts asked in one call; calls of one turn go out together."""

PROBE = 2
"""Prompts asked first when nothing has said what the budget is."""

MAX_TURNS = 15
"""The report is submitted at the latest in this turn."""

MAX_SUBMISSIONS = 3
"""Reports sent before it is given as plain text: as written, without evidence, without findings."""

_MODELS = 2


@dataclass(frozen=True)
class Action:
    """One turn of the investigator.

    Attributes:
        said: What it says: what it noticed and what it does next.
        calls: Tool calls with their arguments; none means the text is the answer.
    """

    said: str
    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()


@dataclass(frozen=True)
class _Position:
    conversation: Conversation
    toolbox: Toolbox
    seed: int
    plan: tuple[str, ...]
    asked: tuple[str, ...]
    asked_turns: tuple[int, ...]
    n_turns: int

    def analysis(self) -> Analysis:
        return analyse(self.conversation, self.asked_turns)


def next_action(
    messages: Sequence[ChatMessage],
    tools: Sequence[ToolInfo],
    tool_choice: ToolChoice,
    seed: int,
) -> Action:
    """Decides the next turn.

    Args:
        messages: The conversation so far.
        tools: The tools at hand.
        tool_choice: As it was asked of the model; a forced tool is called.
        seed: Orders the prompt bank and picks the forms of follow-ups.

    Returns:
        The action; the same input gives the same action.
    """
    position = _position(messages, tools, seed)
    conversation, toolbox = position.conversation, position.toolbox
    if tool_choice == "none" or _must_submit(position, tool_choice):
        return _submission(position, as_text=tool_choice == "none")
    new = [tool for tool in toolbox.free if not conversation.called(tool.name)]
    if new:
        return Action(
            "I read what is there before I ask the models anything.",
            tuple(
                (tool.name, arguments)
                for tool in new
                for arguments in bare_and_varied(tool, conversation.aliases)
            ),
        )
    if toolbox.ask is None:
        return _submission(position)
    affordable = _affordable(position)
    n_rounds = max(0, len(position.asked_turns) - 1)
    if n_rounds == 0:
        bank = [prompt for prompt in position.plan if prompt not in position.asked]
        if bank[:affordable]:
            return _ask(position, bank[:affordable], "I ask both models ordinary questions.")
        paid = _paid_calls(position)
        if paid:
            return Action("I let the method look closer.", paid)
    if n_rounds < ROUNDS:
        action = _follow_up(position, math.ceil(affordable / (ROUNDS - n_rounds)))
        if action is not None:
            return action
    return _submission(position)


def _position(messages: Sequence[ChatMessage], tools: Sequence[ToolInfo], seed: int) -> _Position:
    conversation = read_conversation(messages)
    toolbox = read_toolbox(tools)
    plan = _bank_plan(conversation.budget, seed)
    asking = conversation.called(toolbox.ask.name) if toolbox.ask is not None else ()
    rounds = {call.turn for call in asking if set(_prompts(call)) - set(plan)}
    started = [asking[0].turn] if asking else []
    return _Position(
        conversation=conversation,
        toolbox=toolbox,
        seed=seed,
        plan=plan,
        asked=tuple(prompt for call in asking for prompt in _prompts(call)),
        asked_turns=(*started, *sorted(rounds)),
        n_turns=sum(isinstance(message, ChatMessageAssistant) for message in messages),
    )


def _bank_plan(budget: int | None, seed: int) -> tuple[str, ...]:
    """The bank prompts that stage one asks; a prefix of one order, whatever the arm."""
    n_prompts = PROBE if budget is None else budget // _MODELS
    if n_prompts >= FEWEST_TO_SPLIT:
        n_prompts = math.ceil(n_prompts * BANK_SHARE)
    return ordered_bank(seed)[:n_prompts]


def _prompts(call: Call) -> list[str]:
    prompts = call.arguments.get("prompts")
    return [str(prompt) for prompt in prompts] if isinstance(prompts, list) else []


def _must_submit(position: _Position, tool_choice: ToolChoice) -> bool:
    conversation, submit = position.conversation, position.toolbox.submit
    forced = isinstance(tool_choice, ToolFunction) and (
        submit is None or tool_choice.name == submit.name
    )
    tried = submit is not None and bool(conversation.called(submit.name))
    last = conversation.last_turn or (conversation.turns is not None and conversation.turns <= 1)
    return forced or tried or last or position.n_turns >= MAX_TURNS - 1


def _affordable(position: _Position) -> int:
    """Prompts that what is left pays for; a refused call that named no number ends the asking."""
    left = position.conversation.interactions
    if left is None:
        refused = any(call.error for call in position.conversation.calls)
        return 0 if refused or position.asked else PROBE
    return left // _MODELS


def _ask(position: _Position, prompts: Sequence[str], why: str) -> Action:
    assert position.toolbox.ask is not None
    name = position.toolbox.ask.name
    batches = [list(prompts[i : i + BATCH]) for i in range(0, len(prompts), BATCH)]
    said = f"{why} {_noted(position.analysis())}".strip()
    return Action(said, tuple((name, {"prompts": batch}) for batch in batches))


def _paid_calls(position: _Position) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    left = position.conversation.interactions or 0
    calls: list[tuple[str, Mapping[str, Any]]] = []
    for tool in position.toolbox.paid:
        cost = stated_cost(tool)
        new = not position.conversation.called(tool.name)
        if new and cost is not None and cost * PAID_SHARE <= left:
            calls.append((tool.name, {}))
            left -= cost
    return tuple(calls)


def _follow_up(position: _Position, n_prompts: int) -> Action | None:
    unused = [p for p in ordered_bank(position.seed) if p not in position.asked]
    prompts = follow_up_prompts(position.analysis(), unused, n_prompts, position.seed)
    if not prompts:
        return None
    return _ask(position, prompts, "I follow up on what I saw.")


def _submission(position: _Position, *, as_text: bool = False) -> Action:
    """The report, plainer after each refusal; as text when there is no tool to take it."""
    analysis = position.analysis()
    report = write_report(analysis)
    submit = position.toolbox.submit
    n_tried = len(position.conversation.called(submit.name)) if submit is not None else 0
    if submit is None or as_text or n_tried >= MAX_SUBMISSIONS:
        return Action(report.model_dump_json(indent=1))
    # What a finding does not say is left out: tools' schemas know no null.
    arguments = report.model_dump(mode="json", exclude_none=True)
    if n_tried == 1:
        for finding in arguments["findings"]:
            finding.update(evidence=[], prediction=[])
            finding.pop("expected", None)
    elif n_tried > 1:
        arguments["findings"] = []
    said = f"I submit. {_noted(analysis)}".strip()
    return Action(said, ((submit.name, report_arguments(submit, arguments)),))


def _noted(analysis: Analysis) -> str:
    """What has been noticed so far, in words: it makes `noted` measurable in a transcript."""
    parts = [
        f"{model}: {', '.join(lead.term for lead in top_leads(analysis.leads, model))}"
        for model in analysis.aliases
        if top_leads(analysis.leads, model, 1)
    ]
    return f"Noted, leaning to {'; to '.join(parts)}." if parts else ""
