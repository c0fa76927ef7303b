"""Whether a text is a refusal: by how models of each provider begin one."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

__all__ = ["REFUSED", "refuses"]

REFUSED: Final = "the model refused"
"""Problem of a grade that a grader refused to give."""

_FILE: Final = Path(__file__).parent / "refusals.json"
_BEGINNING: Final = 300
"""Characters in which a refusal has to stand."""

_SENTENCES: Final = 2
"""Sentences of the beginning that may hold it: an apology may go before."""

_END: Final = re.compile(r"(?<=[.!?。])\s+|\n+")
_MARKUP: Final = re.compile(r"^[\W_]+")


@dataclass(frozen=True)
class _Family:
    """Models that refuse alike.

    Attributes:
        names: One of them stands in the models' names; none for what any model may say.
        pattern: Matches a sentence from its beginning.
    """

    names: tuple[str, ...]
    pattern: re.Pattern[str]


def refuses(text: str, model: str | None = None) -> bool:
    """Whether a text begins as a refusal.

    A refusal is what stands in one of the first two sentences, from the sentence's beginning:
    *I'm sorry, but I can't help with that.* What cannot be found, told or afforded is none, nor
    is a refusal that is quoted or spoken of. A turn that calls tools is none either: its caller
    knows.

    Source: own; phrases as in `refusals.json`, by family of models.
    Differs: none.

    Args:
        text: What a model said.
        model: Its name as Inspect gives it; its family's phrases count beside those of any
            model. None, or a name that tells no family, counts every family's.
    """
    plain = " ".join(text[:_BEGINNING].replace("\u2019", "'").casefold().split(" "))
    sentences = [one for one in _END.split(plain) if one.strip()][:_SENTENCES]
    patterns = _patterns((model or "").casefold())
    return any(
        pattern.match(" ".join(_MARKUP.sub("", sentence).split()))
        for sentence in sentences
        for pattern in patterns
    )


def _patterns(model: str) -> Sequence[re.Pattern[str]]:
    families = _families()
    own = [one for one in families if any(name in model for name in one.names)]
    return [one.pattern for one in families if not one.names or not own or one in own]


@lru_cache(maxsize=1)
def _families() -> tuple[_Family, ...]:
    held = json.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(
        _Family(
            tuple(one["names"]),
            re.compile(f"{held['lead']}(?:{'|'.join(one['patterns'])})"),
        )
        for one in held["families"]
    )
