"""What tells two replies apart by counting: words and styles that one has and the other not."""

from typing import Any, Final

from diffgauge.records.counted import STYLES, styles, words
from diffgauge.records.lexicon import STOP_WORDS

__all__ = ["contrasts"]

_MOST_WORDS: Final = 8
_LONGER: Final = 1.5
"""A reply counts as longer from so many times the other's words on."""


def contrasts(prompt: str, first: str, second: str) -> list[dict[str, Any]]:
    """Returns what tells two replies apart by counting.

    For each reply: one property of its words that the other lacks, but for common ones and those of
    the prompt; and each style (`records.counted.STYLES`) of which it has some and the other none,
    or, of words, half as many again.
    """
    found: list[dict[str, Any]] = []
    asked = set(words(prompt)) | STOP_WORDS
    said = {"first": words(first), "second": words(second)}
    counts = {"first": styles(first), "second": styles(second)}
    for own, other in (("first", "second"), ("second", "first")):
        lacking = asked | set(said[other])
        telling = list(dict.fromkeys(word for word in said[own] if word not in lacking))
        if telling:
            found.append(_entry(f"says {', '.join(telling[:_MOST_WORDS])}", own, "words"))
        found += [
            _entry(f"has {name}", own, "form")
            for name, n, n_other in zip(STYLES, counts[own], counts[other], strict=True)
            if n and not n_other
        ]
        if len(said[own]) > _LONGER * len(said[other]) > 0:
            found.append(_entry("is longer", own, "length"))
    return found


def _entry(text: str, reply: str, category: str) -> dict[str, Any]:
    return {"text": text, "reply": reply, "category": category, "general": True, "reason": ""}
