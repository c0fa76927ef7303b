"""The provider inside Inspect: registered door, usage, no network, no state."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval
from inspect_ai.agent import AgentSubmit, react
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, ChatMessageUser, GenerateConfig, ModelOutput, modelapi
from inspect_ai.tool import Tool, tool

from diffgauge.evals.scripted.provider import ScriptedInvestigator
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.reports import Finding, Report
from tests.evals.scripted.stage import A, B, Stage, ask_tool, prose, submit_tool
from tests.evals.scripted.test_policy import planted

pytestmark = pytest.mark.unit


def _generate(provider: ScriptedInvestigator, config: GenerateConfig | None = None) -> ModelOutput:
    messages: list[ChatMessage] = [ChatMessageUser(content="You have 50 model interactions.")]
    return asyncio.run(
        provider.generate(messages, [ask_tool(), submit_tool()], "auto", config or GenerateConfig())
    )


def test_usage_is_stated_and_tokens_are_counted_without_a_tokenizer() -> None:
    provider = ScriptedInvestigator("scripted")
    output = _generate(provider)
    assert output.usage is not None
    assert output.usage.input_tokens > 0 and output.usage.output_tokens > 0
    total = output.usage.input_tokens + output.usage.output_tokens
    assert output.usage.total_tokens == total
    assert asyncio.run(provider.count_text_tokens("x" * 400)) == 100


def test_two_calls_give_the_same_turn() -> None:
    provider = ScriptedInvestigator("scripted")
    first, second = _generate(provider), _generate(provider)
    assert first.message.tool_calls == second.message.tool_calls
    assert first.message.text == second.message.text


def test_the_seed_comes_from_the_argument_or_the_configuration() -> None:
    by_argument = _generate(ScriptedInvestigator("scripted", seed=3))
    by_config = _generate(ScriptedInvestigator("scripted"), GenerateConfig(seed=3))
    other = _generate(ScriptedInvestigator("scripted"))
    calls = [
        [call.arguments for call in out.message.tool_calls or ()]
        for out in (by_argument, by_config, other)
    ]
    assert calls[0] == calls[1] != calls[2]


@pytest.mark.parametrize("arguments", [{"sed": 1}, {"seed": "one"}, {"seed": True}])
def test_arguments_it_does_not_know_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(DiffgaugeError, match="seed"):
        ScriptedInvestigator("scripted", **arguments)


def test_it_plays_an_inspect_sample_to_its_report(tmp_path: Path) -> None:
    stage = Stage({A: prose, B: planted})

    @tool
    def ask_models() -> Tool:
        async def execute(prompts: list[str], n: int = 1) -> str:
            """Asks both models.

            Args:
                prompts: Prompts to ask.
                n: Replies of each model to each prompt.
            """
            return stage.answer("ask_models", {"prompts": prompts})

        return execute

    @tool
    def submit_report() -> Tool:
        async def execute(
            p_differs: float, p_planted: float, summary: str, findings: list[Finding]
        ) -> str:
            """Submits the report.

            Args:
                p_differs: Probability.
                p_planted: Probability.
                summary: Text.
                findings: Findings.
            """
            return Report(
                p_differs=p_differs, p_planted=p_planted, summary=summary, findings=tuple(findings)
            ).model_dump_json()

        return execute

    modelapi(name="scripted_here")(ScriptedInvestigator)
    agent = react(
        tools=[ask_models()],
        submit=AgentSubmit(tool=submit_report(), name="submit_report", answer_only=True),
    )
    task = Task(dataset=MemoryDataset([Sample(input="model A and model B", id="x")]), solver=agent)
    [log] = eval(
        task,
        model="scripted_here/scripted",
        log_dir=str(tmp_path),
        display="none",
        turn_limit=10,
        score=False,
    )
    assert log.status == "success" and log.samples
    report = Report.model_validate_json(log.samples[0].output.completion)
    assert report.findings[0].which == B and report.p_differs > 0.9
    assert stage.spent == stage.budget
    assert sum(usage.total_tokens for usage in log.stats.model_usage.values()) > 0
