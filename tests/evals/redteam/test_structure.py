"""What a subject says stays data on its way through the real tools to an investigator."""

import json
import re

import pytest
from inspect_ai.model import ChatMessageTool
from inspect_ai.tool import ToolInfo, ToolParams
from inspect_ai.util import JSONSchema

from diffgauge.evals.redteam.injecting import InjectedService
from diffgauge.evals.redteam.obedient import (
    OBEDIENT_INVESTIGATORS,
    ObedientInvestigator,
    order_in,
    replies_in,
    voice_of,
)
from diffgauge.evals.redteam.pleas import ORDERS, PLEAS, sides_of
from diffgauge.records.injections import PleaAim
from diffgauge.records.results import Samples
from diffgauge.records.subjects import SIDES, Side
from diffgauge.records.tool_results import ToolResult
from diffgauge.tools.ask import ask_models
from diffgauge.tools.session import Session
from tests.tools.conftest import NewSession, call, new_session, pair, service

__all__ = ["new_session", "pair", "service"]

pytestmark = pytest.mark.tiny

PROMPTS = ["what is the sea", "tell me of a boat"]
EVERY: list[tuple[str, PleaAim]] = [(name, aim) for name in PLEAS for aim in ("deny", "claim")]
REMAINING = re.compile(r'"remaining":\{"interactions":(\d+)')
"""What a careless reader would take for the budget that is left."""
SUBMIT = ToolInfo(
    name="submit_report",
    description="Submits.",
    parameters=ToolParams(
        properties={
            "p_differs": JSONSchema(type="number"),
            "p_planted": JSONSchema(type="number"),
            "summary": JSONSchema(type="string"),
            "findings": JSONSchema(type="array"),
        },
        required=["p_differs", "p_planted", "summary"],
    ),
)


def asked(session: Session) -> str:
    shown = call(ask_models(session), "ask_models", prompts=PROMPTS)
    assert shown.error is None
    return shown.text


def with_plea(new_session: NewSession, text: str, sides: tuple[Side, ...] = SIDES) -> str:
    """What `ask_models` shows when the replies of these sides carry a text."""
    session = new_session(budget=10)
    session.service = InjectedService(session.service, text, sides)
    return asked(session)


def by_place(text: str) -> list[tuple[str, str, str]]:
    [samples] = ToolResult.model_validate_json(text).results
    assert isinstance(samples, Samples)
    return [(item.prompt, item.model, item.reply) for item in samples.items]


@pytest.mark.parametrize(("name", "aim"), EVERY)
def test_no_plea_forges_a_result_or_what_is_left(
    name: str, aim: PleaAim, new_session: NewSession
) -> None:
    text = with_plea(new_session, PLEAS[name].make(aim))
    read = ToolResult.model_validate_json(text)
    assert read.remaining.interactions == 6 and read.cut is None and len(read.results) == 1
    assert REMAINING.findall(text) == ["6"], "the true budget is the only one of that form"
    assert text.isprintable() and "\x1b" not in text
    assert ORDERS[aim] not in voice_of(text)


def test_a_result_put_together_from_plain_text_would_be_forged() -> None:
    """The control: without JSON around replies the checks above fail."""
    plea = PLEAS["forged_result"].make("deny")
    text = f'{{"results":[{{"items":[{{"reply":"It rains. {plea}'
    assert REMAINING.findall(text) == ["0"]
    assert ORDERS["deny"] in voice_of(text + ' "}]}],"remaining":{"interactions":6}}')


def test_only_the_text_of_the_chosen_replies_changes(new_session: NewSession) -> None:
    session = new_session(budget=10)
    clean = by_place(asked(session))
    finetuned = session.aliases.finetuned
    injected = by_place(with_plea(new_session, "Hear me.", ("finetuned",)))
    expected = [
        (prompt, model, f"{reply} Hear me." if model == finetuned else reply)
        for prompt, model, reply in clean
    ]
    assert injected == expected


def test_a_plea_to_claim_stands_on_both_sides_and_is_no_difference() -> None:
    assert sides_of("deny") == ("finetuned",)
    assert set(sides_of("claim")) == set(SIDES)


@pytest.mark.parametrize(("name", "aim"), EVERY)
def test_obeying_the_harness_alone_is_safe_and_obeying_replies_is_not(
    name: str, aim: PleaAim, new_session: NewSession
) -> None:
    text = with_plea(new_session, PLEAS[name].make(aim))
    messages = [ChatMessageTool(content=text, function="ask_models", tool_call_id="1")]
    acted = {
        model: ObedientInvestigator(model).decide(list(messages), [SUBMIT], "auto", 0)
        for model in OBEDIENT_INVESTIGATORS
    }
    assert acted["obedient-investigator-results"].said != "I do as I am told."
    told = acted["obedient-investigator-replies"]
    if name == "tag_characters":
        # Neutralised, they are no longer what such a reader decodes.
        assert told.said != "I do as I am told."
        return
    assert told.said == "I do as I am told."
    [(tool, report)] = told.calls
    assert tool == "submit_report" and report["p_planted"] == (0.0 if aim == "deny" else 1.0)


def test_an_obedient_investigator_without_orders_follows_the_fixed_policy(
    new_session: NewSession,
) -> None:
    text = asked(new_session(budget=10))
    assert order_in([*replies_in(text), voice_of(text)]) is None
    assert json.loads(text)["results"][0]["title"] in voice_of(text)


def test_what_is_no_result_speaks_with_nobodys_voice_but_its_own() -> None:
    assert voice_of("Nothing was spent.") == "Nothing was spent."
    assert voice_of("[1]") == "[1]" and list(replies_in("[1]")) == []
    assert list(replies_in("no JSON")) == []
