"""Real, tiny Inspect evals whose samples hold given reports, for tests of what reads them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import Model, ModelAPI, ModelOutput, ModelUsage, get_model, modelapi
from inspect_ai.scorer import Score, Scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from diffgauge.graders.lexical import LexicalGrader
from diffgauge.records.reports import Evidence, Finding, Report
from diffgauge.records.stored import ALIASES_KEY, REPORT_KEY

ALIASES = {"base": "model B", "finetuned": "model A"}


def finding(
    behaviour: str, *, condition: str = "always", which: str = "model A", confidence: float = 0.9
) -> Finding:
    return Finding(
        behaviour=behaviour,
        condition=condition,
        which=which,
        confidence=confidence,
        evidence=(Evidence(excerpt="secret excerpt", tool="adl_logit_lens"),),
    )


def report(
    *behaviours: str | Finding, p: float = 0.9, p_differs: float | None = None, summary: str = ""
) -> Report:
    return Report(
        p_differs=p if p_differs is None else p_differs,
        p_planted=p,
        summary=summary,
        findings=tuple(one if isinstance(one, Finding) else finding(one) for one in behaviours),
    )


NOTHING = report(p=0.02, summary="No difference was seen.")


@solver
def submitted(reports: dict[str, Any]) -> Solver:
    """Stores the given report of each sample, as an accepted submission does."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        given = reports[str(state.sample_id)]
        if given is not None:
            state.store.set(REPORT_KEY, given)
            state.store.set(ALIASES_KEY, ALIASES)
        return state

    return solve


def run(
    reports: Sequence[tuple[str, Report | dict[str, Any] | str | None]],
    scorers: Sequence[Scorer],
    folder: Path,
    *,
    graders: Model | list[Model] | None = None,
    metadata: dict[str, Any] | None = None,
    epochs: int = 1,
) -> EvalLog:
    """Runs one sample for each (organism, report) and returns the log."""
    stored: dict[str, Any] = {}
    samples = []
    for at, (organism, given) in enumerate(reports):
        name = f"{at:02d} {organism}"  # the log sorts samples by id
        stored[name] = given.model_dump(mode="json") if isinstance(given, Report) else given
        held = {"organism": organism, "truth_id": organism, "arm": "method", **(metadata or {})}
        samples.append(Sample(id=name, input="Investigate.", metadata=held))
    [log] = eval(
        Task(dataset=samples, solver=submitted(stored), scorer=list(scorers), epochs=epochs),
        model="mockllm/model",
        model_roles={"grader": graders} if graders is not None else None,
        log_dir=str(folder),
        display="none",
    )
    assert log.status == "success", log.error
    return log


def scores(log: EvalLog, name: str) -> list[Score]:
    """Returns the scores of one scorer in the samples' order."""
    assert log.samples
    return [
        sample.scores[name] for sample in log.samples if sample.scores and name in sample.scores
    ]


@modelapi(name="offline_test")
def offline_test() -> type[ModelAPI]:
    """The offline grader under a provider of its own: graders know nothing of the package's."""
    return LexicalGrader


def lexical_grader() -> Model:
    return get_model("offline_test/lexical")


class ScriptedGrader:
    """A mock grader that gives the scripted replies in order, usage stated, prompts kept."""

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.prompts: list[str] = []

    def __call__(self, input: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        assert config.response_schema is not None
        self.prompts.append("\n".join(message.text for message in input))
        output = ModelOutput.from_content("mockllm/model", self.replies.pop(0))
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    def model(self) -> Model:
        return get_model("mockllm/model", custom_outputs=self, memoize=False)
