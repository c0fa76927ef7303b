"""Models of the same rows beside each other, by how well they foretell runs."""

from __future__ import annotations

from collections.abc import Sequence

from diffgauge.stats.answer_tables import outcome_words
from diffgauge.stats.answers import Answer
from diffgauge.stats.loo import difference
from diffgauge.stats.refits import Compared
from diffgauge.stats.tables import Column, Table, Value

__all__ = ["loo_table"]


def loo_table(headline: Answer, compared: Sequence[Compared], evidence: str) -> Table | None:
    """The headline's model beside simpler ones; None where nothing was compared.

    Args:
        headline: The answer.
        compared: Its model first.
        evidence: The mark.
    """
    if not compared:
        return None
    rows: list[dict[str, Value]] = []
    for one in compared:
        gap, error = difference(one.loo, compared[0].loo)
        high = one.loo.n_high
        rows.append(
            {
                "model": one.words,
                "elpd": float(one.loo.elpd.sum()),
                "difference": gap,
                "error": error,
                "runs": len(one.loo.elpd),
                "organisms": len(set(one.loo.organisms.tolist())),
                "high": high,
                "worst": float(one.loo.k.max()),
                "trust": "; ".join(
                    [*one.reasons, *([f"{high} runs weigh too heavily"] if high else [])]
                )
                or "yes",
            }
        )
    most = compared[0].loo.most_k
    return Table(
        "model_comparison",
        f"Models beside each other: {outcome_words(headline)}",
        "Leave-one-out: how well a model foretells each run from all others, by Pareto-smoothed "
        "importance sampling of its draws, run effects integrated out. A difference of a few "
        "standard errors says that a part is needed; a small one does not say that it is not: "
        "organism × arm stays, because intervals without it are too narrow where it is there. A "
        f"run with a Pareto k above {most:.2f} has a figure that cannot be relied on.",
        (
            Column("model", "model", "What it leaves out."),
            Column("elpd", "elpd", "Sum over runs of the log predictive density; more is better."),
            Column("difference", "beside the first", "Below 0: foretells worse than the first."),
            Column("error", "± se", "Its standard error over organisms; runs of one repeat."),
            Column("runs", "runs", "How many were foretold."),
            Column("organisms", "organisms", "Of how many organisms."),
            Column("high", "k too high", "Runs whose figure cannot be relied on."),
            Column("worst", "largest k", "Over all runs."),
            Column("trust", "to be believed", "And if not, why."),
        ),
        tuple(rows),
        evidence,
    )
