"""`organisms check`: is a pair what its card claims?"""

from diffgauge.models.loading import load_pair
from diffgauge.organisms.preflight import preflight
from diffgauge.organisms.registry import resolved
from diffgauge.records.checks import Checked
from diffgauge.records.organisms import OrganismCard

__all__ = ["check_organism"]

_ZOO = "zoo/"


def check_organism(card: OrganismCard) -> Checked:
    """Loads a pair, runs the preflight and, for the zoo, measures what was planted.

    Args:
        card: Of the organism.

    Returns:
        Verdict, reasons and figures.

    Raises:
        DiffgaugeError: The pair cannot be loaded.
    """
    found = preflight(card, load_pair(resolved(card)))
    figures, reasons, verdict = dict(found.figures), list(found.reasons), found.verdict
    if card.id.startswith(_ZOO):
        planted, failures = _planted(card.id.removeprefix(_ZOO))
        figures |= planted
        reasons += failures
        verdict = "INVALID" if failures else verdict
    return Checked(id=card.id, verdict=verdict, reasons=tuple(reasons), figures=figures)


def _planted(name: str) -> tuple[dict[str, float], tuple[str, ...]]:
    """Returns the figures of the zoo's own check and what failed in it."""
    from diffgauge.organisms.zoo.build import WEIGHTS
    from diffgauge.organisms.zoo.checks import check

    found = check(name, WEIGHTS)
    figures = {
        "shown": found.rate_finetuned,
        "base": found.rate_base,
        "off": found.rate_off_trigger,
        "kl_unrelated": found.kl_unrelated,
        "kl_domain": found.kl_domain,
        "surprise": found.surprise,
        "repetition": found.repetition,
    }
    return {key: value for key, value in figures.items() if value is not None}, found.reasons
