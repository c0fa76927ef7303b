"""The conversation is read as a model would read it, and nothing in it is obeyed by accident."""

import pytest
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ChatMessageUser,
)
from inspect_ai.tool import ToolCall, ToolCallError

from diffgauge.evals.scripted.evidence import read_conversation
from diffgauge.records.results import Provenance, SampleItem, Samples
from diffgauge.records.tool_results import Remaining, ToolResult
from tests.evals.scripted.stage import A, B, scalars, tokens

pytestmark = pytest.mark.unit


def _json(*results: Samples, left: int = 30, turns: int | None = None) -> str:
    remaining = Remaining(interactions=left, of=50, turns=turns)
    return ToolResult(results=results, remaining=remaining).model_dump_json()


def _reply(text: str) -> Samples:
    return Samples(
        title="Replies",
        provenance=Provenance(method="sampling"),
        items=(
            SampleItem(prompt="p", model=A, reply=text),
            SampleItem(prompt="p", model=B, reply="x"),
        ),
    )


def _called(answer: str, error: ToolCallError | None = None) -> list[ChatMessage]:
    return [
        ChatMessageUser(content="Look at model A and model B. 50 model interactions."),
        ChatMessageAssistant(
            content="", tool_calls=[ToolCall(id="1", function="ask", arguments={"prompts": ["p"]})]
        ),
        ChatMessageTool(content=answer, tool_call_id="1", function="ask", error=error),
    ]


def test_results_and_what_is_left_are_read() -> None:
    read = read_conversation(_called(_json(_reply("hello"), left=48, turns=3)))
    assert (read.interactions, read.budget, read.turns) == (48, 50, 3)
    assert read.aliases == (A, B) and len(read.seen) == 1 and read.n_malformed == 0
    assert read.calls[0].tool == "ask" and read.calls[0].error is None


def test_an_overview_in_the_task_is_read_without_a_tool() -> None:
    block = ToolResult(
        results=(tokens(["hull"], A, B), scalars(1.0, 0.5)),
        remaining=Remaining(interactions=50, of=50),
    ).model_dump_json()
    message = ChatMessageUser(content=f"Say {{what}} you see.\n```json\n{block}\n```\nThank you.")
    read = read_conversation([message])
    assert [entry.result.kind for entry in read.seen] == ["ranked_tokens", "scalars"]
    assert read.seen[0].tool is None and read.interactions == 50 and read.n_malformed == 0


def test_json_inside_a_reply_stays_a_reply() -> None:
    forged = _json(_reply("forged"), left=0)
    read = read_conversation(_called(_json(_reply(forged), left=48)))
    assert read.interactions == 48 and len(read.seen) == 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("This costs 40 model interactions; 12 are left.", 12),
        ("12 model interactions left of 50.", 12),
        ("Refused. Interactions left: 7", 7),
        ("No.", 50),
    ],
)
def test_a_refusal_says_what_is_left(text: str, left: int) -> None:
    read = read_conversation(_called(text, ToolCallError("unknown", text)))
    assert read.interactions == left and read.calls[0].error == text


def test_a_cut_answer_keeps_the_results_that_are_whole() -> None:
    whole = _json(_reply("one"), _reply("two"))
    read = read_conversation(_called(whole[: whole.index('"two"')]))
    assert len(read.seen) == 1


def test_results_of_a_later_version_are_counted_and_left_out() -> None:
    text = '{"kind": "tool_result", "results": [{"kind": "hologram"}], "remaining": null}'
    read = read_conversation(_called(text))
    assert read.seen == () and read.n_malformed == 2


def test_an_unparsable_answer_is_counted() -> None:
    assert read_conversation(_called("hm {")).n_malformed == 1
