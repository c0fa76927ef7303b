"""Other ways to ask: charged alike, the same for both models, with draws of their own."""

import asyncio
from typing import Any

import pytest

from diffgauge.methods.seeds import derived_seed
from diffgauge.records.organisms import ApiPair
from diffgauge.records.results import Samples
from diffgauge.tools.api_service import ApiService
from diffgauge.tools.ask import AskParameters, ask_models
from diffgauge.tools.elicitation import CHAT, Style, rows
from diffgauge.tools.session import Session
from tests.tools.conftest import NewSession, answered, refused
from tests.tools.pretend import always, models

pytestmark = pytest.mark.tiny

EARLIER = [{"role": "user", "content": "the boat"}, {"role": "assistant", "content": "is red"}]
STYLES: dict[str, dict[str, Any]] = {
    "plain": {},
    "system prompt": {"system": "the lamp"},
    "earlier turns": {"earlier": EARLIER},
    "begun reply": {"prefill": "is"},
    "raw text": {"raw": True},
    "system prompt, earlier turns, begun reply": {
        "system": "the lamp",
        "earlier": EARLIER,
        "prefill": "is",
    },
}
"""By the condition that replies are marked with; plain replies have none."""


def style_of(name: str) -> Style:
    return AskParameters(prompts=("the sea",), **STYLES[name]).style


def rendered(session: Session, name: str) -> list[tuple[str, str, int]]:
    """What each model reads, with the seed: side, text, seed."""
    asked = asyncio.run(rows(session, ["the sea"], 2, style=style_of(name)))
    pair = session.service.pair  # type: ignore[attr-defined]
    return [
        (row.side, pair.tokenizer.decode(pair.render(row.prompt, row.side)), row.prompt.seed)
        for _, row in asked
    ]


@pytest.mark.parametrize("name", STYLES)
def test_every_style_costs_the_same_and_is_told(name: str, new_session: NewSession) -> None:
    session = new_session()
    result = answered(ask_models(session), "ask_models", prompts=["the sea"], n=2, **STYLES[name])
    [samples] = result.results
    assert isinstance(samples, Samples)
    assert samples.cost == session.budget.spent == 4
    assert {item.condition for item in samples.items} == {None if name == "plain" else name}
    assert {item.prompt for item in samples.items} == {"the sea"}
    assert [item.model for item in samples.items] == ["model A"] * 2 + ["model B"] * 2


@pytest.mark.parametrize("name", STYLES)
def test_both_models_read_exactly_the_same(name: str, new_session: NewSession) -> None:
    read = rendered(new_session(), name)
    assert {side for side, _, _ in read} == {"base", "finetuned"}
    assert len({text for _, text, _ in read}) == 1


def test_what_is_asked_stands_where_it_belongs(new_session: NewSession) -> None:
    read = {name: rendered(new_session(), name)[0][1] for name in STYLES}
    user = "<|user|>the sea<|end|><|assistant|>"
    assert read["plain"] == f"<|bos|>{user}"
    assert read["system prompt"] == f"<|bos|><|system|>the lamp<|end|>{user}"
    before = "<|user|>the boat<|end|><|assistant|>is red<|end|>"
    assert read["earlier turns"] == f"<|bos|>{before}{user}"
    assert read["begun reply"] == f"<|bos|>{user}is"
    assert read["raw text"].removeprefix("<|bos|>") == "the sea"


def test_no_two_styles_share_draws_and_plain_chat_keeps_its_own(new_session: NewSession) -> None:
    session = new_session(seed=7)
    seeds = {name: [seed for _, _, seed in rendered(session, name)] for name in STYLES}
    every = [seed for of_style in seeds.values() for seed in of_style]
    assert len(set(every)) == len(every) == 4 * len(STYLES)
    # The seeds of plain replies before there were styles: old runs' replies stay the same.
    assert seeds["plain"] == [
        derived_seed(7, "ask", "the sea", side, repeat)
        for side in ("base", "finetuned")
        for repeat in (0, 1)
    ]
    other = asyncio.run(rows(session, ["the sea"], 1, style=Style(system="the red lamp")))
    assert not {row.prompt.seed for _, row in other} & set(every)


def test_asking_in_one_style_changes_no_reply_in_another(new_session: NewSession) -> None:
    asked = {"prompts": ["the sea"], "n": 2}
    alone, after = new_session(), new_session()
    plain = answered(ask_models(alone), "ask_models", **asked).results
    styled = answered(ask_models(after), "ask_models", **asked, system="the lamp").results
    assert answered(ask_models(after), "ask_models", **asked).results == plain
    again = answered(ask_models(after), "ask_models", **asked, system="the lamp").results
    assert styled != again, "asking again gives fresh replies"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"raw": True, "system": "a"}, "Allowed: raw alone, or any of system, earlier and prefill"),
        ({"raw": True, "prefill": "a"}, "Allowed: raw alone"),
        ({"earlier": EARLIER[:1]}, "The earlier turns are by user. Nothing was spent"),
        ({"earlier": EARLIER[::-1]}, "the user first and the assistant last"),
        ({"earlier": [{"role": "system", "content": "a"}]}, "is not one of"),
        ({"earlier": EARLIER * 9}, "at most 16 items"),
        ({"earlier": "hello"}, "is not of type 'array'"),
        ({"system": " "}, "The argument system has 1 characters"),
        ({"prefill": "x" * 4001}, "The argument prefill has 4001 characters"),
        ({"raw": "yes"}, "is not of type 'boolean'"),
        ({"system": "x" * 4000}, "context of 128 tokens"),
    ],
)
def test_what_cannot_be_asked_is_told_and_costs_nothing(
    arguments: dict[str, Any], said: str, new_session: NewSession
) -> None:
    session = new_session()
    assert said in refused(ask_models(session), "ask_models", prompts=["the sea"], **arguments)
    assert session.budget.spent == 0 and not session.asked


@pytest.mark.parametrize("arguments", [{"raw": True}, {"prefill": "Well,"}])
def test_hosted_models_refuse_what_they_cannot_do(
    arguments: dict[str, Any], new_session: NewSession
) -> None:
    with models(plain_1=always("yes"), changed_1=always("no")):
        hosted = ApiService(ApiPair(base="pretend/plain-1", finetuned="pretend/changed-1"))
        session = new_session(service=hosted)
        told = refused(ask_models(session), "ask_models", prompts=["Hello"], **arguments)
        assert "Allowed: prompts in a conversation, with a system prompt or earlier turns" in told
        assert session.budget.spent == 0
        fine = {"system": "Be brief.", "earlier": EARLIER}
        result = answered(ask_models(session), "ask_models", prompts=["Hello"], **fine)
        assert result.remaining.interactions == 48


def test_one_model_alone_is_asked_at_one_interaction_a_reply(new_session: NewSession) -> None:
    session = new_session(blind=False, sides=("finetuned",))
    [samples] = answered(ask_models(session), "ask_models", prompts=["the sea"], n=3).results
    assert isinstance(samples, Samples)
    assert samples.cost == session.budget.spent == len(samples.items) == 3
    assert {item.model for item in samples.items} == {"finetuned model"}
    both = new_session(blind=False)
    [of_both] = answered(ask_models(both), "ask_models", prompts=["the sea"], n=3).results
    assert isinstance(of_both, Samples)
    assert samples.items == tuple(i for i in of_both.items if i.model == "finetuned model")


def test_plain_chat_has_no_key() -> None:
    assert CHAT.key() == "" and Style(system="").key() != ""
