"""Real logs of one cell each, made by tiny Inspect evals with the real scorers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, transcript
from inspect_ai.model import Model, ModelOutput, ModelUsage, get_model
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver

from diffgauge.graders.any_of_k import any_of_k
from diffgauge.graders.detection import detection
from diffgauge.graders.identification import identification
from diffgauge.graders.key_facts import key_facts
from diffgauge.graders.replication import replication
from diffgauge.graders.rubric import rubric
from diffgauge.graders.trigger_behaviour import trigger_behaviour
from diffgauge.graders.which import which
from diffgauge.organisms import registry
from diffgauge.records.artifacts import ArtifactHeader, ArtifactInputs, PairFingerprint
from diffgauge.records.reports import Report
from diffgauge.records.stored import ALIASES_KEY, ARTIFACT_KEY, PREFLIGHT_KEY, REPORT_KEY, USAGE_KEY
from tests.graders.runs import ALIASES

FAILS = "fails"
UNPARSABLE = "unparsable"

OVERVIEW = "seen first <b>\x1b[31m ``` ![x](http://evil.example/x.png)"
"""What a method showed: text that is no tool result and obeys nobody."""

Given = Report | str | None
"""What a sample submits: a report, None for nothing, or how it ends otherwise."""


def artifact(method: str, organism: str) -> ArtifactHeader:
    """Returns the header of an artifact that was never computed."""
    sides = {side: f"{side} of {organism}" for side in ("base", "finetuned")}
    pair = PairFingerprint(**sides, tokenizer="t", template="t", dtype="float32")
    inputs = ArtifactInputs(
        method=method,
        method_version=3,
        pair=pair,
        settings={"layers": [2]},
        corpora={"unrelated": "c0ffee"},
        seed=0,
    )
    return ArtifactHeader(inputs=inputs, n_texts={"unrelated": 40}, precompute_interactions=7)


@solver
def investigated(reports: dict[str, Any], interactions: int) -> Solver:
    """Stores what an investigation leaves behind."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        given = reports[f"{state.sample_id} {state.epoch}"]
        usage = {
            "interactions": interactions,
            "budget": 50,
            "refused_calls": 0,
            "failed_calls": 1,
            "precompute_interactions": 7,
            "subject_tokens": 100,
            "tool_seconds": 0.5,
            "calls": {"ask_models": 3},
            "evidence": {"verified": 1, "elsewhere": 0, "flagged": 2},
            "turns": 4,
            "ended": "submitted" if isinstance(given, dict) else given or "out of turns",
        }
        state.store.set(USAGE_KEY, usage)
        state.store.set(ALIASES_KEY, ALIASES)
        state.store.set(PREFLIGHT_KEY, {"verdict": "VALID", "reasons": [], "figures": {}})
        if state.metadata["diff_method"] != "none":
            method = str(state.metadata["diff_method"])
            transcript().info({"overview": OVERVIEW}, source=method)
            header = artifact(method, str(state.sample_id)).model_dump(mode="json")
            state.store.set(ARTIFACT_KEY, header)
        if given == FAILS:
            raise RuntimeError("the pair\x1b[31m broke\nsecond line")
        if isinstance(given, dict):
            state.store.set(REPORT_KEY, given)
        return state

    return solve


def _investigator(name: str) -> Model:
    def reply(*_: Any) -> ModelOutput:
        output = ModelOutput.from_content("mockllm/model", "done")
        output.usage = ModelUsage(input_tokens=10, output_tokens=5, total_tokens=15)
        return output

    return get_model(f"mockllm/{name}", custom_outputs=reply, memoize=False)


def run_cell(
    folder: Path,
    reports: Sequence[tuple[str, Given | list[Given]]],
    *,
    arm_id: str = "blackbox",
    budget: int = 50,
    grader: Model | None = None,
    investigator: str = "model",
    limit: int | None = None,
    graded: bool | None = None,
    more: dict[str, Any] | None = None,
    repeats: int = 1,
) -> EvalLog:
    """Runs one sample for each organism; a list of reports gives one for each epoch.

    `more` is added to the samples' metadata.
    """
    stored: dict[str, Any] = {}
    samples = []
    epochs = max((len(given) for _, given in reports if isinstance(given, list)), default=1)
    for organism, given in reports:
        card = registry.card(organism)
        for epoch in range(1, epochs + 1):
            one = given[epoch - 1] if isinstance(given, list) else given
            stored[f"{organism} {epoch}"] = (
                one.model_dump(mode="json") if isinstance(one, Report) else one
            )
        metadata = {
            "organism": organism,
            "truth_id": card.truth_id,
            "family": card.family,
            "null": card.null or "none",
            "dose": card.dose,
            "split": card.split,
            "pair_kind": card.pair.kind,
            "arm": arm_id.split(":")[-1],
            "arm_id": arm_id,
            "diff_method": arm_id.split(":")[0] if ":" in arm_id else "none",
            "budget": budget,
            "corpus": "none",
            "domain_data": False,
            "blind": True,
            "sides_known": False,
            "seed": 0,
            "truth": card.truth,
            "graded": card.truth == "complete" if graded is None else graded,
        } | (more or {})
        samples.append(Sample(id=organism, input="Investigate.", metadata=metadata))
    [log] = eval(
        Task(
            dataset=samples,
            solver=[generate(), investigated(stored, 20)],
            scorer=[
                identification(),
                which(),
                detection(),
                key_facts(),
                trigger_behaviour(),
                any_of_k(),
                rubric(repeats),
                replication(),
            ],
            name="cell",
            epochs=epochs,
            continue_on_fail=True,
        ),
        model=_investigator(investigator),
        model_roles={"grader": grader} if grader is not None else None,
        log_dir=str(folder),
        display="none",
        limit=limit,
    )
    return log
