"""The scorer `key_facts`: the share of what was planted that the report states."""

from __future__ import annotations

from typing import Any, Final

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from diffgauge.graders.metrics import by_family, clustered_mean
from diffgauge.graders.passages import stands_in
from diffgauge.graders.scale_verdicts import FactFound, FactsReply, lexical_facts, read_facts
from diffgauge.graders.scales import Scale, graded
from diffgauge.records.reports import Report

__all__ = ["key_facts"]

Verdict = tuple[FactFound, ...]
_METRICS: Final = [clustered_mean(), by_family()]


def _values(verdict: Verdict, report: Report) -> dict[str, float]:
    found = [fact.found for fact in verdict]
    n = len(found)
    return {
        "exact": found.count("exact") / n,
        "abstract": (found.count("exact") + found.count("abstract")) / n,
    }


def _details(verdict: Verdict, report: Report) -> dict[str, Any]:
    return {
        "facts": [
            {
                "fact": number,
                "found": fact.found,
                "passage": fact.passage,
                "passage_found": stands_in(fact.passage, report),
            }
            for number, fact in enumerate(verdict, start=1)
        ]
    }


_SCALE: Final[Scale[Verdict]] = Scale(
    name="key_facts",
    by_words=lexical_facts,
    schema=FactsReply,
    read=lambda text, read: read_facts(text, len(read.truth.key_facts)),
    values=_values,
    details=_details,
)


@scorer(metrics={"exact": _METRICS, "abstract": _METRICS})
def key_facts() -> Scorer:
    """Share of the card's key facts that the report states.

    Its value is a mapping: ``exact``, the share stated exactly, and ``abstract``, the share stated
    exactly or in more general terms, so that the second is never below the first. By words a key
    fact is stated exactly when two terms of its lexicon (one where it has one) stand in one
    finding, and in the abstract when one of several does. All findings are read: that a list of
    guesses pays here is what `any_of_k` charges for.

    Source: own (MEASURES, `key_facts`).
    Differs: none.

    Returns:
        The scorer. By the models bound to the role ``grader``, else by words (`scales.graded`);
        the metadata say for each key fact how far it is found and by which passage. Unscored with
        a reason: a null, no report, no truth, or all graders failed.
    """

    async def score(state: TaskState, target: Target) -> Score:
        return await graded(_SCALE, state)

    return score
