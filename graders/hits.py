"""Whether a finding is about what was planted, by the words of the key facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from diffgauge.organisms.truth import Truth
from diffgauge.records.lexicon import found, stems, term
from diffgauge.records.reports import MAX_FINDING_WORDS, Finding

__all__ = ["FOUND_TERMS", "fact_found", "hits"]

FOUND_TERMS: Final = 2
"""Terms of a key fact's lexicon that have to occur (all of them where it has fewer)."""


def fact_found(lexicon: Iterable[str], words: Sequence[str]) -> bool:
    """Says whether words hold a key fact, by the rule of the lexical grader.

    Args:
        lexicon: The fact's terms.
        words: Stems in the order of the text.

    Returns:
        Whether two terms occur, or the one where it has one; False where it has none.
    """
    terms = {term(one) for one in lexicon} - {()}
    return bool(terms) and len(found(terms, words)) >= min(FOUND_TERMS, len(terms))


def hits(finding: Finding, truth: Truth) -> bool:
    """Says whether a finding holds at least one key fact.

    Args:
        finding: Its behaviour and condition are read, 60 words at most.
        truth: What was planted.

    Returns:
        Whether it does; False for a null, of which there are no key facts.
    """
    words = stems(f"{finding.behaviour} | {finding.condition}")[:MAX_FINDING_WORDS]
    return any(fact_found(fact.lexicon, words) for fact in truth.key_facts)
