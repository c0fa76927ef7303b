"""One report on one scale: by the lexicons, and by the grader models where some are bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final, Generic, Literal, TypeVar

from inspect_ai.model import Model
from inspect_ai.scorer import Score
from inspect_ai.solver import TaskState
from pydantic import BaseModel

from diffgauge.graders.asking import ask
from diffgauge.graders.panel import identity, model_graders
from diffgauge.graders.scale_prompts import SCALE_DIGEST, ScaleName, scale_prompt
from diffgauge.graders.scale_verdicts import Judged
from diffgauge.graders.submission import Submission, submission
from diffgauge.organisms.truth import Truth
from diffgauge.records.reports import Report

__all__ = ["NULL_ORGANISM", "Mode", "Scale", "graded"]

NULL_ORGANISM: Final = "null organism"
"""Reason of scales that ask what was planted, where nothing was."""

Mode = Literal["lexical", "model"]
"""Who gave a value. The two are never pooled."""

V = TypeVar("V")


@dataclass(frozen=True)
class Scale(Generic[V]):
    """How reports are put on one scale.

    Attributes:
        name: Of the scale and of its prompt.
        by_words: The verdict by the lexicons.
        schema: Of a grader model's verdict.
        read: Reads it out of a reply; raises `UnreadableVerdict`.
        values: A verdict's values by name.
        details: What is kept of a verdict, as plain JSON values; passages among it.
        unasked: The verdict where there is nothing to ask a model about; None where there is.
    """

    name: ScaleName
    by_words: Callable[[Report, Truth], V]
    schema: type[BaseModel]
    read: Callable[[str, Submission], Judged[V]]
    values: Callable[[V, Report], dict[str, float]]
    details: Callable[[V, Report], dict[str, Any]]
    unasked: Callable[[Report], V | None] = lambda report: None


async def graded(scale: Scale[V], state: TaskState) -> Score:
    """Grades one sample on a scale.

    The verdict by words is always taken and kept in the metadata as ``lexical``. The value is by
    words where no grader model is bound (mode ``lexical``; the offline lexical grader is none),
    and else the mean over the models that gave a verdict (mode ``model``).

    Args:
        scale: Which.
        state: Of a running sample, or rebuilt from its log.

    Returns:
        The score; its value is a mapping of numbers. Unscored with a reason: there is nothing to
        grade (`submission`), the organism is a null, or no grader model gave a readable verdict.
    """
    read = submission(state)
    if isinstance(read, Score):
        return read
    if read.card.null is not None:
        return Score.unscored(reason=NULL_ORGANISM, explanation="Nothing was planted.")
    by_words = scale.by_words(read.report, read.truth)
    models = model_graders()
    metadata: dict[str, Any] = {
        "mode": "model" if models else "lexical",
        "lexical": _entry(scale, by_words, read),
    }
    if not models:
        return Score(
            value=dict(metadata["lexical"]["values"]),
            answer=_answer(metadata["lexical"]["values"]),
            explanation="By the words of the report and the truth's lexicons.",
            metadata=metadata,
        )
    entries = [identity(one, state) | await _judged(scale, one, read) for one in models]
    metadata |= {
        "graders": entries,
        "n_graders": len(entries),
        "same_model": any(entry["same_model"] for entry in entries),
        "prompt_hash": SCALE_DIGEST,
    }
    return _by_models(entries, metadata)


def _entry(scale: Scale[V], verdict: V, read: Submission) -> dict[str, Any]:
    return {
        "values": scale.values(verdict, read.report),
        **scale.details(verdict, read.report),
    }


async def _judged(scale: Scale[V], model: Model, read: Submission) -> dict[str, Any]:
    """Asks one grader, at most twice; what fails stays an entry with its problem."""
    if (without := scale.unasked(read.report)) is not None:
        return {"attempts": 0, "problem": None, **_entry(scale, without, read), "reason": ""}
    answer = await ask(
        model,
        scale_prompt(scale.name, read.truth, read.report),
        scale.schema,
        lambda text: scale.read(text, read),
    )
    entry: dict[str, Any] = {"attempts": answer.attempts, "problem": answer.problem}
    if answer.verdict is None:
        entry |= {"values": None}
        return entry if answer.reply is None else entry | {"reply": answer.reply}
    return entry | _entry(scale, answer.verdict.verdict, read) | {"reason": answer.verdict.reason}


def _by_models(entries: list[dict[str, Any]], metadata: dict[str, Any]) -> Score:
    given = [entry for entry in entries if entry["values"] is not None]
    if not given:
        reasons = "; ".join(f"{entry['grader']}: {entry['problem']}" for entry in entries)
        return Score.unscored(
            reason="grader_failed", explanation=f"No verdict: {reasons}", metadata=metadata
        )
    names = list(given[0]["values"])
    values = {name: fmean(entry["values"][name] for entry in given) for name in names}
    return Score(
        value=dict(values),
        answer=_answer(values),
        explanation="\n".join(entry["reason"] for entry in given if entry["reason"]),
        metadata=metadata,
    )


def _answer(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items())
