import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from diffgauge.models.pair import Row
from diffgauge.models.service import PairService
from diffgauge.records.results import Samples
from diffgauge.records.subjects import Reply
from diffgauge.tools.ask import ask_models
from diffgauge.tools.elicitation import rows
from diffgauge.tools.session import Session
from tests.tools.conftest import NewSession, answered, call, refused

pytestmark = pytest.mark.tiny


def replies(session: Session, *prompts: str, n: int = 1) -> list[tuple[str, str, str]]:
    """What was shown: prompt, side, reply."""
    [samples] = answered(ask_models(session), "ask_models", prompts=list(prompts), n=n).results
    assert isinstance(samples, Samples)
    return [(i.prompt, session.aliases.side(i.model), i.reply) for i in samples.items]


def test_both_models_answer_every_prompt_and_each_reply_costs_one(new_session: NewSession) -> None:
    session = new_session()
    result = answered(ask_models(session), "ask_models", prompts=["the sea", "a boat"], n=3)
    [samples] = result.results
    assert isinstance(samples, Samples)
    assert samples.cost == len(samples.items) == 2 * 3 * 2
    assert samples.provenance.method == "sampling"
    assert result.remaining.interactions == 50 - 12
    asked = [(item.prompt, item.model) for item in samples.items]
    assert asked == [
        (prompt, model)
        for prompt in ("the sea", "a boat")
        for model in ("model A", "model B")
        for _ in range(3)
    ]
    assert all(item.condition is None for item in samples.items)


def test_one_reply_each_is_what_a_bare_call_asks(new_session: NewSession) -> None:
    session = new_session()
    answered(ask_models(session), "ask_models", prompts=["the sea"])
    assert session.budget.spent == 2


def test_asking_again_gives_fresh_replies_and_the_same_run_the_same_ones(
    new_session: NewSession,
) -> None:
    first, second = new_session(), new_session()
    one = [replies(first, "the sea", n=2), replies(first, "the sea", n=2)]
    two = [replies(second, "the sea", n=2), replies(second, "the sea", n=2)]
    assert one == two
    assert one[0] != one[1]
    assert replies(new_session(seed=1), "the sea", n=2) != one[0]
    # Four different draws whether asked at once or two by two.
    assert replies(new_session(), "the sea", n=4)[:2] == one[0][:2]


def test_replies_do_not_depend_on_names_or_on_the_other_prompts(new_session: NewSession) -> None:
    materials = [str(index) for index in range(20)]
    sessions = {new_session(m).aliases.base: m for m in materials}
    assert len(sessions) == 2
    told = [sorted(replies(new_session(m), "the sea", n=2)) for m in sessions.values()]
    told.append(sorted(replies(new_session(blind=False), "the sea", n=2)))
    told.append(
        sorted(r for r in replies(new_session(), "a boat", "the sea", n=2) if "sea" in r[0])
    )
    assert all(one == told[0] for one in told)


def test_the_two_models_draw_independently(new_session: NewSession) -> None:
    """Equal models with equal seeds would give equal replies, and no permutation could exchange
    what is tied together."""
    session = new_session()
    asked = asyncio.run(rows(session, ["the sea"], 3))
    assert len({row.prompt.seed for _, row in asked}) == 6


