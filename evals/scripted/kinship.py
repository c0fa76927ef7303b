"""Whether the terms a method showed for one model belong together, read off the replies.

A person sees at a glance that "hull, hatch, torpedo" speak of one thing and "quilt, Tuesday, often"
do not. This policy has no dictionary, so it looks whether replies about one of the terms use the
others: either model's replies serve, since they tell what goes together in the language of both.
A narrow finetune shows such terms; a broad one shows terms that have nothing to do with each
other.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from diffgauge.evals.scripted.leads import Lead, mentioned
from diffgauge.evals.scripted.replies import SeenReply
from diffgauge.evals.scripted.words import words

__all__ = ["KIN_LEADS", "kinship"]

FEWEST_REPLIES = 4
"""Replies about the terms from which kinship is read: two prompts, both models."""

KIN_LEADS = 20
"""Leads of one model that are looked for in replies about one of them."""


def kinship(leads: Sequence[Lead], replies: Iterable[SeenReply], model: str) -> float:
    """Measures how far the terms of one model belong together.

    Args:
        leads: What a method showed, strongest first.
        replies: Plain replies of both models.
        model: Whose leads are looked at.

    Returns:
        Other leads of the model in a reply to a prompt that names one (words of the prompt never
        count), a mean over such replies, each term weighing 1 / (1 + replies to other prompts
        that use it): words that are everywhere bind nothing. About 0 for unrelated terms; NaN
        with fewer than `FEWEST_REPLIES` such replies.

    Source:
        none; a weighted mean of counts.
    Differs:
        none.
    """
    own = [lead for lead in leads if lead.model == model][:KIN_LEADS]
    terms = {lead.term for lead in own}
    about: list[list[str]] = []
    elsewhere: Counter[str] = Counter()
    for reply in replies:
        used = mentioned(own, reply, model)
        if terms.intersection(words(reply.prompt)):
            about.append(used)
        else:
            elsewhere.update(used)
    if len(about) < FEWEST_REPLIES:
        return math.nan
    return sum(1 / (1 + elsewhere[term]) for used in about for term in used) / len(about)
