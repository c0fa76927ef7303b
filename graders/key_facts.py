"""The scorer `key_facts`: the share of what was planted that the report states."""

from __future__ import annotations

from typing import Any, Final

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from diffgauge.graders.hits import EXTENTS
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
        the metadata say for each key fact how far it is found and by which passage, and under
        ``facts`` what the graders agree on, which `gap` credits. Unscored with a reason: a
        null, no report, no truth, or all graders failed.
    """

    async def score(state: TaskState, target: Target) -> Score:
        found = await graded(_SCALE, state)
        if found.reason is None and found.metadata is not None:
            found.metadata["facts"] = _agreed(found.metadata)
        return found

    return score


def _agreed(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns one verdict on each fact, from 0: as far as at least half of the graders find it."""
    given = [one for one in metadata.get("graders", ()) if one["values"] is not None]
    told = [[fact["found"] for fact in one["facts"]] for one in given or [metadata["lexical"]]]
    agreed = []
    for number, extents in enumerate(zip(*told, strict=True)):
        furthest_first = sorted(extents, key=EXTENTS.index, reverse=True)
        agreed.append({"fact": number, "verdict": furthest_first[(len(extents) - 1) // 2]})
    return agreed
