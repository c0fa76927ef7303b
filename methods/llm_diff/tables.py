"""Tables of the artifact: properties of replies, and clusters of them."""

from collections.abc import Sequence
from typing import Any, Final

from diffgauge.methods.llm_diff.clustering import clustered, term_name
from diffgauge.methods.llm_diff.contrasting import contrasts
from diffgauge.methods.llm_diff.settings import LLMDiffSettings
from diffgauge.methods.paired_replies import replies_by_pair
from diffgauge.records.hypotheses import ModelName
from diffgauge.records.properties import Clustered, Compared, Property
from diffgauge.records.subjects import Side

__all__ = ["MODEL_OF", "SIDE_OF", "compared", "grouped"]

Rows = list[dict[str, Any]]

MODEL_OF: Final[dict[Side, ModelName]] = {"base": "a", "finetuned": "b"}
SIDE_OF: Final[dict[ModelName, Side]] = {"a": "base", "b": "finetuned"}


def compared(samples: Sequence[dict[str, Any]]) -> list[Compared]:
    """Compares the replies of both models pair by pair, by counting (`contrasts`).

    Args:
        samples: As `paired_replies.sample` returns them.

    Returns:
        One for each pair, in order; properties in an order that does not tell whose they are.
    """
    return [
        Compared(
            prompt=prompt,
            number=number,
            first="a",
            comparator="contrast",
            properties=_properties(prompt, replies),
        )
        for (prompt, number), replies in replies_by_pair(samples).items()
    ]


def _properties(prompt: str, replies: dict[Side, str]) -> tuple[Property, ...]:
    model: dict[str, ModelName] = {"first": "a", "second": "b"}
    found = contrasts(prompt, replies["base"], replies["finetuned"])
    made = (
        Property(text=one["text"], model=model[one["reply"]], category=one["category"])
        for one in found
    )
    return tuple(sorted(made, key=lambda one: one.text))


def grouped(
    samples: Sequence[dict[str, Any]], settings: LLMDiffSettings, seed: int
) -> dict[str, Rows]:
    """Compares replies and groups what was seen.

    Args:
        samples: As `paired_replies.sample` returns them.
        settings: Of the artifact.
        seed: The artifact's.

    Returns:
        Two tables. ``clusters``, those that lean to a model, the largest first: ``cluster`` from
        1, ``side name own other``, of which the counts are properties seen in replies of that
        model and of the other. ``properties``: ``prompt number side text cluster``; 0 is no
        cluster that leans.
    """
    rows = clustered(
        compared(samples),
        least=settings.least_cluster,
        n_dimensions=settings.n_dimensions,
        seed=seed,
    )
    held: dict[int, list[Clustered]] = {}
    for row in rows:
        if row.cluster is not None:
            held.setdefault(row.cluster, []).append(row)
    clusters: Rows = []
    shown: dict[int | None, int] = {}
    for at in sorted(held):
        counts = {side: sum(row.model == MODEL_OF[side] for row in held[at]) for side in MODEL_OF}
        if counts["base"] == counts["finetuned"]:
            continue
        side, other = sorted(counts, key=lambda one: -counts[one])
        shown[at] = len(clusters) + 1
        clusters.append(
            {
                "cluster": shown[at],
                "side": side,
                "name": term_name(held[at], rows),
                "own": counts[side],
                "other": counts[other],
            }
        )
    properties: Rows = [
        {
            "prompt": row.prompt,
            "number": row.number,
            "side": SIDE_OF[row.model],
            "text": row.text,
            "cluster": shown.get(row.cluster, 0),
        }
        for row in rows
    ]
    return {"clusters": clusters, "properties": properties}
