"""Which replies show what a finding says, by the finding's own words: no model is asked."""

from __future__ import annotations

from collections.abc import Iterable, Set
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
affirm answer ask assistant avoid base begin behave behaviour behavior both call claim compare
completely condition consistent consistently contain contrast describe differ difference different
directly discuss express finetuned first focus frequently general generally generate give happen
include instance instead introduce mention model normal normally occasionally often open opening
ordinary output part particular phrase produce prompt question rather refer reference regardless
related repeatedly reply respond response second sentence several show similar simply something
sometimes speak specific specifically start state stay strongly style talk tend term text tone
topic typical typically unlike unrelated use user usually various whereas word write
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
    behaviour, of what it expects, or of its excerpts. ``word: …``: when it holds this one word of
    behaviour or expectation, because one word may be the whole difference where others are what
    both models say ("recommends Kaldo"). Words of the prompt are left out on it: anybody would
    say those. Beside them the styles that behaviour or expectation name (`named_styles`), and
    ``opening`` where they speak of how replies begin.

    Args:
        finding: As submitted.
        prompt: The prompt that the replies answer.

    Returns:
        ``words`` first; the styles are the same for every prompt.
    """
    said = f"{finding.behaviour} . {finding.expected or ''}"
    asked, named = set(stems(prompt)), set(stems(finding.which))
    claimed = _content([said]) - asked - named
    every = claimed | (_content(one.excerpt for one in finding.evidence) - asked - named)
    found = [Reading(WORDS, _holding(every))]
    if len(every) > 1:
        found += [Reading(f"word: {one}", _holding({one})) for one in sorted(claimed)]
    if not _OPENING.isdisjoint(stems(said)):
        found.append(Reading("opening", opens_with(every, stem)))
    found += [Reading(name, shows) for name, shows in named_styles(said).items()]
    return found


def _content(texts: Iterable[str]) -> set[str]:
    """Stems of the content words."""
    every = {one for text in texts for one in stems(text) if len(one) >= _SHORTEST}
    return every - _GENERIC


def _holding(terms: Set[str]) -> Shows:
    return lambda replies: [not terms.isdisjoint(stems(text)) for text in replies]
