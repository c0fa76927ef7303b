"""Refusals in logs: of the investigator that ended a run, and of graders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from inspect_ai.log import EvalSample
from inspect_ai.scorer import Score

from diffgauge.records.refusals import REFUSED, refuses

__all__ = ["ended_in_refusal", "grader_refusals"]

_PROBLEM: Final = "problem"


def ended_in_refusal(sample: EvalSample) -> bool:
    """Whether a sample's last turn is a refusal: the provider's, or in the model's words."""
    output = sample.output
    if output.empty:
        return False
    if output.stop_reason == "content_filter":
        return True
    return not output.message.tool_calls and refuses(output.completion, output.model)


def grader_refusals(scores: Mapping[str, Score]) -> int | None:
    """Returns how many grades a grader refused to give.

    Args:
        scores: Of one sample. What a grader was asked stands in their metadata, with a problem
            where it gave no verdict.

    Returns:
        None where no grader was asked.
    """
    problems = [one for score in scores.values() for one in _problems(score.metadata or {})]
    if not problems:
        return None
    return sum(str(one).startswith(REFUSED) for one in problems)


def _problems(value: Mapping[str, Any] | Sequence[Any]) -> Iterator[Any]:
    """Yields the problem beside each verdict, None beside one that was given."""
    if isinstance(value, dict) and _PROBLEM in value:
        yield value[_PROBLEM]
    for inner in value.values() if isinstance(value, dict) else value:
        # Nearly all that stands in metadata is a text or a number: not worth a generator each.
        if isinstance(inner, dict | list | tuple):
            yield from _problems(inner)
