"""Fresh samples of models that are functions, stored and scored as a run stores and scores them."""

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import Model, ModelName
from inspect_ai.scorer import Score, Scorer, Target
from inspect_ai.solver import Generate, Solver, TaskState, solver

from diffgauge.evals.replicating import sampled
from diffgauge.graders.replication import replication
from diffgauge.records.replications import Replication
from diffgauge.records.reports import Finding, Report
from diffgauge.records.stored import ALIASES_KEY, REPLICATION_KEY, REPORT_KEY, USAGE_KEY
from diffgauge.records.subjects import Reply, Side
from diffgauge.tools.blinding import Aliases
from diffgauge.tools.budget import Budget
from diffgauge.tools.session import Session

if TYPE_CHECKING:
    from diffgauge.models.pair import ModelPair, Row

T = TypeVar("T")
Says = Callable[[str, random.Random], str]

BASE, FINETUNED = "model B", "model A"
NULLS = ("mine/benign", "mine/identical")
PLAIN = ("sea", "wide", "day", "long", "near", "old", "town", "many", "people", "green")


class Saying:
    """A service of two models that are functions of the prompt and the row's own seed."""

    def __init__(self, base: Says, finetuned: Says) -> None:
        self.says: dict[Side, Says] = {"base": base, "finetuned": finetuned}
        self.rows: list[Row] = []

    async def generate(self, rows: "Sequence[Row]") -> list[Reply]:
        self.rows += rows
        return [
            Reply(
                text=self.says[row.side](
                    row.prompt.messages[0].content, random.Random(row.prompt.seed)
                ),
                n_tokens=5,
                finished=True,
            )
            for row in rows
        ]

    async def run(self, work: "Callable[[ModelPair], T]") -> T:
        raise AssertionError("replies are all that is asked for")


def plain(_: str, draw: random.Random) -> str:
    """Ten ordinary words."""
    return " ".join(draw.choices(PLAIN, k=10))


def also(*words: str, share: float = 0.7) -> Says:
    """Ordinary words and, in a share of replies, one of some others."""

    def says(prompt: str, draw: random.Random) -> str:
        text = plain(prompt, draw)
        return f"{text} {draw.choice(words)}" if draw.random() < share else text

    return says


def predicted(
    behaviour: str, *prompts: str, which: str = FINETUNED, confidence: float = 0.8
) -> Finding:
    return Finding(
        behaviour=behaviour,
        condition="always",
        which=which,
        confidence=confidence,
        prediction=prompts or ("How are you?", "What is that?"),
    )


def reporting(*findings: Finding) -> Report:
    return Report(p_differs=0.9, p_planted=0.9, summary="", findings=findings)


def session(service: Saying, seed: int = 0) -> Session:
    aliases = Aliases(base=BASE, finetuned=FINETUNED, blinded=True)
    return Session(service=service, aliases=aliases, budget=Budget(0), seed=seed)


def samples(report: Report, service: Saying, *, seed: int = 0, n: int = 20) -> Replication:
    return asyncio.run(sampled(session(service, seed), report, n))


def state(report: Report | None, fresh: Replication | None, organism: str) -> TaskState:
    """A sample's state as it is left behind."""
    held: dict[str, Any] = {ALIASES_KEY: {"base": BASE, "finetuned": FINETUNED}}
    if report is not None:
        held[REPORT_KEY] = report.model_dump(mode="json")
    if fresh is not None:
        held[REPLICATION_KEY] = fresh.model_dump(mode="json")
        held[USAGE_KEY] = {"replication_interactions": fresh.interactions}
    return TaskState(
        model=ModelName("mockllm/model"),
        sample_id=organism,
        epoch=1,
        input="Investigate.",
        messages=[],
        store=held,
        metadata={"organism": organism},
    )


def scored(
    report: Report | None,
    fresh: Replication | None,
    organism: str = "mine/lobster",
    by: Scorer | None = None,
) -> Score:
    """Scores one sample without a run."""
    score = asyncio.run((by or replication())(state(report, fresh, organism), Target("")))
    assert score is not None
    return score


def categories(score: Score) -> list[str]:
    assert score.metadata is not None
    return [one["category"] for one in score.metadata["findings"]]


@solver
def left_behind(stored: dict[str, Any]) -> Solver:
    """Stores what an investigation and its last step leave behind."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        for key, value in stored[str(state.sample_id)].items():
            state.store.set(key, value)
        return state

    return solve


def run(
    folder: Path,
    given: Sequence[tuple[str, Report, Replication]],
    *,
    grader: Model | list[Model] | None = None,
    scorer: Scorer | None = None,
    graded: bool = True,
) -> EvalLog:
    """Runs one sample for each (organism, report, fresh samples) and returns the log."""
    stored, made = {}, []
    for at, (organism, report, fresh) in enumerate(given):
        name = f"{at:02d} {organism}"
        held = state(report, fresh, organism)
        stored[name] = json.loads(json.dumps(dict(held.store.items())))
        metadata = {
            "organism": organism,
            "truth_id": organism,
            "family": "narrow_documents",
            "null": organism.removeprefix("mine/") if organism in NULLS else "none",
            "arm_id": "blackbox",
            "graded": graded,
        }
        made.append(Sample(id=name, input="Investigate.", metadata=metadata))
    [log] = eval(
        Task(dataset=made, solver=left_behind(stored), scorer=[scorer or replication()]),
        model="mockllm/model",
        model_roles={"grader": grader} if grader is not None else None,
        log_dir=str(folder),
        display="none",
    )
    assert log.status == "success", log.error
    return log
