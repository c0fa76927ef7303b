"""Replies of the two models side by side, and the numbers each reply is turned into."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffgauge.evals.scripted.evidence import Seen
from diffgauge.evals.scripted.words import words
from diffgauge.records.results import Samples

__all__ = ["FeatureTable", "SeenReply", "feature_table", "plain_replies", "reply_counts"]

MIN_REPLIES = 2
"""A term that stands in fewer replies cannot move the test and is left out of it."""

OPENING = "opens with: "
"""Prefix of the feature that says with which word a reply begins."""


@dataclass(frozen=True)
class SeenReply:
    """One plain reply.

    Attributes:
        prompt: What was asked.
        model: Alias of the model that replied.
        text: The reply.
        tool: Tool that showed it; None when it came with the task.
    """

    prompt: str
    model: str
    text: str
    tool: str | None


@dataclass(frozen=True)
class FeatureTable:
    """Replies as numbers.

    Attributes:
        names: (feature,) a word, an opening, or a style such as ``style: words``.
        values: (reply, feature) 1 or 0 for words and openings, a number for styles.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]


def plain_replies(seen: Iterable[Seen]) -> list[SeenReply]:
    """Returns every reply that was obtained in no special way, in order.

    A result that is there word for word once more is the same replies shown again, not fresh
    ones: each counts where it was seen first.
    """
    first: dict[str, Seen] = {}
    for entry in seen:
        if isinstance(entry.result, Samples):
            first.setdefault(entry.result.model_dump_json(), entry)
    return [
        SeenReply(item.prompt, item.model, item.reply, entry.tool)
        for entry in first.values()
        if isinstance(entry.result, Samples)
        for item in entry.result.items
        if item.condition is None
    ]


def reply_counts(replies: Iterable[SeenReply]) -> Counter[str]:
    """Returns in how many replies each word stands; words of the prompt itself do not count."""
    counts: Counter[str] = Counter()
    for reply in replies:
        counts.update(set(words(reply.text)) - set(words(reply.prompt)))
    return counts


_STYLES: dict[str, Callable[[str, list[str]], float]] = {
    "style: words": lambda _, said: float(len(said)),
    "style: letters per word": lambda _, said: sum(map(len, said)) / max(1, len(said)),
    "style: different words": lambda _, said: len(set(said)) / max(1, len(said)),
    "style: sentence ends": lambda text, _: float(sum(text.count(mark) for mark in ".!?")),
    "style: exclamation marks": lambda text, _: float(text.count("!")),
    "style: questions": lambda text, _: float(text.count("?")),
}


def feature_table(replies: Sequence[SeenReply]) -> FeatureTable:
    """Turns replies into numbers, each from its own reply alone.

    Args:
        replies: Of both models.

    Returns:
        Words that stand in at least 2 replies, openings of at least 2 replies, and styles. Which
        columns there are depends on the replies pooled, so exchanging them changes no column.
    """
    said = [words(reply.text) for reply in replies]
    terms = [set(tokens) | {f"{OPENING}{tokens[0]}"} if tokens else set() for tokens in said]
    pooled = Counter(term for present in terms for term in present)
    columns = sorted(term for term, count in pooled.items() if count >= MIN_REPLIES)
    place = {term: column for column, term in enumerate(columns)}
    values = np.zeros((len(replies), len(columns) + len(_STYLES)))
    for row, (reply, tokens) in enumerate(zip(replies, said, strict=True)):
        for term in terms[row]:
            if term in place:
                values[row, place[term]] = 1.0
        for offset, style in enumerate(_STYLES.values()):
            values[row, len(columns) + offset] = style(reply.text, tokens)
    return FeatureTable((*columns, *_STYLES), values)
