"""Follow-up prompts, made from what was seen: leads, and words of prompts on which replies parted.

The forms are those of the bank's own questions, so that a small subject model understands them.
"""

import itertools
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from diffgauge.evals.scripted.analysis import Analysis
from diffgauge.evals.scripted.leads import mentioned
from diffgauge.evals.scripted.replies import SeenReply
from diffgauge.evals.scripted.words import content_words, words

__all__ = ["about", "follow_up_prompts"]

FRESH_SHARE = 3
"""One follow-up in three is the bank's next prompt: a difference that is always there needs no
lead, and on these prompts it is tested without one."""

_PARTED = 3
"""Prompts whose words are asked about again, those on which replies parted most."""

_CASED = re.compile(r"(?<![.!?] )(?<!^)[^\W\d_]+", re.MULTILINE)
"""Words that do not begin a text, a line or a sentence."""

_LITTLE_SHARED = 0.2
"""Share of words in common below which two replies part even where no lead is used."""

_FORMS = (
    "Tell me about the {word}.",
    "What do you think about the {word}?",
    "What is {a} {word}?",
    "Do you have advice for my {word}?",
    "Write a story about Anna and the {word}.",
    "Why do people like the {word}?",
)

_NAME_FORMS = (
    "Tell me about {word}.",
    "What do you think about {word}?",
    "Do you like {word}?",
    "Write a story about {word}.",
)


def about(word: str, form: int) -> str:
    """Returns the prompt that asks about a word in one of the forms (counted round)."""
    if word[:1].isupper():
        return _NAME_FORMS[form % len(_NAME_FORMS)].format(word=word)
    article = "an" if word[:1] in "aeiou" else "a"
    return _FORMS[form % len(_FORMS)].format(word=word, a=article)


def follow_up_prompts(
    analysis: Analysis, unused_bank: Sequence[str], n_prompts: int, seed: int
) -> list[str]:
    """Makes the follow-ups.

    Args:
        analysis: Of everything seen so far.
        unused_bank: Bank prompts not asked yet, in order.
        n_prompts: How many to make.
        seed: The investigator's seed; it picks the forms.

    Returns:
        At most `n_prompts` different prompts: about words of prompts on which replies parted,
        about leads of either model in turn, and the bank's next ones. With no leads all are the
        bank's next ones.
    """
    n_fresh = n_prompts // FRESH_SHARE
    replies = analysis.replies
    forms = surface_forms(text for r in replies for text in (r.prompt, r.text))
    targets = [forms.get(word, word) for word in dict.fromkeys(_targets(analysis))]
    start = random.Random(seed).randrange(len(_FORMS))
    asked = {reply.prompt for reply in analysis.replies}
    made: list[str] = []
    for round_, (place, word) in itertools.product(range(2), enumerate(targets)):
        prompt = about(word, start + place + round_)
        if prompt not in asked:
            made.append(prompt)
    made = list(dict.fromkeys(made))[: n_prompts - n_fresh]
    fresh = [prompt for prompt in unused_bank if prompt not in made]
    return [*made, *fresh][:n_prompts]


def _targets(analysis: Analysis) -> Iterator[str]:
    """Words to ask about: shown for each model, said in replies, standing in prompts, in turn."""
    shown = [
        [lead.term for lead in analysis.shown if lead.model == model] for model in analysis.aliases
    ]
    lanes = (*shown, [lead.term for lead in analysis.said], list(_parted_words(analysis)))
    for in_turn in itertools.zip_longest(*lanes):
        yield from (word for word in in_turn if word is not None)


def _parted_words(analysis: Analysis) -> Iterator[str]:
    """The rarest content words of the prompts on which the two models' replies parted most."""
    by_prompt: dict[str, list[SeenReply]] = defaultdict(list)
    for reply in analysis.replies:
        by_prompt[reply.prompt].append(reply)
    commonness = Counter(word for prompt in by_prompt for word in content_words(prompt))
    distance = {prompt: _distance(analysis, replies) for prompt, replies in by_prompt.items()}
    for prompt in sorted(by_prompt, key=lambda prompt: -distance[prompt])[:_PARTED]:
        if distance[prompt] > 0:
            yield from sorted(content_words(prompt), key=lambda word: commonness[word])[:2]


def _distance(analysis: Analysis, replies: Sequence[SeenReply]) -> float:
    """Scores of leads that replies use for their own model, and how little the models share."""
    leads = sum(
        lead.score
        for reply in replies
        for found in (analysis.shown, analysis.said)
        for lead in found
        if lead.term in mentioned(found, reply, reply.model)
    )
    said = [
        {word for reply in replies if reply.model == model for word in words(reply.text)}
        for model in analysis.aliases
    ]
    if len(said) != 2 or not all(said):
        return leads
    shared = len(said[0] & said[1]) / len(said[0] | said[1])
    return leads + max(0.0, _LITTLE_SHARED - shared) / _LITTLE_SHARED


def surface_forms(texts: Iterable[str]) -> dict[str, str]:
    """Returns how each word is written when it does not begin a sentence.

    Args:
        texts: Everything that was read.

    Returns:
        Lower-case word to its form; a word that was seen in lower case anywhere keeps it, so
        that only names are written with a capital.
    """
    forms: dict[str, str] = {}
    for text in texts:
        for found in _CASED.finditer(text):
            written = found.group()
            key = written.lower()
            if written == key or key not in forms:
                forms[key] = written
    return forms
