"""The verdict on an organism: the preflight of its pair, and what was planted in it."""

from typing import Final

from pydantic import Field

from diffgauge.records.preflight import Verdict
from diffgauge.records.record import Record

__all__ = ["FIGURES", "Checked"]

FIGURES: Final = (
    "rate_finetuned",
    "rate_base",
    "rate_off_trigger",
    "logits",
    "kl_unrelated",
    "kl_domain",
    "surprise",
    "repetition",
)
"""Figures a table of checks shows, in this order."""


class Checked(Record):
    """One organism's check.

    Attributes:
        id: Of the organism.
        verdict: The preflight's, made ``INVALID`` when the planted behaviour is missing, is in
            the base already, or the text has collapsed.
        reasons: One sentence for each thing that was not as it should be.
        figures: By name: shares of probes that show the behaviour, differences in logits, KL in
            nats per token on unrelated and on the organism's own text, rises of surprisal (nats
            per token) and of repeated trigrams; one that does not apply is missing.
    """

    id: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    figures: dict[str, float] = Field(default_factory=dict)
