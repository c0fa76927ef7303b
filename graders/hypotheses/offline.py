"""Verdicts without a model: a hypothesis's own words, and the styles it names, in two replies."""

from __future__ import annotations

from typing import Any, Final

from diffgauge.graders.hypotheses.verdict_prompt import Fits
from diffgauge.graders.showing import readings
from diffgauge.records.counted import style
from diffgauge.records.reports import Finding

__all__ = ["term_verdicts"]

_FORMS: Final = (
    "bold passages",
    "code blocks",
    "emoji and symbols",
    "exclamation marks",
    "headings",
    "letters beyond English",
    "list items",
    "question marks",
    "table rows",
)
"""Styles that are counted where a hypothesis names them by these words."""


def term_verdicts(sections: dict[str, Any]) -> dict[str, Any]:
    """Returns the verdicts that words and styles give on one batch.

    A reply shows a hypothesis when it holds one of its content words, or a style that it names
    (`showing.readings`). The first reading that exactly one reply shows decides; else the first
    form that it names (`_FORMS`) and of which one reply has more; else neither fits. It knows no
    synonyms and no denials: a hypothesis about what a model avoids is read the wrong way round.

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
    for name in _FORMS:
        if name.casefold() in text.casefold():
            more = style(name, replies[0]) - style(name, replies[1])
            if more:
                return "first" if more > 0 else "second"
    return "neither"