def test_a_call_that_costs_too_much_is_refused_before_the_spend(new_session: NewSession) -> None:
    session = new_session(budget=10)
    answered(ask_models(session), "ask_models", prompts=["the sea"], n=2)
    said = refused(ask_models(session), "ask_models", prompts=["a", "b"], n=2)
    assert "costs 8 model interactions and 6 of 10 are left" in said
    assert "for example 1 prompts with n=2" in said
    assert session.budget.left == 6
    assert session.usage.as_json(session.budget)["refused_calls"] == 1
    assert session.usage.failed_calls == 0
    answered(ask_models(session), "ask_models", prompts=["a"], n=3)
    assert session.budget.left == 0
    assert "submit_report" in refused(ask_models(session), "ask_models", prompts=["a"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"prompts": []}, "at least 1 item"),
        ({"prompts": [f"p{i}" for i in range(33)]}, "at most 32 items"),
        ({"prompts": ["fine", " \n"]}, "Prompt 2 is empty"),
        ({"prompts": ["x" * 4001]}, "Prompt 1 has 4001 characters"),
        ({"prompts": ["x" * 4000]}, "context of 128 tokens"),
        ({"prompts": ["a", "a"]}, "given twice"),
        ({"prompts": ["a"], "n": 0}, "less than the minimum of 1"),
        ({"prompts": ["a"], "n": 17}, "greater than the maximum of 16"),
        ({"prompts": "a"}, "is not of type 'array'"),
        ({"prompts": [1]}, "is not of type 'string'"),
        ({}, "'prompts' is a required property"),
        ({"prompts": ["a"], "model": "model A"}, "Additional properties are not allowed"),
    ],
)
def test_bad_arguments_say_what_is_allowed_and_cost_nothing(
    arguments: dict[str, Any], said: str, new_session: NewSession
) -> None:
    session = new_session()
    assert said in refused(ask_models(session), "ask_models", **arguments)
    assert session.budget.spent == 0
    assert replies(session, "the sea") == replies(new_session(), "the sea")


def test_what_was_used_is_counted(new_session: NewSession) -> None:
    session = new_session()
    answered(ask_models(session), "ask_models", prompts=["the sea"], n=2)
    refused(ask_models(session), "ask_models", prompts=[" "])
    usage = session.usage.as_json(session.budget)
    json.dumps(usage)
    assert usage["interactions"] == 4
    assert usage["budget"] == 50
    assert usage["calls"] == {"ask_models": 2}
    assert usage["failed_calls"] == 1
    assert 4 <= usage["subject_tokens"] <= 4 * 8
    assert usage["tool_seconds"] > 0


def test_refusals_of_the_models_are_counted_and_shown_like_any_reply(
    new_session: NewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def generate(_: PairService, rows: Sequence[Row]) -> list[Reply]:
        said = {"base": "The sea is calm.", "finetuned": "I am sorry, but I cannot help you."}
        return [Reply(text=said[row.side], n_tokens=4, finished=True) for row in rows]

    monkeypatch.setattr(PairService, "generate", generate)
    session = new_session()
    shown = replies(session, "the sea", n=3)
    assert session.usage.as_json(session.budget)["subject_refusals"] == 3
    assert len(shown) == 6 == session.usage.as_json(session.budget)["interactions"]


def test_long_answers_are_cut_and_say_so(new_session: NewSession) -> None:
    session = new_session(max_reply_chars=1500)
    result = answered(
        ask_models(session), "ask_models", prompts=[f"the sea {i}" for i in range(12)]
    )
    assert result.cut is not None
    assert len(call(ask_models(session), "ask_models", prompts=["the sea"]).text) <= 1500


def test_turns_left_are_told(new_session: NewSession) -> None:
    session = new_session(turns=lambda: 4)
    assert answered(ask_models(session), "ask_models", prompts=["a"]).remaining.turns == 4


def test_many_investigators_ask_at_once(new_session: NewSession) -> None:
    async def ask_all(sessions: list[Session]) -> list[Any]:
        return await asyncio.gather(
            *(ask_models(session)(prompts=["the sea"], n=2) for session in sessions)
        )

    alone = [replies(new_session(seed=seed), "the sea", n=2) for seed in range(6)]
    sessions = [new_session(seed=seed) for seed in range(6)]
    together = []
    for session, text in zip(sessions, asyncio.run(ask_all(sessions)), strict=True):
        items = json.loads(text)["results"][0]["items"]
        together.append(
            [(i["prompt"], session.aliases.side(i["model"]), i["reply"]) for i in items]
        )
    assert together == alone
