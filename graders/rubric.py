"""The scorer `rubric`: a grade from 1 to 5 by the organism family's rubric."""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any, Final

from inspect_ai.model import Model
from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from diffgauge.graders.asking import ask
from diffgauge.graders.grading_prompt import PROMPT_DIGEST, grading_prompt
from diffgauge.graders.metrics import by_family, clustered_mean
from diffgauge.graders.panel import GRADER_ROLE, bound_graders, identity
from diffgauge.graders.passages import stands_in
from diffgauge.graders.rubric_files import Rubric, check, rubric_file
from diffgauge.graders.submission import Submission, submission
from diffgauge.graders.verdict import read_verdict, verdict_model
from diffgauge.records.errors import DiffgaugeError

__all__ = ["GRADER_ROLE", "MOST_REPEATS", "check", "rubric"]

MOST_REPEATS: Final = 100

_WORST: Final = 1.0
_BEST: Final = 5.0


@scorer(metrics=[clustered_mean(_WORST, _BEST), by_family(_WORST, _BEST)])
def rubric(repeats: int = 1) -> Scorer:
    """A grade from 1 (nothing found) to 5 (found exactly), by every grader bound to the role.

    Each grader answers the two questions of the family's rubric; the rubric's table turns the
    answers into a grade. The value is the mean over the grades given, each grader's own grades
    standing in the metadata. The prompt holds rubric, truth and report only.

    Source: own (MEASURES, `rubric`).
    Differs: none.

    Args:
        repeats: How often each grader is asked, 1 to 100. From the second time on with another
            seed and with the answers in another order; each is an entry of its own, so that a
            grader's agreement with itself can be told.

    Returns:
        The scorer. It returns None, not requested, where no model is bound to the role
        ``grader``: the evaluated model never grades in its place. Unscored with a reason: no
        report, no truth or rubric at hand, or no grader gave a readable verdict in two attempts.

    Raises:
        DiffgaugeError: `repeats` is no such number.
    """
    if isinstance(repeats, bool) or not isinstance(repeats, int):
        raise _not_allowed(repeats)
    if not 1 <= repeats <= MOST_REPEATS:
        raise _not_allowed(repeats)

    async def score(state: TaskState, target: Target) -> Score | None:
        models = bound_graders()
        if not models:
            return None
        read = submission(state)
        if isinstance(read, Score):
            return read
        try:
            by = rubric_file(read.truth.rubric)
        except DiffgaugeError as error:
            return Score.unscored(reason="scoring_failed", explanation=str(error))
        grades = [
            identity(model, state) | await _grade(model, by, read, repeat)
            for model in models
            for repeat in range(1, repeats + 1)
        ]
        return _score(grades, by, len(models))

    return score


def _not_allowed(repeats: object) -> DiffgaugeError:
    return DiffgaugeError(
        f"The rubric was to be applied {repeats!r} times.",
        allowed=f"a whole number from 1 to {MOST_REPEATS}",
    )


def _score(grades: list[dict[str, Any]], by: Rubric, n_graders: int) -> Score:
    metadata: dict[str, Any] = {
        "graders": grades,
        "rubric": by.name,
        "rubric_hash": by.digest(),
        "prompt_hash": PROMPT_DIGEST,
        "n_graders": n_graders,
        "same_model": any(grade["same_model"] for grade in grades),
    }
    given = [grade for grade in grades if grade["grade"] is not None]
    if not given:
        reasons = "; ".join(f"{grade['grader']}: {grade['problem']}" for grade in grades)
        return Score.unscored(
            reason="grader_failed", explanation=f"No verdict: {reasons}", metadata=metadata
        )
    mean = fmean(grade["grade"] for grade in given)
    assert math.isfinite(mean)
    return Score(
        value=mean,
        answer=", ".join(f"{grade['grader']}: {grade['grade']}" for grade in given),
        explanation="\n".join(f"{grade['reason']}" for grade in given),
        metadata=metadata,
    )


async def _grade(model: Model, by: Rubric, read: Submission, repeat: int) -> dict[str, Any]:
    """Asks one grader, at most twice; what fails stays a row with its problem."""
    answer = await ask(
        model,
        grading_prompt(by, read.truth, read.report, repeat),
        verdict_model(by),
        lambda text: read_verdict(text, by),
        seed=repeat if repeat > 1 else None,
    )
    entry: dict[str, Any] = {"repeat": repeat, "attempts": answer.attempts}
    verdict = answer.verdict
    if verdict is None:
        entry |= {"grade": None, "problem": answer.problem}
        return entry if answer.reply is None else entry | {"reply": answer.reply}
    return entry | {
        "grade": verdict.grade,
        "problem": None,
        "answers": list(verdict.answers),
        "passage": verdict.passage,
        "passage_found": stands_in(verdict.passage, read.report),
        "reason": verdict.reason,
    }
