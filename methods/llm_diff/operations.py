"""What can be looked up in an artifact of LLM diffing; free."""

from pydantic import Field

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.directions import contrast, directions
from diffgauge.methods.llm_diff.interactions import (
    PairsParameters,
    VerifyParameters,
    generate_pairs,
    pairs_cost,
    verify,
    verify_cost,
)
from diffgauge.methods.llm_diff.view import View
from diffgauge.methods.method import FreeOperation, Operation, PaidOperation
from diffgauge.records.errors import DiffgaugeError
from diffgauge.records.record import Record
from diffgauge.records.results import RankedString, RankedStrings, Result, SampleItem, Samples
from diffgauge.records.subjects import SIDES, Side

__all__ = ["ClustersParameters", "cluster_results", "operations"]


class ClustersParameters(Record):
    """Parameters of the list of clusters."""

    k: int = Field(default=30, ge=1, le=200, description="Clusters for each model.")
    toward: Side | None = Field(
        default=None, description="Whose clusters are shown; omit for both."
    )


class ExamplesParameters(Record):
    """Parameters of a cluster's examples."""

    i: int = Field(default=1, ge=1, description="Number of the cluster, as it is listed.")
    n: int = Field(default=4, ge=1, le=30, description="Pairs of replies to show.")


def operations(artifact: Artifact) -> list[Operation]:
    """Returns the operations on an artifact of LLM diffing."""
    n_held_out = len(View(artifact).held_out)
    return [
        FreeOperation(
            name="llm_diff_list_clusters",
            description="What one model's replies do that the other's to the same prompt do not, "
            "in clusters, with how often each was seen in replies of either model. Free.",
            parameters=ClustersParameters,
            run=cluster_results,
        ),
        FreeOperation(
            name="llm_diff_cluster_examples",
            description="Stored replies of both models in which a cluster's property was seen. "
            "Free.",
            parameters=ExamplesParameters,
            run=_examples,
        ),
        PaidOperation(
            name="llm_diff_generate_pairs",
            description="Samples fresh replies of both models to prompts and lists what tells "
            "them apart. Costs one model interaction for each reply: prompts x n x 2.",
            parameters=PairsParameters,
            cost=pairs_cost,
            run=generate_pairs,
        ),
        PaidOperation(
            name="llm_diff_verify_hypothesis",
            description="Tests a claim about one model on fresh replies of both to prompts that "
            f"were held out, of which there are {n_held_out}: which reply holds the claim's words "
            "or the form it names. Costs two model interactions for each prompt: n x 2.",
            parameters=VerifyParameters,
            cost=verify_cost,
            run=verify,
        ),
    ]


def cluster_results(artifact: Artifact, parameters: ClustersParameters) -> list[Result]:
    """Returns one list of clusters for each model asked for."""
    view = View(artifact)
    found: list[Result] = []
    for side in directions(parameters.toward):
        rows = [row for row in view.clusters if row["side"] == side][: parameters.k]
        found.append(
            RankedStrings(
                title="Properties of this model's replies: name (cluster; seen in replies of this "
                "model, of the other)",
                contrast=contrast(side),
                provenance=view.provenance(),
                note=view.nothing or (None if rows else "No cluster leans to this model."),
                items=tuple(
                    RankedString(
                        text=f"{row['name']} ({row['cluster']}; {row['own']}, {row['other']})",
                        score=float(row["own"] - row["other"]),
                    )
                    for row in rows
                ),
            )
        )
    return found


def _examples(artifact: Artifact, parameters: ExamplesParameters) -> list[Result]:
    """Returns both models' replies in which a cluster's property was seen."""
    view = View(artifact)
    if view.clusters and parameters.i > len(view.clusters):
        raise DiffgaugeError(
            f"There is no cluster {parameters.i}.", allowed=f"1 to {len(view.clusters)}"
        )
    shown = view.examples(parameters.i, parameters.n) if view.clusters else []
    return [
        Samples(
            title=f"Replies in which cluster {parameters.i} was seen",
            provenance=view.provenance(),
            note=view.nothing,
            items=tuple(
                SampleItem(prompt=prompt, model=side, reply=replies[side])
                for prompt, replies in shown
                for side in SIDES
            ),
        )
    ]
