"""Leads: terms that may belong to one model, ranked over all evidence by result kind.

A lead is a word with the model it leans to. It comes from ranked tokens and strings, latents'
tokens, prose about one model, replies changed toward one model, and the plain replies. A lead
says where to look and what to name; it never says by itself that the models differ.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diffgauge.evals.scripted.evidence import Seen
from diffgauge.evals.scripted.log_odds import log_odds
from diffgauge.evals.scripted.replies import SeenReply, reply_counts
from diffgauge.evals.scripted.words import content_words, is_content, words
from diffgauge.records.results import (
    FreeText,
    Latents,
    RankedStrings,
    RankedTokens,
    Result,
    SampleItem,
    Samples,
)

__all__ = ["Lead", "mentioned", "ranked_leads", "reply_leads", "shown_by", "signal_leads"]

_RANK_OFFSET = 10
"""Reciprocal ranks count as 11 / (10 + rank): the first is worth 1, the tenth a half."""

_DEEPEST = 30
"""Items read of a ranked list."""

_REPLY_Z = 1.0
"""Standardised log-odds from which a term of the replies is a lead. Low: it only ranks."""


@dataclass(frozen=True)
class Lead:
    """A term and the model it leans to.

    Attributes:
        term: Lower-case content word.
        model: Alias of the model.
        score: Above 0; more is stronger. Reciprocal rank averaged over a method's lists (at most
            1), plus reciprocal rank among changed replies' terms (at most 1), plus half the
            squared standardised log-odds of the plain replies (2 replies to none: 0.5, 5 to none:
            1.3, 12 to none: 3.1).
        in_signal: Whether a method's results show it.
        in_replies: Whether the plain replies show it.
    """

    term: str
    model: str
    score: float
    in_signal: bool
    in_replies: bool


def ranked_leads(*sources: Sequence[Lead]) -> list[Lead]:
    """Adds up leads of several sources.

    Args:
        sources: Leads, each source's own.

    Returns:
        One lead for each term, on the side where its score is larger, by what is left of it
        after the other side's is taken off; strongest first, ties by term.
    """
    scores: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    flags: dict[str, tuple[bool, bool]] = {}
    for lead in (lead for source in sources for lead in source):
        scores[lead.term][lead.model] += lead.score
        signal, replies = flags.get(lead.term, (False, False))
        flags[lead.term] = (signal or lead.in_signal, replies or lead.in_replies)
    merged: list[Lead] = []
    for term, by_model in scores.items():
        model = max(sorted(by_model), key=lambda name: by_model[name])
        net = 2 * by_model[model] - sum(by_model.values())
        if net > 0:
            merged.append(Lead(term, model, net, *flags[term]))
    return sorted(merged, key=lambda lead: (-lead.score, lead.term))


def reply_leads(replies: Sequence[SeenReply], aliases: Sequence[str]) -> list[Lead]:
    """Ranks the terms of plain replies by log-odds between the two models.

    Args:
        replies: Plain replies.
        aliases: The two models; with fewer there is no lead.

    Returns:
        Content words whose standardised log-odds is at least 1 either way.
    """
    if len(aliases) != 2:
        return []
    paired = _on_shared_prompts(replies, aliases)
    first, second = (reply_counts(r for r in paired if r.model == name) for name in aliases)
    z = {term: value for term, value in log_odds(first, second).items() if is_content(term)}
    leads: list[Lead] = []
    for model, sign in zip(aliases, (1, -1), strict=True):
        order = sorted(
            (term for term in z if sign * z[term] >= _REPLY_Z), key=lambda t: (-sign * z[t], t)
        )
        leads += [
            Lead(term, model, z[term] ** 2 / 2, in_signal=False, in_replies=True)
            for term in order[:_DEEPEST]
        ]
    return leads


def signal_leads(seen: Iterable[Seen], aliases: Sequence[str]) -> list[Lead]:
    """Reads leads out of a method's results, whatever method it is.

    Args:
        seen: Typed results.
        aliases: The two models.

    Returns:
        Leads of contrasting results, averaged over the lists that speak of one model, and added
        to those of replies changed toward it. Left out: what was read at position 0, where the
        state does not depend on the text, and terms that references (results that speak of one
        model without contrast) show for both models.
    """
    # What stands in the task may come again from a tool: it counts once.
    results = list({r.model_dump_json(): r for r in (entry.result for entry in seen)}.values())
    lists: dict[str, list[dict[str, float]]] = defaultdict(list)
    references: dict[str, set[str]] = defaultdict(set)
    for result in results:
        toward, away = result.contrast.toward, result.contrast.away_from
        if toward is None or str(result.provenance.position) == "0":
            continue
        ranks = _ranks(result)
        if ranks and away is not None:
            lists[toward].append(ranks)
        elif ranks:
            references[toward].update(ranks)
    common = set.intersection(*(references[name] for name in aliases)) if aliases else set()
    changed = _changed_ranks(results, aliases)
    leads: list[Lead] = []
    for model in sorted({*lists, *changed}):
        totals = Counter(changed.get(model, {}))
        for ranks in lists[model]:
            totals.update({term: value / len(lists[model]) for term, value in ranks.items()})
        leads += [
            Lead(term, model, total, in_signal=True, in_replies=False)
            for term, total in totals.items()
            if term not in common
        ]
    return leads


def shown_by(seen: Iterable[Seen]) -> dict[str, tuple[str, str]]:
    """Returns where each term of a ranked list was first shown by a tool.

    Args:
        seen: Typed results.

    Returns:
        Term to the text that holds it, verbatim, and the tool.
    """
    places: dict[str, tuple[str, str]] = {}
    for entry in seen:
        if entry.tool is not None and isinstance(entry.result, RankedTokens | RankedStrings):
            for text in _texts(entry.result):
                for term in content_words(text):
                    places.setdefault(term, (text, entry.tool))
    return places


def _reciprocal(rank: int) -> float:
    return (1 + _RANK_OFFSET) / (1 + rank + _RANK_OFFSET)


def _texts(result: Result) -> list[str]:
    """Texts of one result, best first; items with a score of 0 say nothing."""
    if isinstance(result, RankedTokens):
        return [item.token for item in result.items if item.score > 0]
    if isinstance(result, RankedStrings):
        return [item.text for item in result.items if item.score > 0]
    if isinstance(result, Latents):
        return [" ".join((*item.tokens, item.label or "")) for item in result.items]
    return [result.text] if isinstance(result, FreeText) else []


def _ranks(result: Result) -> dict[str, float]:
    """Content words of one result with their reciprocal rank."""
    ranks: dict[str, float] = {}
    for rank, text in enumerate(_texts(result)[:_DEEPEST]):
        for term in content_words(text):
            ranks.setdefault(term, _reciprocal(rank))
    return ranks


def _changed_ranks(
    results: Iterable[Result], aliases: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Terms of replies changed toward one model, against other such replies on the same prompts.

    Replies are changed when they carry a condition; those without a direction (unsteered ones,
    say) and those toward the other model are what they are held against.
    """
    by_direction: dict[str | None, list[SampleItem]] = defaultdict(list)
    for result in results:
        if isinstance(result, Samples):
            changed = [item for item in result.items if item.condition is not None]
            by_direction[result.contrast.toward] += changed
    ranks: dict[str, dict[str, float]] = {}
    for model in aliases:
        toward = by_direction[model]
        prompts = {item.prompt for item in toward}
        rest = [
            item
            for direction, items in by_direction.items()
            for item in items
            if direction != model and item.prompt in prompts
        ]
        if toward and rest:
            z = log_odds(_item_counts(toward), _item_counts(rest))
            leaning = (term for term in z if is_content(term) and z[term] >= _REPLY_Z)
            order = sorted(leaning, key=lambda term: (-z[term], term))
            ranks[model] = {term: _reciprocal(i) for i, term in enumerate(order[:_DEEPEST])}
    return ranks


def _item_counts(items: Iterable[SampleItem]) -> Counter[str]:
    return reply_counts(SeenReply(item.prompt, item.model, item.reply, None) for item in items)


def _on_shared_prompts(replies: Sequence[SeenReply], aliases: Sequence[str]) -> list[SeenReply]:
    asked = [{reply.prompt for reply in replies if reply.model == name} for name in aliases]
    shared = set.intersection(*asked)
    return [reply for reply in replies if reply.prompt in shared and reply.model in aliases]


def mentioned(leads: Sequence[Lead], reply: SeenReply, model: str) -> list[str]:
    """Returns the leads of one model that a reply uses though its prompt does not."""
    said = set(words(reply.text)) - set(words(reply.prompt))
    return [lead.term for lead in leads if lead.model == model and lead.term in said]
