"""What is shown of an artifact of LLM diffing first."""

from typing import Final

from diffgauge.methods.artifacts import Artifact
from diffgauge.methods.llm_diff.operations import ClustersParameters, cluster_results
from diffgauge.methods.llm_diff.view import View
from diffgauge.methods.shortening import significant
from diffgauge.records.results import FreeText, Result, Scalar, Scalars

__all__ = ["overview"]

_CLUSTERS: Final = 12


def overview(artifact: Artifact) -> list[Result]:
    """Returns the overview; its JSON stays below 7,000 characters."""
    view = View(artifact)
    text = (
        f"Both models answered the same {len(view.prompts())} open prompts. Each pair of replies "
        "was compared by counting: words that one holds and the other lacks, and forms. What was "
        f"seen was put in clusters, at least {view.settings.least_cluster} of a kind, each named "
        "by its words. A cluster is a hypothesis and no finding: nothing here is tested. "
        f"{len(view.held_out)} prompts were held out to test claims on. "
    )
    text += view.nothing or f"{len(view.clusters)} clusters lean to one of the models."
    results: list[Result] = [
        FreeText(title="What was done", provenance=view.provenance(), text=text),
        Scalars(
            title="How much tells the replies apart",
            provenance=view.provenance(),
            note=view.nothing,
            items=(
                Scalar(
                    name="properties seen in a pair of replies, mean",
                    value=significant(view.n_properties / view.n_pairs),
                ),
            ),
        ),
    ]
    if view.nothing is None:
        results += cluster_results(artifact, ClustersParameters(k=_CLUSTERS))
    return results
