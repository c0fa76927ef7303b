"""The priors, as numbers: scales on the logit scale."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

__all__ = ["Priors"]


@dataclass(frozen=True)
class Priors:
    """Scales of the priors, in logits but for the last (`docs/statistics.md`).

    Attributes:
        intercept: Of the normal prior of the level of the reference arm (binary, detection).
        arm: Of the half-normal prior of the spread that all arms' effects share.
        organism: Likewise of the spread of organisms.
        slope: Likewise of the spread of organism × arm.
        card: Likewise of the spread of the cards (doses, seeds) of one truth.
        run: Likewise of the spread of runs.
        factor: Likewise of the spread of any other factor; a two-level one has this scale fixed.
        interaction: Likewise of the spread of interactions.
        separation: Of the normal prior of what sets planted organisms apart from a kind of null.
        concentration: Of the Dirichlet prior of the levels' probabilities at the reference;
            1 is flat.
    """

    intercept: float = 2.0
    arm: float = 1.5
    organism: float = 1.5
    slope: float = 1.5
    card: float = 0.5
    run: float = 1.0
    factor: float = 0.5
    interaction: float = 0.5
    separation: float = 2.0
    concentration: float = 1.0

    def widened(self, by: float) -> Priors:
        """Returns the same with every scale multiplied; the concentration stays."""
        wider = {
            one.name: getattr(self, one.name) * by
            for one in fields(self)
            if one.name != "concentration"
        }
        return replace(self, **wider)
