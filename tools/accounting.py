"""What a run has used, kept where graders and statistics can read it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from diffgauge.tools.budget import Budget

__all__ = ["Usage"]


@dataclass
class Usage:
    """Counts of one run.

    Attributes:
        precompute_interactions: Replies sampled to build the method's artifact.
        calls: Tool calls by tool, refused and failed ones included.
        failed_calls: Calls answered by an error other than a refused budget.
        subject_tokens: Tokens sampled from subject models.
        subject_refusals: Replies to `ask_models` that are refusals; one model's may be what was
            planted.
        tool_seconds: Wall-clock time inside tools, waiting for the pair included.
        evidence: Excerpts submitted, by where they were found: ``verified`` (in results of the
            tool named), ``elsewhere`` (in another tool's) and ``flagged`` (in none).
        trigger_fallbacks: Prompts whose trigger the model asked for it did not decide readably,
            so that words did; None where no model is asked.
        contradicts: What contradicts in the report as it stands; None where nothing does.
    """

    precompute_interactions: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    failed_calls: int = 0
    subject_tokens: int = 0
    subject_refusals: int = 0
    tool_seconds: float = 0.0
    evidence: Counter[str] = field(default_factory=Counter)
    trigger_fallbacks: int | None = None
    contradicts: str | None = None

    def as_json(self, budget: Budget) -> dict[str, Any]:
        """Returns the counts with the budget's, as plain JSON."""
        return {
            "interactions": budget.spent,
            "budget": budget.interactions,
            "refused_calls": budget.refused,
            "failed_calls": self.failed_calls,
            "precompute_interactions": self.precompute_interactions,
            "subject_tokens": self.subject_tokens,
            "subject_refusals": self.subject_refusals,
            "tool_seconds": round(self.tool_seconds, 3),
            "calls": dict(sorted(self.calls.items())),
            "evidence": {
                kind: self.evidence[kind] for kind in ("verified", "elsewhere", "flagged")
            },
            "trigger_fallbacks": self.trigger_fallbacks,
            "contradicts": self.contradicts,
        }
