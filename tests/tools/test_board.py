"""The hypothesis board: what it keeps, when it is shown again, and that it is no evidence."""

import asyncio
import json
from typing import Any

import pytest
from inspect_ai.tool import ToolDef, ToolInfo

from diffgauge.evals.scripted.toolbox import read_toolbox
from diffgauge.records.board import BoardEntry
from diffgauge.records.tool_results import ToolResult
from diffgauge.tools.ask import ask_models
from diffgauge.tools.board import hypothesis_board
from diffgauge.tools.hypotheses import MAX_OPEN
from diffgauge.tools.session import Session
from diffgauge.tools.submit import submit_report
from tests.tools.conftest import NewSession, answered, refused

pytestmark = pytest.mark.tiny

BOAT = "model A speaks of boats"


def board(session: Session, **arguments: Any) -> tuple[BoardEntry, ...]:
    shown = answered(hypothesis_board(session), "hypothesis_board", **arguments)
    assert shown.results == ()
    return shown.board or ()


def test_hypotheses_are_added_revised_rejected_and_listed(new_session: NewSession) -> None:
    session = new_session(budget=4)
    assert board(session, action="list") == ()
    [first] = board(session, action="add", text=BOAT, confidence=0.25)
    assert first == BoardEntry(id=1, text=BOAT, confidence=0.25)
    board(session, action="add", text="nothing differs", confidence=0.5)
    assert board(session, action="revise", id=1, confidence=0.75)[0].confidence == 0.75
    assert board(session, action="revise", id=1, text="only ships")[0].text == "only ships"
    whole = board(session, action="reject", id=1, reason="model B does too")
    assert [(one.id, one.status, one.reason) for one in whole] == [
        (1, "rejected", "model B does too"),
        (2, "open", None),
    ]
    assert board(session, action="list") == whole
    assert session.budget.spent == 0, "thinking is free"
    assert session.usage.calls["hypothesis_board"] == 7


def test_open_hypotheses_come_again_with_evidence_and_displace_none(
    new_session: NewSession,
) -> None:
    plain, thinking = new_session(max_reply_chars=1500), new_session(max_reply_chars=1500)
    board(thinking, action="add", text=BOAT * 10, confidence=0.5)
    board(thinking, action="add", text="given up", confidence=0.5)
    board(thinking, action="reject", id=2, reason="no")
    asked = {"prompts": [f"the sea {at}" for at in range(12)]}
    without = answered(ask_models(plain), "ask_models", **asked)
    beside = answered(ask_models(thinking), "ask_models", **asked)
    assert without.board is None and without.cut is not None
    assert beside.board == (BoardEntry(id=1, text=BOAT * 10, confidence=0.5),)
    assert beside.model_copy(update={"board": None}) == without


def test_the_investigators_own_words_are_no_evidence(new_session: NewSession) -> None:
    session = new_session()
    board(session, action="add", text=BOAT, confidence=0.5)
    answered(ask_models(session), "ask_models", prompts=["the sea"])
    assert session.shown.verdict(BOAT, "ask_models") == "flagged"
    assert session.shown.verdict(BOAT, "hypothesis_board") == "flagged"
    assert session.shown.verdict("the sea", "ask_models") == "verified"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "'action' is a required property"),
        ({"action": "drop"}, "is not one of"),
        ({"action": "add", "text": "a"}, "was given text. Allowed: confidence, text beside it"),
        ({"action": "add", "text": "a", "confidence": 2}, "greater than the maximum of 1"),
        ({"action": "add", "text": " ", "confidence": 0.5}, "has 1 characters"),
        ({"action": "add", "text": "a" * 301, "confidence": 0.5}, "has 301 characters"),
        ({"action": "revise", "id": 1}, "and text or confidence or both"),
        ({"action": "revise", "id": 7, "text": "a"}, "No open hypothesis has the number 7"),
        ({"action": "reject", "id": 1}, "was given id. Allowed: id, reason beside it"),
        ({"action": "reject", "id": 2, "reason": "a"}, "Allowed: 1."),
        ({"action": "list", "id": 1}, "Allowed: nothing beside it"),
    ],
)
def test_mistakes_say_what_is_allowed_and_change_nothing(
    arguments: dict[str, Any], said: str, new_session: NewSession
) -> None:
    session = new_session()
    before = board(session, action="add", text=BOAT, confidence=0.5)
    assert said in refused(hypothesis_board(session), "hypothesis_board", **arguments)
    assert board(session, action="list") == before


def test_a_rejected_one_is_not_changed_and_its_number_not_given_again(
    new_session: NewSession,
) -> None:
    session = new_session()
    board(session, action="add", text=BOAT, confidence=0.5)
    board(session, action="reject", id=1, reason="no")
    told = refused(hypothesis_board(session), "hypothesis_board", action="revise", id=1, text="x")
    assert "Allowed: none is open" in told
    assert board(session, action="add", text="x", confidence=0.5)[-1].id == 2


def test_no_more_are_open_than_can_be_shown(new_session: NewSession) -> None:
    session = new_session()
    for at in range(MAX_OPEN):
        board(session, action="add", text=f"number {at}", confidence=0.5)
    more = {"action": "add", "text": "one more", "confidence": 0.5}
    assert f"at most {MAX_OPEN}" in refused(hypothesis_board(session), "hypothesis_board", **more)
    board(session, action="reject", id=1, reason="no")
    board(session, **more)


def test_control_characters_are_neutralised(new_session: NewSession) -> None:
    session = new_session()
    text = asyncio.run(hypothesis_board(session)(action="add", text="a \x1b[31m b", confidence=0.5))
    assert isinstance(text, str) and "\x1b" not in json.loads(text)["board"][0]["text"]
    assert ToolResult.model_validate_json(text).board is not None


def test_the_scripted_investigator_takes_it_for_nothing_to_read(new_session: NewSession) -> None:
    session = new_session()
    tools = [ask_models(session), hypothesis_board(session), submit_report(session)]
    told = [
        ToolInfo(name=one.name, description=one.description, parameters=one.parameters)
        for one in map(ToolDef, tools)
    ]
    box = read_toolbox(told)
    assert not box.free and not box.paid
    assert box.ask is not None and box.ask.name == "ask_models"
