"""The last step of a sample: fresh replies to the prompts that its report predicts from.

It runs while the pair is still held and only samples; the scorer `replication` only reads what is
stored here, so that a log can be scored again without a pair.
"""

import json
import random
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import span

from diffgauge.evals.cells import DEFAULT_REPLICATE
from diffgauge.evals.lease import held
from diffgauge.methods.seeds import derived_seed
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.replications import (
    NO_PREDICTION,
    FreshReplies,
    Label,
    PredictedFinding,
    Replication,
)
from diffgauge.records.reports import MAX_PREDICTIONS, Finding, Report
from diffgauge.records.stored import REPLICATION_KEY, REPORT_KEY, USAGE_KEY
from diffgauge.records.subjects import SIDES, ChatMessage, Prompt, Side
from diffgauge.tools.elicitation import MAX_PROMPT_CHARS
from diffgauge.tools.session import Session

if TYPE_CHECKING:
    from diffgauge.models.pair import Row

__all__ = ["MOST_FINDINGS", "fresh_samples", "most_replies", "sampled"]

MOST_FINDINGS: Final = 3
"""Findings of a report that are tested, the most confident ones: a long list of guesses shall
neither cost more nor be more likely to hold somewhere."""

_OVER: Final = f"not among the {MOST_FINDINGS} most confident findings with a prediction"
_UNASKABLE: Final = f"its prompts are blank or longer than {MAX_PROMPT_CHARS} characters"
_LABELS: Final[tuple[Label, Label]] = ("first", "second")


def most_replies(n: int) -> int:
    """Returns the replies that testing one report takes at most, of both models together."""
    return MOST_FINDINGS * MAX_PREDICTIONS * len(SIDES) * n


@solver
def fresh_samples(n: int = DEFAULT_REPLICATE) -> Solver:
    """Samples both models afresh on the prompts that the submitted report predicts from.

    Nothing of it is charged to the investigator, who has ended. A subject model that fails here
    leaves findings untested, with the reason; it never costs the investigation.

    Args:
        n: Replies of each model to each prompt.

    Returns:
        The solver. It stores a `Replication`, and nothing where there is no report.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        session = held(state).session
        stored = state.store.get(REPORT_KEY)
        if session is None or stored is None:
            return state
        report = Report.model_validate_json(json.dumps(stored))
        started = time.perf_counter()
        async with span(name="replication", type="solver"):
            found = await sampled(session, report, n)
        state.store.set(REPLICATION_KEY, found.model_dump(mode="json"))
        usage: dict[str, Any] = dict(state.store.get(USAGE_KEY) or {})
        usage["replication_interactions"] = found.interactions
        usage["replication_seconds"] = round(time.perf_counter() - started, 3)
        state.store.set(USAGE_KEY, usage)
        return state

    return solve


async def sampled(session: Session, report: Report, n: int) -> Replication:
    """Samples what a report predicts from.

    A reply's seed is made from the run's seed, the prompt, the model and a number, under a label
    that nothing else uses: no reply of the investigation is met again, and neither the order of
    findings nor that of prompts changes a reply.

    Args:
        session: The run, its investigator ended.
        report: What was submitted.
        n: Replies of each model to each prompt.

    Returns:
        The replies under neutral labels, shuffled, and what became of every finding. A prompt
        that cannot be asked is one with a problem; any other failure ends the sampling, and what
        was sampled before it is kept.
    """
    asked = _chosen(report)
    prompts = list(dict.fromkeys(prompt for found in asked for prompt in found.prompts))
    labels = _labels(session.seed)
    fresh: list[FreshReplies] = []
    problem: str | None = None
    for prompt in prompts:
        if problem is not None:
            fresh.append(FreshReplies(prompt=prompt, problem=problem))
            continue
        try:
            fresh.append(await _fresh(session, prompt, n, labels))
        except DiffgaugeError as error:
            fresh.append(FreshReplies(prompt=prompt, problem=str(error)))
        except Exception as error:
            # The sample's border: the investigation is paid for and done, and it shall be graded.
            problem = f"the models could not be asked ({type(error).__name__})"
            fresh.append(FreshReplies(prompt=prompt, problem=problem))
    return Replication(
        n=n,
        max_new_tokens=session.max_new_tokens,
        temperature=session.temperature,
        names={labels[side]: session.aliases.of(side) for side in SIDES},
        findings=asked,
        prompts=tuple(fresh),
        interactions=sum(len(one.replies) for one in fresh),
        problem=problem,
    )


def _chosen(report: Report) -> tuple[PredictedFinding, ...]:
    """Says of every finding which prompts are asked for it, or why none is."""
    askable = {
        place: tuple(dict.fromkeys(filter(_askable, finding.prediction)))
        for place, finding in enumerate(report.findings)
    }
    within = sorted((place for place in askable if askable[place]), key=_rank(report.findings))
    tested = set(within[:MOST_FINDINGS])
    found = []
    for place, finding in enumerate(report.findings):
        if place in tested:
            found.append(PredictedFinding(finding=place, prompts=askable[place]))
            continue
        reason = NO_PREDICTION if not finding.prediction else _UNASKABLE
        found.append(PredictedFinding(finding=place, reason=_OVER if askable[place] else reason))
    return tuple(found)


def _rank(findings: Sequence[Finding]) -> Any:
    """Most confident first; the words decide between equals, so that their order does not."""
    return lambda place: (-findings[place].confidence, findings[place].model_dump_json())


def _askable(prompt: str) -> bool:
    return bool(prompt.strip()) and len(prompt) <= MAX_PROMPT_CHARS


def _labels(seed: int) -> Mapping[Side, Label]:
    base = derived_seed(seed, "replication labels") % len(_LABELS)
    return {"base": _LABELS[base], "finetuned": _LABELS[1 - base]}


async def _fresh(
    session: Session, prompt: str, n: int, labels: Mapping[Side, Label]
) -> FreshReplies:
    """Both models' replies to one prompt: one request, so that other samples' come between."""
    triggered = None
    if session.triggers is not None:
        triggered = (await session.triggers.decide([prompt]))[prompt]
    rows = _rows(session, prompt, n, triggered)
    replies = await session.service.generate(rows)
    said = [(reply.text, labels[row.side]) for row, reply in zip(rows, replies, strict=True)]
    random.Random(derived_seed(session.seed, "replication order", prompt)).shuffle(said)
    return FreshReplies(
        prompt=prompt,
        replies=tuple(text for text, _ in said),
        labels=tuple(label for _, label in said),
    )


def _rows(session: Session, prompt: str, n: int, triggered: bool | None) -> "list[Row]":
    from diffgauge.models.pair import Row

    return [
        Row(
            side,
            Prompt(
                messages=(ChatMessage(role="user", content=prompt),),
                seed=derived_seed(session.seed, "replication", prompt, side, number),
                max_new_tokens=session.max_new_tokens,
                temperature=session.temperature,
                triggered=triggered,
            ),
        )
        for side in SIDES
        for number in range(n)
    ]
