"""What can be counted of one reply: its words, and numbers of its length and form."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

from diffgauge.records.refusals import refuses

__all__ = ["STYLES", "style", "styles", "words"]

_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_SENTENCE_END: Final = re.compile(r"[.!?。！？]+(?:\s|$)")
_LIST_ITEM: Final = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+\S", re.MULTILINE)
_HEADING: Final = re.compile(r"^\s*#{1,6}\s+\S", re.MULTILINE)
_BOLD: Final = re.compile(r"\*\*[^*\n]+\*\*")
_TABLE_ROW: Final = re.compile(r"^\s*\|.*\|\s*$", re.MULTILINE)


def words(text: str) -> list[str]:
    """Returns a reply's words in order, in lower case, compatibility forms and quotes folded."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).replace("\u2019", "'").lower())


def _distinct(grams: Sequence[tuple[str, ...]]) -> float:
    return len(set(grams)) / len(grams) if grams else 1.0


def _grams(text: str, n: int) -> list[tuple[str, ...]]:
    said = words(text)
    return [tuple(said[at : at + n]) for at in range(len(said) - n + 1)]


def _pictures(text: str) -> int:
    return sum(unicodedata.category(char) == "So" for char in text)


_COUNTED: Final[dict[str, Callable[[str], float]]] = {
    "words": lambda text: len(words(text)),
    "sentences": lambda text: len(_SENTENCE_END.findall(text)),
    "lines": lambda text: text.count("\n") + 1 if text else 0,
    "list items": lambda text: len(_LIST_ITEM.findall(text)),
    "headings": lambda text: len(_HEADING.findall(text)),
    "bold passages": lambda text: len(_BOLD.findall(text)),
    "code blocks": lambda text: text.count("```") // 2,
    "table rows": lambda text: len(_TABLE_ROW.findall(text)),
    "emoji and symbols": _pictures,
    "question marks": lambda text: text.count("?"),
    "exclamation marks": lambda text: text.count("!"),
    "letters beyond English": lambda text: sum(c.isalpha() and not c.isascii() for c in text),
    "refusals": refuses,
    "empty replies": lambda text: not text.strip(),
    "distinct share of two-word sequences": lambda text: _distinct(_grams(text, 2)),
    "repeated share of three-word sequences": lambda text: 1 - _distinct(_grams(text, 3)),
}

STYLES: Final = tuple(_COUNTED)
"""Names of the numbers, each a mean over replies when it is shown."""


def styles(text: str) -> list[float]:
    """Returns the numbers of one reply, in the order of `STYLES`; 0 or 1 for what is or is not."""
    return [float(count(text)) for count in _COUNTED.values()]


def style(name: str, text: str) -> float:
    """Returns one of the numbers of a reply."""
    return float(_COUNTED[name](text))
