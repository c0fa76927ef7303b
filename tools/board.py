"""The hypothesis board as a tool: free, typed, the same in every arm."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from inspect_ai.tool import Tool
from pydantic import Field

from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record
from diffgauge.tools.calling import made
from diffgauge.tools.hypotheses import Board
from diffgauge.tools.schema import parsed, tool_params
from diffgauge.tools.session import Session

__all__ = ["MAX_TEXT_CHARS", "BoardParameters", "hypothesis_board"]

MAX_TEXT_CHARS: Final = 300
"""Characters of a hypothesis or a reason: all open ones come again with every result."""

_NAME: Final = "hypothesis_board"

Action = Literal["add", "revise", "reject", "list"]


class BoardParameters(Record):
    """Parameters of `hypothesis_board`.

    `action` has no default on purpose: a tool that can be called bare is taken for something
    to read.
    """

    action: Action = Field(
        description="add needs text and confidence; revise needs id, and a new text, a new "
        "confidence or both; reject needs id and reason; list shows all, rejected ones too.",
    )
    id: int | None = Field(default=None, ge=1, description="Number of the hypothesis.")
    text: str | None = Field(
        default=None,
        description=f"The hypothesis in your own words, at most {MAX_TEXT_CHARS} characters.",
    )
    confidence: float | None = Field(
        default=None, ge=0, le=1, description="Probability that the hypothesis is right."
    )
    reason: str | None = Field(
        default=None,
        description=f"Why it is rejected, at most {MAX_TEXT_CHARS} characters.",
    )


_NEEDED: Final[Mapping[Action, frozenset[str]]] = {
    "add": frozenset({"text", "confidence"}),
    "revise": frozenset({"id"}),
    "reject": frozenset({"id", "reason"}),
    "list": frozenset(),
}
_CHANGED: Final = frozenset({"text", "confidence"})
"""Of which `revise` needs one."""


def hypothesis_board(session: Session) -> Tool:
    """Returns the tool that keeps hypotheses.

    What is open is shown again with every later result, in every arm alike; the whole board
    stands in the sample's store.

    Args:
        session: The run.
    """

    async def answer(arguments: Mapping[str, Any], _: str) -> str:
        parameters = parsed(BoardParameters, arguments, session.aliases)
        _check(parameters)
        _change(session.board, parameters)
        return session.show_board()

    return made(
        session,
        name=_NAME,
        description="Keeps your hypotheses while you investigate. Open ones come again with every "
        "result. Free, and no part of the report.",
        params=tool_params(BoardParameters, session.aliases),
        answer=answer,
    )


def _change(board: Board, asked: BoardParameters) -> None:
    if asked.action == "add":
        assert asked.text is not None and asked.confidence is not None
        board.add(asked.text, asked.confidence)
    elif asked.action == "revise":
        assert asked.id is not None
        board.revise(asked.id, asked.text, asked.confidence)
    elif asked.action == "reject":
        assert asked.id is not None and asked.reason is not None
        board.reject(asked.id, asked.reason)


def _check(asked: BoardParameters) -> None:
    """Refuses what an action lacks, and what it has no use for."""
    given = asked.model_fields_set - {"action"}
    given = {name for name in given if getattr(asked, name) is not None}
    needed = _NEEDED[asked.action]
    revises = asked.action == "revise"
    fits = needed <= given <= (needed | _CHANGED if revises else needed)
    if not fits or (revises and not given & _CHANGED):
        also = ", and text or confidence or both" if revises else ""
        raise DiffgaugeError(
            f"The action {asked.action} was given {', '.join(sorted(given)) or 'nothing'}.",
            allowed=f"{', '.join(sorted(needed)) or 'nothing'} beside it{also}",
        )
    for name in ("text", "reason"):
        value = getattr(asked, name)
        if value is not None and not (value.strip() and len(value) <= MAX_TEXT_CHARS):
            raise DiffgaugeError(
                f"The argument {name} has {len(value)} characters.",
                allowed=f"1 to {MAX_TEXT_CHARS}, not all of them blank",
            )
