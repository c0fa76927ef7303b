"""Verdicts without a model: a hypothesis's own words, and the styles it names, in two replies."""

from __future__ import annotations

from typing import Any

from diffgauge.graders.hypotheses.verdict_prompt import Fits
from diffgauge.graders.showing import readings
from diffgauge.records.reports import Finding

__all__ = ["term_verdicts"]


def term_verdicts(sections: dict[str, Any]) -> dict[str, Any]:
    """Returns the verdicts that words and styles give on one batch.

    A reply shows a hypothesis when it holds one of its content words, or a style that it names
    (`showing.readings`). The first reading that exactly one reply shows decides; where none does,
    neither fits. It knows no synonyms and no denials: a hypothesis about what a model avoids is
    read the wrong way round.

    Args:
        sections: Of the prompt, as `verdict_sections` returns them.
    """
    replies = [str(sections["first"]), str(sections["second"])]
    return {
        "verdicts": [
            {
                "hypothesis": one["hypothesis"],
                "fits": _fits(str(one["text"]), str(sections["prompt"]), replies),
            }
            for one in sections["hypotheses"]
        ]
    }


def _fits(text: str, prompt: str, replies: list[str]) -> Fits:
    claim = Finding(behaviour=text, condition="always", which="", confidence=1)
    for reading in readings(claim, prompt):
        first, second = reading.shows(replies)
        if first != second:
            return "first" if first else "second"
    return "neither"
