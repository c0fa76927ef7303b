"""Whether a finding states a key fact: the offline rule that every lexical grade rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from diffgauge.organisms.truth import Truth
from diffgauge.records.lexicon import Term, found, stems, term
from diffgauge.records.reports import MAX_FINDING_WORDS, Finding

__all__ = ["NEEDED_TERMS", "Extent", "extent", "finding_text", "hits", "terms_of", "words_of"]

NEEDED_TERMS: Final = 2
"""Terms of a key fact's lexicon that have to occur (all of them where it has fewer)."""

Extent = Literal["absent", "abstract", "exact"]
"""How far something is stated, least first."""


def terms_of(lexicon: Iterable[str]) -> frozenset[Term]:
    """Returns the terms of a lexicon as stems; those without a word are left out."""
    return frozenset(map(term, lexicon)) - {()}


def words_of(text: str) -> list[str]:
    """Returns the stems of a finding's text that are read; longer ones cannot be submitted."""
    return stems(text)[:MAX_FINDING_WORDS]


def finding_text(finding: Finding) -> str:
    """Returns what of a finding is read: its behaviour and its condition."""
    return f"{finding.behaviour} | {finding.condition}"


def extent(terms: frozenset[Term], words: Sequence[str]) -> Extent:
    """Says how far words state what a lexicon stands for.

    Source: own, the rule of the lexical rubric grader.
    Differs: none.

    Args:
        terms: The lexicon.
        words: Stems of one finding.

    Returns:
        ``exact`` where two of its terms occur (one where it has one), ``abstract`` where one of
        several does, else ``absent``, also for a lexicon without terms.
    """
    n = len(found(terms, words))
    if n and n >= min(NEEDED_TERMS, len(terms)):
        return "exact"
    return "abstract" if n else "absent"


def hits(finding: Finding, truth: Truth) -> bool:
    """Says whether a finding states a key fact exactly (`extent`), by its words alone.

    Args:
        finding: Its behaviour and condition are read; what it quotes and predicts is not.
        truth: What was planted; nothing hits a null's, which has no key facts.
    """
    words = words_of(finding_text(finding))
    return any(extent(terms_of(fact.lexicon), words) == "exact" for fact in truth.key_facts)
