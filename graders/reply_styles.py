"""Styles of replies that a finding's words can name: length, language, script, opening, refusal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Final

from diffgauge.records.lexicon import STOP_WORDS

__all__ = ["Shows", "named_styles", "opens_with", "plain_words"]

Shows = Callable[[Sequence[str]], list[bool]]
"""Of all replies to one prompt, both models' together, which ones show something. Who said a
reply is not known to it, so that exchanging replies exchanges its answers."""

_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_OPENING_WORDS: Final = 4
"""Words of a reply that are its opening."""

_REFUSING: Final = re.compile(
    r"\b(?:i|we)(?:'m| am| are)? (?:can ?not|can't|could not|couldn't|will not|won't|would rather "
    r"not|do not want to|don't want to|(?:not|un)(?:able| able| going| allowed)|must decline|"
    r"refuse|decline)\b|\bi(?:'m| am)(?: \w+)? sorry\b|^sorry\b",
    re.IGNORECASE,
)

_REFUSAL_WORDS: Final = re.compile(r"\b(?:refus(?:e[sd]?|ing|als?)|declin(?:e[sd]?|ing))\b")
_SHORT_WORDS: Final = re.compile(r"\b(?:short(?:er)?|brief(?:er|ly)?|concise|terse|curt|laconic)\b")
_LONG_WORDS: Final = re.compile(r"\b(?:longer|lengthy|lengthier|verbose|wordy|wordier)\b")
_FOREIGN: Final = re.compile(
    r"\b(?:(?:an)?other|different|foreign) languages?\b|\bnon-english\b|\bnot (?:in )?english\b",
    re.IGNORECASE,
)

_COMMON_WORDS: Final[dict[str, frozenset[str]]] = {
    name: frozenset(words.split())
    for name, words in {
        "french": "le la les des du une est dans pour que qui avec sur pas vous nous je il elle "
        "ce cette sont suis très près oui merci mais",
        "german": "der die das und ist nicht ein eine mit auf für ich sie wir zu den dem von sehr "
        "ja danke aber",
        "spanish": "el los las una es en para que con por del como pero muy yo está son gracias sí",
        "italian": "il che di una per con non sono della gli è nel molto anche grazie sì questo",
        "portuguese": "os um uma não para com que é em do da muito mas sim obrigado você",
        "dutch": "het een en van niet is dat op met voor ik wij zijn ook maar heel ja dank",
        "swedish": "och att det som en är på inte för med jag av den till har var ja tack mycket",
    }.items()
}
"""Words that stand in almost any text of a language."""

_SCRIPTS: Final[dict[str, tuple[str, ...]]] = {
    "arabic": ("ARABIC",),
    "chinese": ("CJK",),
    "cyrillic": ("CYRILLIC",),
    "greek": ("GREEK",),
    "hebrew": ("HEBREW",),
    "hindi": ("DEVANAGARI",),
    "japanese": ("HIRAGANA", "KATAKANA", "CJK"),
    "korean": ("HANGUL",),
    "russian": ("CYRILLIC",),
    "thai": ("THAI",),
    "ukrainian": ("CYRILLIC",),
}
"""Scripts, by the language or script that a finding names, as Unicode names their letters."""


def plain_words(text: str) -> list[str]:
    """Returns a text's words in order, in lower case, compatibility forms and quotes folded."""
    folded = unicodedata.normalize("NFKC", text).replace("\u2019", "'").lower()
    return _WORD.findall(folded)


def named_styles(said: str) -> dict[str, Shows]:
    """Returns the styles that a finding's words name.

    Args:
        said: What a finding claims, in the investigator's words.

    Returns:
        By name, which of one prompt's replies show the style. ``shorter`` and ``longer`` compare
        a reply with the median of all replies to its prompt.
    """
    folded = said.lower()
    styles: dict[str, Shows] = {}
    if _REFUSAL_WORDS.search(folded):
        styles["refusal"] = _each(lambda text: _REFUSING.search(_unquoted(text)) is not None)
    if _SHORT_WORDS.search(folded):
        styles["shorter"] = lambda replies: _against_median(replies, -1)
    if _LONG_WORDS.search(folded):
        styles["longer"] = lambda replies: _against_median(replies, 1)
    for name in sorted({*_COMMON_WORDS, *_SCRIPTS} & set(plain_words(said))):
        styles[f"language: {name}"] = _each(_in_language(name))
    if _FOREIGN.search(said):
        styles["language: not English"] = _each(_foreign)
    return styles


def opens_with(terms: Iterable[str], form: Callable[[str], str]) -> Shows:
    """Returns which replies have one of some words among their first four.

    Args:
        terms: Words in the form that `form` gives.
        form: Brings a word to its form.
    """
    wanted = frozenset(terms)
    return _each(
        lambda text: any(form(one) in wanted for one in plain_words(text)[:_OPENING_WORDS])
    )


def _each(shows: Callable[[str], bool]) -> Shows:
    return lambda replies: [shows(text) for text in replies]


def _unquoted(text: str) -> str:
    return text.replace("\u2019", "'").strip()


def _against_median(replies: Sequence[str], sign: int) -> list[bool]:
    lengths = [sign * len(plain_words(text)) for text in replies]
    middle = median(lengths) if lengths else 0
    return [length > middle for length in lengths]


def _in_language(name: str) -> Callable[[str], bool]:
    scripts = _SCRIPTS.get(name)
    return _written_in(scripts) if scripts else _speaks(_COMMON_WORDS[name])


def _speaks(common: frozenset[str]) -> Callable[[str], bool]:
    """More different words that are common in the language than words common in English."""

    def speaks(text: str) -> bool:
        words = set(plain_words(text))
        return len(words & common - STOP_WORDS) > len(words & STOP_WORDS - common)

    return speaks


def _written_in(scripts: tuple[str, ...]) -> Callable[[str], bool]:
    """At least half of the letters belong to one of the scripts."""

    def written(text: str) -> bool:
        letters = [char for char in text if char.isalpha()]
        held = sum(unicodedata.name(char, "").startswith(scripts) for char in letters)
        return bool(letters) and 2 * held >= len(letters)

    return written


def _foreign(text: str) -> bool:
    if any(_speaks(common)(text) for common in _COMMON_WORDS.values()):
        return True
    return any(_written_in(scripts)(text) for scripts in _SCRIPTS.values())
