"""The investigator: Inspect's react agent with our tools, our one prompt, and an end that is told.

A spent budget never destroys a run: before the turns, tokens or time run out the investigator is
asked for its report, and a report that was not accepted may be corrected once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from inspect_ai.agent import Agent, AgentState, AgentSubmit, react
from inspect_ai.log import transcript
from inspect_ai.model import ChatMessageAssistant, ChatMessageTool, ChatMessageUser
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import Tool
from inspect_ai.util import apply_limits, sample_limits, span, working_limit

from diffgauge.evals.accounts import investigator_turns
from diffgauge.evals.lease import Held, held
from diffgauge.evals.prompting import SUBMIT, overview_block, overview_tool, turn_text
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.stored import REPORT_KEY, USAGE_KEY
from diffgauge.tools.ask import ask_models
from diffgauge.tools.method_tools import method_tools
from diffgauge.tools.session import Session, turns_left
from diffgauge.tools.submit import submit_report

__all__ = ["REPAIR_TURNS", "TOKEN_LIMIT", "WORKING_SECONDS", "Ending", "investigator"]

REPAIR_TURNS = 1
"""Turns kept back for a report that has to be sent once more."""

TOKEN_LIMIT = 2_000_000
"""Tokens of one investigation, its growing conversation counted in every turn."""

WORKING_SECONDS = 3600
"""Working time of one investigator; loading, preflight and artifacts come before it begins."""

_RESERVE = 3
"""The report is asked for when the tokens left would not last for so many turns like the last."""

_LATE_SHARE = 0.05
"""It is also asked for when less than this share of the working time is left."""


@solver
def investigator(method: str | None = None, turns: int = 0) -> Solver:
    """Runs the investigation of one sample on the pair it holds.

    Args:
        method: The method whose tools are offered; None offers sampling alone.
        turns: Messages the investigator may send, for the log; the task's turn limit rules.

    Returns:
        The solver. The report stands in the store, or nothing does.
    """
    del turns

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        holding = held(state)
        session = _session(holding)
        tools = _tools(session, holding, method)
        if method is not None and holding.method is not None:
            _give_overview(state, session, holding)
        clock = working_limit(WORKING_SECONDS)
        ending = Ending(
            turns=session.turns,
            solvent=lambda: session.budget.left > 0,
            late=lambda: (clock.remaining or 0) < _LATE_SHARE * WORKING_SECONDS,
        )
        agent = _agent(session, tools, ending)
        agent_state = AgentState(messages=state.messages)
        try:
            with apply_limits([clock]):
                async with span(name="investigator", type="agent"):
                    agent_state = await agent(agent_state)
        finally:
            # A limit that cuts the agent off must not take the conversation with it.
            state.messages = agent_state.messages
            if agent_state.output:
                state.output = agent_state.output
            _record(state, session, ending)
        return state

    return solve


@dataclass
class Ending:
    """Decides after every turn whether the investigator goes on, and what it is told.

    Attributes:
        turns: Says the turns left, the one for a repair not counted; None where not limited.
        solvent: Says whether model interactions are left.
        late: Says whether the working time is nearly spent.
        nudged: Whether the report was asked for.
        told_spent: Whether it was said that the interactions are spent.
        refused: Reports that were not accepted.
        reason: Why it ended without a report; None while it goes on.
    """

    turns: Callable[[], int | None]
    solvent: Callable[[], bool]
    late: Callable[[], bool]
    nudged: bool = False
    told_spent: bool = False
    refused: int = 0
    reason: str | None = field(default=None)

    async def __call__(self, state: AgentState) -> bool | str:
        """Returns False to end, a text to say, or True to go on without a word."""
        refused = _refused_reports(state)
        if refused > self.refused:
            self.refused = refused
            return turn_text("refused") if refused <= REPAIR_TURNS else self._end("unparsable")
        left = self.turns()
        if self.nudged or (left is not None and left <= 0):
            return self._end("out of turns" if not self.refused else "unparsable")
        if (left is not None and left <= 1) or self.late() or _tokens_nearly_spent(state):
            self.nudged = True
            return turn_text("last")
        if not state.output.message.tool_calls:
            return turn_text("idle")
        if not self.solvent() and not self.told_spent:
            self.told_spent = True
            return turn_text("spent")
        return True

    def _end(self, reason: str) -> bool:
        self.reason = reason
        return False


def _session(holding: Held) -> Session:
    if holding.session is None:
        raise DiffgaugeError("The set-up of this sample did not finish.")
    session = holding.session
    session.turns = _turns
    return session


def _turns() -> int | None:
    """Turns left without the one kept back."""
    left = turns_left()
    return None if left is None else max(0, left - REPAIR_TURNS)


def _tools(session: Session, holding: Held, method: str | None) -> list[Tool]:
    tools = [ask_models(session)]
    if method is not None:
        if holding.method is None or holding.artifact is None:
            raise DiffgaugeError(f"The artifact of {method} was not made.")
        tools += method_tools(session, holding.method, holding.artifact)
    return tools


def _give_overview(state: TaskState, session: Session, holding: Held) -> None:
    """Puts the overview at the end of the first message, as the JSON its tool returns."""
    assert holding.method is not None and holding.artifact is not None
    name = holding.method.name
    text = session.show(overview_tool(name), holding.method.overview(holding.artifact))
    transcript().info({"overview": text}, source=name)
    first = state.messages[0]
    assert isinstance(first, ChatMessageUser)
    first.content = f"{first.text}{overview_block(name, text)}"


def _agent(session: Session, tools: Sequence[Tool], ending: Ending) -> Agent:
    return react(
        name="investigator",
        # Everything is said in the first message, the same for every model and provider.
        prompt=None,
        tools=list(tools),
        # More attempts would tell the investigator whether the grader agrees.
        attempts=1,
        submit=AgentSubmit(tool=submit_report(session), answer_only=True, keep_in_messages=True),
        on_continue=ending,
    )


def _refused_reports(state: AgentState) -> int:
    return sum(
        isinstance(message, ChatMessageTool)
        and message.function == SUBMIT
        and message.error is not None
        for message in state.messages
    )


def _tokens_nearly_spent(state: AgentState) -> bool:
    left, usage = sample_limits().token.remaining, state.output.usage
    return left is not None and usage is not None and left < _RESERVE * usage.total_tokens


def _record(state: TaskState, session: Session, ending: Ending) -> None:
    """Stores names and usage, and how it ended: Inspect's own limits are told by its log."""
    session.record()
    usage: dict[str, Any] = dict(state.store.get(USAGE_KEY))
    submitted = state.store.get(REPORT_KEY) is not None
    usage["turns"] = sum(isinstance(item, ChatMessageAssistant) for item in state.messages)
    usage["refused_reports"] = ending.refused
    taken = investigator_turns()
    usage["refusals"] = taken.refusals
    usage["investigator_seconds"] = round(taken.seconds, 3)
    usage["ended"] = "submitted" if submitted else ending.reason or "cut off"
    state.store.set(USAGE_KEY, usage)
