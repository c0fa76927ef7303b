"""The investigator: Inspect's react agent with our tools, our one prompt, and an end that is told.

A spent budget never destroys a run: before the turns, tokens or time run out the investigator is
asked for its report, and a report that was not accepted may be corrected once.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from inspect_ai.agent import Agent, AgentState, AgentSubmit, react
from inspect_ai.log import transcript
from inspect_ai.model import ChatMessageAssistant, ChatMessageTool, ChatMessageUser
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import Tool
from inspect_ai.util import (
    Limit,
    apply_limits,
    cost_limit,
    sample_limits,
    span,
    store,
    token_limit,
    turn_limit,
    working_limit,
)

from diffgauge.evals.accounts import investigator_turns
from diffgauge.evals.agents import outside_agent
from diffgauge.evals.lease import Held, held
from diffgauge.evals.prompting import SUBMIT, overview_block, overview_tool, turn_text
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.results import Result
from diffgauge.records.stored import REPORT_KEY, USAGE_KEY
from diffgauge.tools.ask import ask_models
from diffgauge.tools.board import hypothesis_board
from diffgauge.tools.given import PREFIX, given_tools
from diffgauge.tools.method_tools import method_tools
from diffgauge.tools.session import Session, turns_left
from diffgauge.tools.submit import submit_report

__all__ = ["REPAIR_TURNS", "WORKING_SECONDS", "Ending", "investigator"]

REPAIR_TURNS = 1
"""Turns kept back for a report that has to be sent once more."""

WORKING_SECONDS = 3600
"""Working time of one investigator; loading, preflight and artifacts come before it begins."""

_RESERVE = 3
"""The report is asked for when the tokens or the money left would not last for so many turns like
the last."""

_OUTSIDE_SHARE = 0.9
"""Share of the tokens and the money that an agent from outside may use before it is asked."""

_LATE_SHARE = 0.05
"""It is also asked for when less than this share of the working time is left."""


Investigate = Callable[[AgentState], Awaitable[AgentState]]


@solver
def investigator(
    method: str | None = None, turns: int = 0, agent_name: str | None = None
) -> Solver:
    """Runs the investigation of one sample on the pair it holds.

    Args:
        method: The method whose tools are offered; None offers sampling alone.
        turns: Messages the investigator may send, for the log; the task's turn limit rules.
        agent_name: A registered agent that investigates in the place of the built-in one.

    Returns:
        The solver. The report stands in the store, or nothing does.
    """
    del turns

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        holding = held(state)
        session = _session(holding)
        tools = _tools(session, holding, method)
        _give_overview(state, session, holding)
        clock = working_limit(WORKING_SECONDS)
        ending = Ending(
            turns=session.turns,
            solvent=lambda: session.budget.left > 0,
            late=lambda: (clock.remaining or 0) < _LATE_SHARE * WORKING_SECONDS,
        )
        agent: Investigate = _agent(session, tools, ending)
        if agent_name is not None:
            agent = _from_outside(agent_name, session, tools, ending)
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
        if (left is not None and left <= 1) or self.late() or _nearly_spent(state):
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
    tools = [ask_models(session), hypothesis_board(session)]
    if holding.given is not None:
        tools += given_tools(session, holding.given)
    elif method is not None:
        if holding.method is None or holding.artifact is None:
            raise DiffgaugeError(f"The artifact of {method} was not made.")
        tools += method_tools(session, holding.method, holding.artifact, paid=holding.paid)
    return tools


def _give_overview(state: TaskState, session: Session, holding: Held) -> None:
    """Puts what there is of an overview at the end of the first message, as its tool's JSON."""
    if holding.given is not None:
        name, results = PREFIX, list[Result](holding.given[:1])
    elif holding.method is not None and holding.artifact is not None:
        name, results = holding.method.name, holding.method.overview(holding.artifact)
    else:
        return
    text = session.show(overview_tool(name), results)
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


def _from_outside(
    name: str, session: Session, tools: Sequence[Tool], ending: Ending
) -> Investigate:
    """Returns a registered agent that is asked for its report when it ends without one.

    What the report's own turn takes is kept back: a turn that goes beyond a limit is paid for and
    thrown away, and so are two kept beside the one for a repair.
    """

    async def run(state: AgentState) -> AgentState:
        turns, limits = session.turns(), sample_limits()
        shares: list[Limit] = []
        if turns is not None:
            shares.append(turn_limit(max(1, turns - 2)))
        if limits.token.remaining is not None:
            shares.append(token_limit(int(_OUTSIDE_SHARE * limits.token.remaining)))
        if limits.cost.remaining is not None:
            shares.append(cost_limit(_OUTSIDE_SHARE * limits.cost.remaining))
        with apply_limits(shares, catch_errors=True):
            state = await outside_agent(name, tools, submit_report(session))(state)
        if store().get(REPORT_KEY) is None:
            ending.nudged = True
            state.messages.append(ChatMessageUser(content=turn_text("last")))
            state = await _agent(session, [], ending)(state)
        return state

    return run


def _refused_reports(state: AgentState) -> int:
    return sum(
        isinstance(message, ChatMessageTool)
        and message.function == SUBMIT
        and message.error is not None
        for message in state.messages
    )


def _nearly_spent(state: AgentState) -> bool:
    """Whether tokens or money would not last for a few more turns like the last one."""
    usage, limits = state.output.usage, sample_limits()
    if usage is None:
        return False
    spent = ((limits.token, usage.total_tokens), (limits.cost, usage.total_cost))
    return any(
        limit.remaining is not None and last is not None and limit.remaining < _RESERVE * last
        for limit, last in spent
    )


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
