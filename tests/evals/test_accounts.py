"""What a run took and who refused, as it is written down while it runs."""

from pathlib import Path

import pytest
from inspect_ai.log import EvalSample
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    Model,
    ModelOutput,
    StopReason,
    get_model,
)
from inspect_ai.tool import ToolCall

from diffgauge.evals.accounts import refused
from diffgauge.evals.tasks import blackbox
from diffgauge.records.stored import REPORT_KEY, USAGE_KEY
from diffgauge.stats.logs import read_logs
from diffgauge.stats.rows import rows_of
from tests.evals.runs import PLANTED, Registry, ran, the_sample
from tests.evals.scripted_model import ASK, SUBMIT, TOKENS, n_turns, output

pytestmark = pytest.mark.tiny

SORRY = "I'm sorry, but I can't help with that."


def made(text: str, stop_reason: StopReason = "stop", *, calls: bool = False) -> ModelOutput:
    call = ToolCall(id="call", function="ask_models", arguments={})
    message = ChatMessageAssistant(content=text, tool_calls=[call] if calls else None)
    return ModelOutput(
        model="m/x",
        choices=[ChatCompletionChoice(message=message, stop_reason=stop_reason)],
        usage=TOKENS,
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (made(SORRY), True),
        (made("", "content_filter"), True),
        (made("The model stopped here.", "max_tokens"), False),
        # Who calls a tool goes on, whatever it says beside.
        (made(SORRY, "tool_calls", calls=True), False),
        (made("I can't find a difference."), False),
        (ModelOutput(model="m/x", choices=[]), False),
    ],
)
def test_a_turn_is_a_refusal_when_nothing_goes_on(given: ModelOutput, expected: bool) -> None:
    assert refused(given, "m/x") is expected


def investigated(model: Model, folder: Path) -> EvalSample:
    return the_sample(ran(blackbox(organism=PLANTED, budget=4, turns=4), model, folder))


def answering(*outputs: ModelOutput) -> Model:
    def answer(input: list[ChatMessage], *_: object) -> ModelOutput:
        # A copy: Inspect writes ids and times into what it is given.
        return outputs[min(n_turns(input), len(outputs) - 1)].model_copy(deep=True)

    return get_model("mockllm/model", custom_outputs=answer, memoize=False)


def test_one_that_refuses_once_and_then_works_is_counted_and_scored(
    registry: Registry, tmp_path: Path
) -> None:
    model = answering(made(SORRY), output([ASK], 1), output([SUBMIT], 2))
    usage = investigated(model, tmp_path).store[USAGE_KEY]
    assert (usage["refusals"], usage["ended"]) == (1, "submitted")
    [row] = rows_of(read_logs([tmp_path / "logs"]))
    assert (row.refusals, row.outcome) == (1, "scored")


@pytest.mark.parametrize("turn", [made(SORRY), made("Withheld.", "content_filter")])
def test_one_that_only_refuses_ends_as_refused(
    turn: ModelOutput, registry: Registry, tmp_path: Path
) -> None:
    sample = investigated(answering(turn), tmp_path)
    assert REPORT_KEY not in sample.store
    # Words are answered by a reminder until the turns are spent; a filter ends it at the third.
    assert sample.store[USAGE_KEY]["refusals"] >= 3
    [row] = rows_of(read_logs([tmp_path / "logs"]))
    assert row.outcome == "refused" and row.refusals == sample.store[USAGE_KEY]["refusals"]


def test_seconds_are_told_apart(registry: Registry, tmp_path: Path) -> None:
    sample = investigated(answering(output([ASK], 0), output([SUBMIT], 1)), tmp_path)
    usage = sample.store[USAGE_KEY]
    assert usage["subject_refusals"] == 0
    assert usage["investigator_seconds"] >= 0 and usage["grader_seconds"] >= 0
    assert sample.total_time is not None
    parts = ("investigator_seconds", "tool_seconds", "grader_seconds")
    # To the millisecond to which they are kept.
    assert sum(usage[name] for name in parts) <= sample.total_time + 0.002
