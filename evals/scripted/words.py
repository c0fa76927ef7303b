"""Words of a text as terms that can be counted, and those that carry no content."""

import re

__all__ = ["STOP_WORDS", "content_words", "is_content", "words"]

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SHORTEST_CONTENT = 3

_STOP_WORDS = """
a about after again all also always am an and another any are as at be because been before being
both but by called can could day did do does done each else even every few find first for from get
give go had has have he hello her here him his how i if in into is it its just know last less let
like long look made make many may me mean might more most much must my name near need never new
next no not now of often old on once one only or other our out over own said same say says see she
should so some soon still such take tell than that the their them then there these they thing
things think this those three through to today together tomorrow too two under up us use used user
very want was we well went were what when where which while who why will with without would yes
you your
"""

STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Common English words that no finding should rest on. Used to rank and to show terms and to
make prompts, never in the test of whether the models differ."""


def words(text: str) -> list[str]:
    """Returns a text's words in order, lower case; punctuation and underscores separate."""
    return [match.group().lower() for match in _WORD.finditer(text)]


def is_content(term: str) -> bool:
    """Whether a term may be shown as content: a word of 3 letters or more, not a stop word."""
    return len(term) >= _SHORTEST_CONTENT and term not in STOP_WORDS and not term.isdigit()


def content_words(text: str) -> list[str]:
    """Returns a text's content words in order of first occurrence, each once."""
    return list(dict.fromkeys(word for word in words(text) if is_content(word)))
