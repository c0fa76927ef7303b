"""A pair of hosted models behind the service that tools ask."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from inspect_ai.model import ChatMessage, GenerateConfig, ModelOutput
from inspect_ai.util import token_limit, turn_limit

from diffgauge.models.pair import Row, Steering
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.organisms import ApiPair
from diffgauge.records.subjects import ChatMessage as Turn
from diffgauge.records.subjects import Prompt, Reply, Side
from diffgauge.tools.api_service import ApiService
from diffgauge.tools.hosted import HostedCallError, side_by_side
from tests.tools.pretend import ProviderError, always, models, said

pytestmark = pytest.mark.unit

PAIR = ApiPair(base="pretend/plain-1", finetuned="pretend/changed-1")
CANARY = "sk-canary-0123456789abcdef"

Asked = list[tuple[list[ChatMessage], GenerateConfig]]


@pytest.fixture
def asked() -> Iterator[Asked]:
    """Everything the models below were asked; they say their name and the question."""
    seen: Asked = []

    def named(name: str) -> Any:
        async def answer(messages: list[ChatMessage], config: GenerateConfig) -> ModelOutput:
            seen.append((messages, config))
            return said(f"{name}: {messages[-1].text}")

        return answer

    with models(plain_1=named("plain"), changed_1=named("changed")):
        yield seen


BEGUN = Turn(role="assistant", content="Well,")


def row(side: Side, text: str, **options: Any) -> Row:
    return Row(side, Prompt(messages=(Turn(role="user", content=text),), **options))


def replies(*rows: Row, service: ApiService | None = None) -> list[Reply]:
    return asyncio.run((service or ApiService(PAIR)).generate(rows))


def test_each_side_answers_its_rows_in_order(asked: Asked) -> None:
    found = replies(row("finetuned", "a"), row("base", "b"), row("base", "a"))
    assert [one.text for one in found] == ["changed: a", "plain: b", "plain: a"]
    assert all(one.n_tokens == 3 and one.finished for one in found)
    assert replies() == []


def test_seed_temperature_and_length_go_to_the_provider(asked: Asked) -> None:
    replies(row("base", "a", seed=2**61 + 5, temperature=0.5, max_new_tokens=17))
    [(_, config)] = asked
    assert (config.seed, config.temperature, config.max_tokens) == (5, 0.5, 17)
    assert config.fail_on_refusal is False


def test_the_same_question_is_asked_anew_each_time(asked: Asked) -> None:
    replies(row("base", "a"), row("base", "a"))
    assert len(asked) == 2


def test_whole_conversations_arrive(asked: Asked) -> None:
    turns = [("system", "Be brief."), ("user", "Hello"), ("assistant", "Well"), ("user", "So?")]
    replies(Row("base", Prompt(messages=tuple(Turn(role=r, content=c) for r, c in turns))))
    [(messages, _)] = asked
    assert [(message.role, message.text) for message in messages] == turns


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (Row("base", Prompt(text="Once upon")), "raw text cannot be continued"),
        (Row("base", Prompt()), "raw text cannot be continued"),
        (
            Row("base", Prompt(messages=(Turn(role="user", content="Hello"), BEGUN))),
            "one that was begun cannot be continued",
        ),
        (
            Row("base", row("base", "a").prompt, Steering(layer=0, vector=torch.zeros(2))),
            "cannot be steered",
        ),
    ],
)
def test_what_needs_weights_is_refused_before_anything_is_asked(
    wrong: Row, told: str, asked: Asked
) -> None:
    with pytest.raises(DiffgaugeError, match=told):
        replies(row("base", "a"), wrong)
    with pytest.raises(DiffgaugeError, match="weights and activations cannot be read"):
        asyncio.run(ApiService(PAIR).run(lambda pair: pair))
    assert not asked


def test_a_refusal_is_a_reply() -> None:
    with models(
        plain_1=always("I will not say.", stop="content_filter"),
        changed_1=always("", n_tokens=0, stop="content_filter"),
    ):
        told, silent = replies(row("base", "a"), row("finetuned", "a"))
    assert told.text == "I will not say."
    assert "withheld" in silent.text and silent.n_tokens == 0


def test_a_reply_that_was_cut_says_so_and_tokens_are_counted_or_estimated() -> None:
    with models(
        plain_1=always("x" * 9, stop="max_tokens", n_tokens=7),
        changed_1=always("x" * 9, n_tokens=None),
    ):
        cut, uncounted = replies(row("base", "a"), row("finetuned", "a"))
    assert (cut.finished, cut.n_tokens) == (False, 7)
    # Nine characters, four to a token, begun ones counted.
    assert (uncounted.finished, uncounted.n_tokens) == (True, 3)


def failing(*failures: Exception | None) -> Any:
    """A model that fails or answers, in this order; then it answers."""
    left = iter(failures)

    async def answer(messages: list[ChatMessage], config: GenerateConfig) -> ModelOutput:
        del messages, config
        failure = next(left, None)
        if failure is not None:
            raise failure
        return said("fine")

    return answer


def test_a_request_at_fault_is_told_without_names_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRETEND_API_KEY", CANARY)
    message = f"changed-1 (pretend/CHANGED-1, not plain-1): key {CANARY}:\n prompt too long"
    with models(plain_1=always("p"), changed_1=failing(None, ProviderError(message, 400))):
        service = ApiService(PAIR)
        replies(row("finetuned", "a"), service=service)
        with pytest.raises(DiffgaugeError) as caught:
            replies(row("finetuned", "b"), service=service)
    told = str(caught.value)
    assert "the model (the model, not the model): key [key]: prompt too long" in told
    assert CANARY not in told and "changed-1" not in told.casefold()
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


@pytest.mark.parametrize(
    "failures",
    [
        [ProviderError("first of all", 400)],
        [None, ProviderError("no such key " + CANARY, 401)],
        [None, ProviderError("gone", 404)],
        [None, RuntimeError("no status at all")],
    ],
)
def test_a_model_that_cannot_be_reached_ends_the_sample(
    failures: list[Exception | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRETEND_TOKEN", CANARY)
    with models(plain_1=always("p"), changed_1=failing(*failures)):
        service = ApiService(PAIR)
        with pytest.raises(HostedCallError, match="finetuned model could not be asked") as caught:
            for _ in failures:
                replies(row("finetuned", "a"), service=service)
    assert CANARY not in str(caught.value)
    assert not isinstance(caught.value, DiffgaugeError)


def test_an_empty_answer_of_a_provider_is_no_reply() -> None:
    async def nothing(messages: list[ChatMessage], config: GenerateConfig) -> ModelOutput:
        del messages, config
        return ModelOutput(model="pretend", choices=[])

    with models(plain_1=nothing, changed_1=always("x")), pytest.raises(HostedCallError):
        replies(row("base", "a"))


def test_subjects_take_nothing_from_the_investigators_limits(asked: Asked) -> None:
    async def limited() -> list[Reply]:
        with token_limit(1), turn_limit(1):
            return await ApiService(PAIR).generate([row("base", str(at)) for at in range(3)])

    assert len(asyncio.run(limited())) == 3


def test_calls_run_side_by_side_and_not_all_at_once() -> None:
    running = most = 0

    async def one(at: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return at

    found = asyncio.run(side_by_side([partial(one, at) for at in range(40)], at_once=8))
    assert found == list(range(40))
    assert most == 8


def test_after_a_failure_no_further_call_is_made() -> None:
    made: list[int] = []

    async def one(at: int) -> int:
        made.append(at)
        await asyncio.sleep(0.001)
        if at == 1:
            raise DiffgaugeError("the second fails")
        return at

    with pytest.raises(DiffgaugeError, match="the second fails"):
        asyncio.run(side_by_side([partial(one, at) for at in range(40)], at_once=2))
    assert len(made) < 6
