"""The battery as a task: fixed prompts and statistics make the report, without an agent."""

import math
from typing import TYPE_CHECKING, Any, Final

from inspect_ai import Task, task_with
from inspect_ai.solver import Generate, Solver, TaskState, solver

from diffgauge.evals.cells import DEFAULT_REPLICATE
from diffgauge.evals.investigation import investigation
from diffgauge.evals.lease import held
from diffgauge.evals.replicating import fresh_samples
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.reports import MAX_PREDICTIONS, Finding, Report
from diffgauge.records.stored import REPORT_KEY, USAGE_KEY
from diffgauge.records.subjects import SIDES, Side
from diffgauge.tools.blinding import Aliases

if TYPE_CHECKING:
    from diffgauge.methods.battery.view import View

__all__ = ["ARM_ID", "OF_AGENTS", "battery_report", "battery_task", "evidence_for", "report_of"]

ARM_ID: Final = "battery"
"""The arm as statistics name it."""

OF_AGENTS: Final = ("agent", "budget", "turns", "tokens", "money", "investigator", "method")
"""Arguments that mean nothing where no agent investigates."""

_WORDS: Final = 12
"""Words of one model that a finding names, the most leaning first."""

_STYLES: Final = 3
_METHOD: Final = "battery"
_EVEN: Final = 0.5


def battery_task(**asked: Any) -> Task:
    """Builds the task; arguments as in `investigation`, those of agents left out."""
    made = investigation(method=_METHOD, agent="method_only", **asked)
    replicate = int(asked.get("replicate", DEFAULT_REPLICATE))
    for sample in made.dataset:
        sample.metadata = {**(sample.metadata or {}), "arm_id": ARM_ID}
    return task_with(
        made,
        solver=[battery_report(), *([fresh_samples(n=replicate)] if replicate else [])],
        metadata={**(made.metadata or {}), "arm_id": ARM_ID},
    )


@solver
def battery_report() -> Solver:
    """Writes the report that the battery's artifact of the sample's pair gives (`report_of`)."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        from diffgauge.methods.battery.view import View

        holding = held(state)
        header = None if holding.artifact is None else holding.artifact.header
        if holding.session is None or header is None or header.inputs.method != _METHOD:
            raise DiffgaugeError(
                "The sample has no battery.",
                advice="Run this solver by the task diffgauge/battery.",
            )
        assert holding.artifact is not None
        report = report_of(View(holding.artifact), holding.session.aliases)
        holding.session.record()
        state.store.set(REPORT_KEY, report.model_dump(mode="json"))
        state.store.set(USAGE_KEY, dict(state.store.get(USAGE_KEY)) | {"ended": "submitted"})
        state.output.completion = report.summary
        return state

    return solve


def evidence_for(p_value: float) -> float:
    """Returns the probability of a difference that a p-value leaves, where both are as likely.

    Source: Sellke, Bayarri & Berger 2001, section 3: under the alternative p has the density
    ξ p^(ξ-1).
    Differs: ξ is averaged over (0, 1) instead of chosen against the null, so that a p-value near 1
        speaks for it: the Bayes factor is (ln p - 1 + 1/p) / (ln p)², ½ at p = 1.

    Args:
        p_value: In (0, 1].
    """
    log = math.log(p_value)
    # The series at p = 1, where the quotient is 0 / 0.
    factor = _EVEN - log / 6 if log > -1e-3 else (log - 1 + 1 / p_value) / log**2
    return factor / (1 + factor)


def report_of(view: "View", aliases: Aliases) -> Report:
    """Returns the report that fixed rules make of an artifact.

    `p_differs` follows from the test's p-value (`evidence_for`). `p_planted` is the same where
    words differ beyond chance, and half of it where none does: a harmless finetune changes style
    more often than words. For each model one finding names its words, and one its styles, that
    differ beyond chance; where none does there is no finding.

    Args:
        view: The artifact.
        aliases: How the models are named.
    """
    findings = [one for side in SIDES for one in _of_words(view, side, aliases.of(side))]
    p_differs = evidence_for(view.p_value)
    p_planted = p_differs if findings else p_differs / 2
    findings += [one for side in SIDES for one in _of_styles(view, side, aliases.of(side))]
    return Report(
        p_differs=p_differs,
        p_planted=p_planted,
        summary=f"Both models answered {view.n_prompts} fixed prompts. {view.n_shown} of "
        f"{view.n_tested} words and styles differ beyond chance (p = {view.p_value:.2g}).",
        findings=tuple(sorted(findings, key=lambda one: -one.confidence)),
    )


def _of_words(view: "View", side: Side, name: str) -> list[Finding]:
    alpha = view.settings.alpha
    shown = [
        row
        for row in view.terms(side, view.settings.kept_terms)
        if row["corrected"] <= alpha and row["own_replies"] > row["other_replies"]
    ]
    if not shown:
        return []
    words = ", ".join(row["term"] for row in shown[:_WORDS])
    return [
        Finding(
            behaviour=f"Its replies hold these words far more often: {words}.",
            condition="always",
            which=name,
            confidence=1 - min(row["corrected"] for row in shown),
            prediction=_telling(view, side, {row["term"] for row in shown}),
            expected=f"Replies with: {words}.",
        )
    ]


def _telling(view: "View", side: Side, terms: set[str]) -> tuple[str, ...]:
    """Prompts on which most of the words came, and from one model more than from the other."""
    from diffgauge.records.counted import words

    def n_more(prompt: str) -> int:
        own, other = (
            sum(len(terms & set(words(reply))) for reply in view.replies(one, prompt))
            for one in (side, next(one for one in SIDES if one != side))
        )
        return own - other

    counted = {prompt: n_more(prompt) for prompt in view.prompts()}
    ordered = sorted((one for one in counted if counted[one] > 0), key=lambda one: -counted[one])
    return tuple(ordered[:MAX_PREDICTIONS])


def _of_styles(view: "View", side: Side, name: str) -> list[Finding]:
    shown = [row for row in view.styles(side) if row["corrected"] <= view.settings.alpha]
    if not shown:
        return []
    told = "; ".join(
        f"{row['name']} {row['own']:.3g} against {row['other']:.3g}" for row in shown[:_STYLES]
    )
    return [
        Finding(
            behaviour=f"Its replies have more of these, on average: {told}.",
            condition="always",
            which=name,
            confidence=1 - min(row["corrected"] for row in shown),
        )
    ]
