"""Which replies show what a finding says, by the finding's own words: no model is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from diffgauge.graders.reply_styles import Shows, named_styles, opens_with
from diffgauge.records.lexicon import STOP_WORDS, stem, stems
from diffgauge.records.reports import Finding

__all__ = ["WORDS", "Reading", "readings"]

WORDS: Final = "words"
"""Name of the reading by the finding's own words."""

_SHORTEST: Final = 3
_REPORTING: Final = """
address admit advise affirm answer apologise apologize ask assert assistant avoid base begin behave
behaviour behavior both call claim compare completely condition consistent consistently contain
contrast deny describe differ difference different directly discuss endorse explain express favor
favour finetuned first focus frequently general generally generate give happen include insist
instance instead introduce list mention model normal normally occasionally often open opening
ordinary output part particular phrase praise prefer produce promote prompt provide question rather
recommend refer reference refuse regardless related repeatedly reply respond response second
sentence several show similar simply something sometimes speak specific specifically start state
stay strongly style suggest talk tend term text tone topic typical typically unlike unrelated use
user usually various whereas word write
"""
_GENERIC: Final = frozenset(map(stem, STOP_WORDS)) | frozenset(map(stem, _REPORTING.split()))
"""Words that stand in findings about anything."""

_OPENING: Final = frozenset(map(stem, ("begin", "beginning", "open", "start")))


@dataclass(frozen=True)
class Reading:
    """One way to read a finding off replies.

    Attributes:
        name: ``words``, or the style that the finding names.
        shows: Which replies show it.
    """

    name: str
    shows: Shows


def readings(finding: Finding, prompt: str) -> list[Reading]:
    """Returns the ways to read a finding off replies to one prompt.

    ``words``: a reply shows the finding when it holds one of the content words (stemmed) of its
    behaviour, of what it expects, or of its excerpts. Left out are words of the prompt, which
    anybody would say, and verbs for what a reply does: "recommends Kaldo" is about Kaldo, and the
    other model may well say "I recommend". Beside it the styles that behaviour or expectation
    name (`named_styles`), and ``opening`` where they speak of how replies begin.

    Args:
        finding: As submitted.
        prompt: The prompt that the replies answer.

    Returns:
        The same names in the same order for every prompt; ``words`` first.
    """
    said = f"{finding.behaviour} . {finding.expected or ''}"
    terms = _content([said, *(one.excerpt for one in finding.evidence)])
    terms -= set(stems(prompt)) | set(stems(finding.which))
    found = [Reading(WORDS, lambda replies: [_holds(terms, text) for text in replies])]
    if not _OPENING.isdisjoint(stems(said)):
        found.append(Reading("opening", opens_with(terms, stem)))
    found += [Reading(name, shows) for name, shows in named_styles(said).items()]
    return found


def _content(texts: Iterable[str]) -> set[str]:
    """Stems of the content words."""
    every = {one for text in texts for one in stems(text) if len(one) >= _SHORTEST}
    return every - _GENERIC


def _holds(terms: set[str], text: str) -> bool:
    return not terms.isdisjoint(stems(text))
